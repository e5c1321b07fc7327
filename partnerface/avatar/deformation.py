"""The part-based deformation field: K local MLPs and the part assigner that weighs their predictions.

For a canonical point x and the frame's expression code z:

    w = sparsemax(assigner(x)),  b = sum_k w_k MLP_k(enc(x)),  dx = b_0 + sum_c z_c b_c,

so that each part knows, everywhere, where a point goes at rest and along each component of the code (a field of
blendshapes, as in Zheng et al., I M Avatar, CVPR 2022). As the paper has it the code is an input of the local networks,
dx = sum_k w_k MLP_k(enc(x), z); they then bend it as they like, and learn the training frames by heart.

The weights are soft, but a part that has no say in a place weighs exactly nothing there, and its network is not run;
with a softmax all eight counted everywhere, at the same quality. In the warm-up w is one-hot, from a fixed partition of
the head's surface, and the assigner learns to imitate it.
"""

import itertools

import torch
from torch import Tensor, nn

from partnerface.avatar.methods import part_sizes
from partnerface.kernels.columns import columns
from partnerface.kernels.encoding import positional_encoding
from partnerface.kernels.part_mixture import mlp, part_mixture
from partnerface.kernels.render import PosedDeformation, linear_layers, with_code
from partnerface.kernels.sparsemax import sparsemax

#: Weightings that learn an assigner.
ASSIGNED = ("sparsemax", "softmax")
#: How far a part at a landmark reaches, m (the deviation of its Gaussian).
LANDMARK_REACH = 0.02


def partition(vertices: Tensor, importance: Tensor, parts: int, rounds: int = 30) -> Tensor:
    """Centres of a K-means partition of the surface, weighted by how much each place moves; deterministic.

    Args:
        vertices: [V, 3] m.
        importance: [V] positive weights.
        parts: K.

    Returns:
        [K, 3] centres, m.
    """
    centres = vertices[importance.argmax()][None]
    while len(centres) < parts:
        distance = torch.cdist(vertices, centres).amin(1) ** 2 * importance
        centres = torch.cat([centres, vertices[distance.argmax()][None]])
    for _ in range(rounds):
        label = torch.cdist(vertices, centres).argmin(1)
        total = torch.zeros(parts).index_add(0, label, importance)
        centres = torch.zeros(parts, 3).index_add(0, label, vertices * importance[:, None])
        centres = centres / total.clamp(min=1e-12)[:, None]
    return centres


class PartDeformation(nn.Module):
    """Displacements of canonical points.

    Args:
        centres: [K, 3] centres of the warm-up's partition, or the landmarks that the parts stand at, m.
        weighting: one of `methods.WEIGHTINGS`.
        blendshapes: the code adds up displacements that the local networks predict for each component; else it is an
            input of theirs.
        code_size: length C of the expression code.
        width, layers: of a local MLP.
        octaves: of the positional encoding.
        scale: displacement at an output of 1, m.
        middle, extent: the canonical box's centre [3] and half edge, m: points are scaled to [-1, 1] by them.

    Attributes:
        attention: [K, C] in [0, 1], how much of the code each part sees.
    """

    centres: Tensor
    middle: Tensor
    attention: Tensor

    def __init__(
        self,
        centres: Tensor,
        weighting: str,
        blendshapes: bool,
        code_size: int,
        width: int,
        layers: int,
        octaves: int,
        scale: float,
        middle: Tensor,
        extent: float,
    ):
        super().__init__()
        self.register_buffer("centres", centres)
        self.register_buffer("middle", middle)
        self.register_buffer("attention", torch.ones(len(centres), code_size))
        self.blendshapes = blendshapes
        self.weighting, self.octaves, self.scale, self.extent = weighting, octaves, scale, extent
        parts, encoded = len(centres), 3 + 6 * octaves
        sizes = part_sizes(encoded, code_size, width, layers, blendshapes)
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for i, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
            last = i == layers - 1
            bound = 0.0 if last else (6 / fan_in) ** 0.5
            self.weights.append(nn.Parameter(torch.empty(parts, fan_in, fan_out).uniform_(-bound, bound)))
            self.biases.append(nn.Parameter(torch.zeros(parts, fan_out)))
        self.assigner = None
        if weighting in ASSIGNED and parts > 1:
            self.assigner = nn.Sequential(nn.Linear(encoded, 32), nn.ReLU(), nn.Linear(32, parts))

    @property
    def parts(self) -> int:
        """K."""
        return len(self.centres)

    def encode(self, points: Tensor) -> Tensor:
        """Positional encoding of canonical points [N, 3], m."""
        return positional_encoding((points - self.middle) / self.extent, self.octaves)

    def labels(self, points: Tensor) -> Tensor:
        """[N] the part of each point in the warm-up's fixed partition."""
        return torch.cdist(points, self.centres).argmin(1)

    def weigh(self, points: Tensor, hard: bool = False) -> tuple[Tensor, Tensor | None]:
        """Weights of the parts [N, K], which sum to 1, and the assigner's logits [N, K] where there is an assigner.

        Args:
            points: [N, 3] canonical places, m.
            hard: weigh by the fixed partition instead of the assigner.
        """
        return self._weigh(points, self.encode(points), hard)

    def _weigh(self, points: Tensor, encoded: Tensor, hard: bool) -> tuple[Tensor, Tensor | None]:
        logits = None if self.assigner is None else mlp(encoded, self.assigner)
        if self.weighting == "landmarks":
            # Along the first dimension of what is stored feature by feature.
            far = torch.cdist(points.detach(), self.centres) / LANDMARK_REACH
            return torch.softmax(-0.5 * far.square().t(), dim=0).t(), None
        if logits is None or hard:
            label = self.labels(points.detach())
            return nn.functional.one_hot(label, self.parts).to(points.dtype), logits
        return sparsemax(logits) if self.weighting == "sparsemax" else torch.softmax(logits.t(), dim=0).t(), logits

    def _networks(self) -> list[tuple[Tensor, Tensor]]:
        """Weights [K, D_in, D_out] and biases [K, D_out] of the local networks, blind to what they don't attend to."""
        layers = list(zip(self.weights, self.biases, strict=True))
        whole = self.attention.new_ones(self.parts, 1)
        if self.blendshapes:
            weight, bias = layers[-1]
            seen = torch.cat([whole, self.attention], dim=1).repeat_interleave(3, dim=1)
            layers[-1] = weight * seen[:, None], bias * seen
        else:
            weight, bias = layers[0]
            seen = torch.cat([whole.expand(-1, 3 + 6 * self.octaves), self.attention], dim=1)
            layers[0] = weight * seen[..., None], bias
        return layers

    def _in_frame(self, networks: list[tuple[Tensor, Tensor]], code: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The local networks [K, 3 + 6 octaves, ..., 3] in a frame of the code [C], which they have taken in."""
        if not self.blendshapes:
            return [with_code(*networks[0], code, 3 + 6 * self.octaves), *networks[1:]]
        amounts = torch.cat([code.new_ones(1), code])[:, None]
        weight, bias = ((value.unflatten(-1, (-1, 3)) * amounts).sum(-2) for value in networks[-1])
        return [*networks[:-1], (weight, bias)]

    def forward(self, points: Tensor, code: Tensor, slot: Tensor, hard: bool) -> tuple[Tensor, Tensor | None]:
        """Displacements [N, 3], m, and the assigner's logits [N, K] where there is one.

        Args:
            points: [N, 3] canonical places, m.
            code: [B, C] expression codes of B frames.
            slot: [N] int64, which of them each point belongs to.
            hard: weigh by the fixed partition instead of the assigner.
        """
        encoded = self.encode(points)
        weights, logits = self._weigh(points, encoded, hard)
        # Parts that weigh nothing are left out.
        if self.blendshapes:
            amounts = torch.cat([code.new_ones(len(code), 1), code], dim=1)
            moved = part_mixture(encoded, weights, self._networks(), 0.0, amounts, slot)
        else:
            moved = part_mixture(columns(encoded, code[slot]), weights, self._networks(), bound=0.0)
        return moved * self.scale, logits

    def posed(self, code: Tensor) -> PosedDeformation | None:
        """What the renderer wants for frames of the expression code [C]; None where it does not know the weighting."""
        if self.weighting != "sparsemax":
            return None
        # To a part that is the only one any logit gives the whole weight.
        alone = [(code.new_zeros(1, 3 + 6 * self.octaves, 1), code.new_zeros(1, 1))]
        assigner = alone if self.assigner is None else linear_layers(self.assigner)
        parts = self._in_frame(self._networks(), code)
        return PosedDeformation(self.octaves, self.middle, self.extent, self.scale, 0.0, assigner, parts)
