"""From a wish to a picture: the frame that is asked for, the camera, the parts and their colours."""

import contextlib
import io
import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from partnerface.avatar.deformation import PartDeformation
from partnerface.avatar.motion import Motion
from partnerface.avatar.part_map import laid_over, part_colours, part_map
from partnerface.geometry.rotations import axis_angle_to_matrix
from partnerface.viewing.controls import Control, controls, moved, values
from partnerface.viewing.subject import Clip, Subject
from partnerface.viewing.wish import View, Wish

#: Rays of a band: between two bands a picture can be given up for a newer wish.
BAND = 16384
QUALITY = 90
BACKGROUNDS = {"white": 1.0, "grey": 0.5, "black": 0.0}
MUTED_COLOUR = (0.55, 0.55, 0.55)


class Scene:
    """An avatar, its sliders and its clip; turns wishes into pictures.

    Args:
        subject: what is looked at.
        clip: what it can be played by.
    """

    def __init__(self, subject: Subject, clip: Clip | None):
        self.subject, self.clip = subject, clip
        self.known = subject.known
        self.controls: list[Control] = controls(self.known, subject.expression_names)
        deformation = subject.avatar.deformation
        self.parts = 0 if deformation is None else deformation.parts
        self.colours = part_colours(self.parts)
        self.shares: list[float] = []
        if deformation is not None:
            with torch.no_grad():
                self.shares = deformation.weigh(subject.avatar.surface.canonical)[0].mean(0).tolist()
        posed = self.known.neutral.pose(subject.avatar.surface.head, subject.avatar.surface.shape)
        self.pivot = posed.vertices[0].mean(0)

    def motion(self, wish: Wish) -> Motion:
        """The one frame that a wish is about."""
        base = self.known.neutral
        if wish.frame is not None and self.clip is not None:
            base = self.clip.motion.take([wish.frame])
            base = Motion(**{name: value.to(self.pivot.device) for name, value in vars(base).items()})
        return moved(base, self.controls, wish.changes, self.known.neck_turns)

    def stands(self, wish: Wish) -> list[float]:
        """Where the sliders stand in the frame that a wish is about, in their order."""
        return values(self.motion(wish), self.controls)[0].tolist()

    def size(self, level: int) -> tuple[int, int]:
        """Height and width of a picture whose longer edge is `level` px."""
        height, width = self.subject.size
        longer = max(height, width)
        return max(round(height * level / longer), 1), max(round(width * level / longer), 1)

    def camera(self, view: View, height: int, width: int) -> Tensor:
        """[3, 3] K of a picture, enlarged about its middle and shifted."""
        own_height, own_width = self.subject.size
        middle = torch.tensor([own_width / 2, own_height / 2])
        camera = self.subject.camera.clone()
        camera[:2, 2] = (camera[:2, 2] - middle) * view.zoom + middle + torch.tensor([view.x, view.y]) * own_width
        camera[0, 0] *= view.zoom
        camera[1, 1] *= view.zoom
        camera[0] *= width / own_width
        camera[1] *= height / own_height
        return camera

    def turned(self, view: View) -> Tensor | None:
        """[3, 4] the camera's way round the head, or None where it stands as in training.

        The head goes to the right of the picture as `turn` grows, and down as `lift` grows, as if dragged.
        """
        if not view.turn and not view.lift:
            return None
        about_y = axis_angle_to_matrix(torch.tensor([0.0, -math.radians(view.turn), 0.0]))
        about_x = axis_angle_to_matrix(torch.tensor([math.radians(view.lift), 0.0, 0.0]))
        rotation = about_x @ about_y
        return torch.cat([rotation, (self.pivot - rotation @ self.pivot)[:, None]], dim=1)

    @torch.no_grad()
    def paint(self, wish: Wish, goes_on: Callable[[], bool] = lambda: True) -> Tensor | None:
        """The picture [H, W, 3] sRGB, or None when `goes_on`, asked between bands of rows, says no."""
        avatar, motion, view = self.subject.avatar, self.motion(wish), self.turned(wish.view)
        height, width = self.size(wish.size)
        camera = self.camera(wish.view, height, width)
        level = BACKGROUNDS.get(wish.background)
        background = self.subject.background if level is None else torch.full((3,), level)
        rows = max(BAND // width, 1)
        bands = []
        for top in range(0, height, rows):
            if top and not goes_on():
                return None
            here, count = camera.clone(), min(rows, height - top)
            here[1, 2] -= top
            with muted(avatar.deformation, wish.muted):
                band, _ = avatar.image(motion, here, count, width, background, self.subject.step, view=view)
            if wish.overlay and self.parts:
                if not goes_on():
                    return None
                band = self._overlaid(band, part_map(avatar, motion, here, count, width, self.subject.step, view), wish)
            bands.append(band)
        return torch.cat(bands)

    def _overlaid(self, picture: Tensor, weights: Tensor, wish: Wish) -> Tensor:
        """The parts' colours over a picture, as dense as each part weighs there; those switched off are grey."""
        colours = self.colours.clone()
        colours[sorted(wish.muted)] = torch.tensor(MUTED_COLOUR)
        return laid_over(picture, weights @ colours, weights.sum(2), wish.overlay)


def jpeg(picture: Tensor) -> bytes:
    """A picture [H, W, 3] in [0, 1] as a JPEG file."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray((picture.cpu().numpy() * 255 + 0.5).astype("uint8")).save(out, "jpeg", quality=QUALITY)
    return out.getvalue()


@contextlib.contextmanager
def muted(deformation: PartDeformation | None, parts: frozenset[int]) -> Iterator[None]:
    """Meanwhile the local MLPs of these parts say zero: they move nothing, whatever the assigner gives them."""
    if deformation is None or not parts:
        yield
        return
    last, index = (deformation.weights[-1], deformation.biases[-1]), sorted(parts)
    kept = [parameter.data[index].clone() for parameter in last]
    try:
        for parameter in last:
            parameter.data[index] = 0
        yield
    finally:
        for parameter, value in zip(last, kept, strict=True):
            parameter.data[index] = value
