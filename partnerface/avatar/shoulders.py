"""The shoulders as a layer of their own: they do not ride on the head.

The tracker knows where the neck stands on the torso and little else of it, so the layer is flat: a picture behind the
head that stands upright at the foot of the neck, in metres, and is moved and bent a little by what the head's pose says
of the torso (as in Tang et al., RAD-NeRF, 2022, section 3.3). A hash grid of one slice holds the picture.
"""

import torch
from torch import Tensor, nn

from partnerface.kernels.columns import columns
from partnerface.kernels.hash_grid import HashGridSpec, hash_grid
from partnerface.kernels.part_mixture import mlp

#: The picture reaches so many times farther than the training frames show, so that it can move.
MARGIN = 1.25
#: An output of 1 moves the whole picture, and bends a place of it, by this share of its reach.
SHIFT_SCALE, BEND_SCALE = 0.2, 0.05
#: Pose codes have unit variance over the training frames: beyond this they say nothing that was learnt.
KNOWN = 2.5
_OCTAVES = 3


def on_layer(plane: Tensor, depth: Tensor, view: Tensor) -> Tensor:
    """x / z and y / z [R, 2] for the training camera of where the rays of a camera that moved meet the plane z = depth.

    Rays that run along it or away from it meet it nowhere; they get places far above the picture.
    """
    origin = -view[:, 3] @ view[:, :3]
    direction = torch.cat([plane, torch.ones_like(plane[:, :1])], dim=1) @ view[:, :3]
    reach = (depth - origin[2]) / direction[:, 2].clamp(min=1e-3)
    place = (origin[:2] + reach[:, None] * direction[:, :2]) / depth[:, None]
    met = (direction[:, 2] > 1e-3) & (reach > 0)
    return torch.where(met[:, None], place, place.new_tensor([0.0, -1e3]))


class Shoulders(nn.Module):
    """Colour and opacity of what is behind the head.

    Args:
        pose_size: length of the pose code.
        spec: the hash grid.
        width: hidden width of both MLPs.
    """

    reach: Tensor

    def __init__(self, pose_size: int, spec: HashGridSpec, width: int):
        super().__init__()
        self.spec = spec
        # Greatest distance from the foot of the neck that the frames show, m; set when the avatar is built.
        self.register_buffer("reach", torch.ones(()))
        self.table = nn.Parameter(torch.empty(spec.entries, spec.features).uniform_(-1e-4, 1e-4))
        self.shift = nn.Linear(pose_size, 2, bias=False)
        self.bend = nn.Sequential(nn.Linear(2 + 4 * _OCTAVES + pose_size, width), nn.ReLU(), nn.Linear(width, 2))
        self.paint = nn.Sequential(nn.Linear(spec.width, width), nn.ReLU(), nn.Linear(width, 4))
        for last in (self.shift, self.bend[-1]):
            for value in last.parameters():
                nn.init.zeros_(value)

    def forward(self, plane: Tensor, foot: Tensor, pose: Tensor) -> tuple[Tensor, Tensor]:
        """sRGB colours [R, 3] and opacities [R].

        Args:
            plane: [R, 2] x / z and y / z of the rays in camera space.
            foot: [R, 3] foot of the neck in each ray's frame, camera space, m.
            pose: [R, P] pose code of each ray's frame.
        """
        pose = pose.clamp(-KNOWN, KNOWN)
        place = (plane * foot[:, 2:] - foot[:, :2]) / (self.reach * MARGIN)
        waves = torch.cat(
            [wave(place * (2**k * torch.pi)) for k in range(_OCTAVES) for wave in (torch.sin, torch.cos)], 1
        )
        bent = mlp(columns(place, waves, pose), self.bend)
        moved = place + SHIFT_SCALE * self.shift(pose) + BEND_SCALE * bent
        slice_ = torch.cat([(moved + 1) / 2, torch.full_like(moved[:, :1], 0.5)], dim=1)
        painted = mlp(hash_grid(slice_, self.table, self.spec), self.paint)
        return torch.sigmoid(painted[:, :3]), torch.sigmoid(painted[:, 3] - 1)
