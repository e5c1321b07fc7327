"""The part-based deformation field: K local MLPs and the part assigner that weighs their predictions.

For a canonical point x and the frame's expression code z:  w = sparsemax(assigner(x)),  dx = sum_k w_k MLP_k(enc(x), z).
The weights are soft, but a part that has no say in a place weighs exactly nothing there, and its network is not run: with
a softmax all eight counted everywhere, at the same quality. In the warm-up w is one-hot, from a fixed partition of the head's surface, and the assigner learns to imitate it.
"""

import itertools

import torch
from torch import Tensor, nn

from partnerface.kernels.columns import columns
from partnerface.kernels.encoding import positional_encoding
from partnerface.kernels.part_mixture import mlp, part_mixture
from partnerface.kernels.render import PosedDeformation, linear_layers, with_code
from partnerface.kernels.sparsemax import sparsemax


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
        centres: [K, 3] centres of the warm-up's partition, m.
        code_size: length C of the expression code.
        width, layers: of a local MLP.
        octaves: of the positional encoding.
        scale: displacement at an output of 1, m.
        middle, extent: the canonical box's centre [3] and half edge, m: points are scaled to [-1, 1] by them.
    """

    centres: Tensor
    middle: Tensor

    def __init__(
        self,
        centres: Tensor,
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
        self.octaves, self.scale, self.extent = octaves, scale, extent
        parts, encoded = len(centres), 3 + 6 * octaves
        sizes = [encoded + code_size] + [width] * (layers - 1) + [3]
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for i, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
            last = i == layers - 1
            bound = 0.0 if last else (6 / fan_in) ** 0.5
            self.weights.append(nn.Parameter(torch.empty(parts, fan_in, fan_out).uniform_(-bound, bound)))
            self.biases.append(nn.Parameter(torch.zeros(parts, fan_out)))
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

    def forward(self, points: Tensor, code: Tensor, hard: bool) -> tuple[Tensor, Tensor]:
        """Displacements [N, 3], m, and the assigner's logits [N, K].

        Args:
            points: [N, 3] canonical places, m.
            code: [N, C] expression code of each point's frame.
            hard: weigh by the fixed partition instead of the assigner.
        """
        encoded = self.encode(points)
        logits = mlp(encoded, self.assigner)
        if hard:
            weights = nn.functional.one_hot(self.labels(points.detach()), self.parts).to(points.dtype)
        else:
            weights = sparsemax(logits)
        layers = list(zip(self.weights, self.biases, strict=True))
        # Parts that weigh nothing are left out.
        moved = part_mixture(columns(encoded, code), weights, layers, bound=0.0)
        return moved * self.scale, logits

    def posed(self, code: Tensor) -> PosedDeformation:
        """What the renderer wants for frames of the expression code [C]; weighed by the assigner."""
        layers = list(zip(self.weights, self.biases, strict=True))
        layers[0] = with_code(*layers[0], code, 3 + 6 * self.octaves)
        assigner = linear_layers(self.assigner)
        return PosedDeformation(self.octaves, self.middle, self.extent, self.scale, 0.0, assigner, layers)
