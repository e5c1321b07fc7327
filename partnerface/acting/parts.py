"""What `partnerface render --parts` makes: the parts at first, as they were learned, and how far they move the face."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from partnerface.acting.actor import Actor
from partnerface.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

#: Frames of the training over which movement is averaged.
FRAMES = 32
DENSITY = 0.75
CAPTION = 26
#: From not moved to moved the most: dark blue, through red, to pale yellow.
HEAT = ((0.10, 0.12, 0.35), (0.55, 0.15, 0.45), (0.90, 0.35, 0.25), (0.99, 0.90, 0.60))


@dataclass(frozen=True)
class Parts:
    """What the parts of an avatar do.

    Attributes:
        sheet: (H, W, 3) uint8: the head at rest, stage 1, stage 2, movement.
        share: (K,) of the head's surface. first: (K,) the same by the warm-up's partition. travel_mm: (K,) how far each
            moves its own places, root mean square over the training.
    """

    sheet: "np.ndarray"
    share: "np.ndarray"
    first: "np.ndarray"
    travel_mm: "np.ndarray"

    def lines(self) -> list[str]:
        """A table to print."""
        rows = zip(self.first, self.share, self.travel_mm, strict=True)
        return [
            "part  stage 1  stage 2  moves its places by (root mean square over the training)",
            *(f"{k + 1:4}  {first:7.0%}  {share:7.0%}  {mm:.2f} mm" for k, (first, share, mm) in enumerate(rows)),
        ]


def look_at_parts(actor: Actor, size: int) -> Parts:
    """Draw and measure the parts of an avatar.

    Args:
        actor: the avatar.
        size: edge of each of the four pictures, px.

    Raises:
        InputError: it has no parts.
    """
    import numpy as np
    import torch

    from partnerface.avatar.motion import Motion
    from partnerface.avatar.part_map import laid_over, part_colours, part_map, travel, travel_map
    from partnerface.avatar.pictures import scaled_camera
    from partnerface.driving.transfer import at_rest, onto
    from partnerface.kernels import prepare

    prepare()
    avatar = actor.load()
    deformation = avatar.deformation
    if deformation is None or deformation.parts < 2:
        raise InputError(f"{actor.path} has no parts to look at; give an avatar of a method with parts")
    rest = Motion.from_arrays(onto(at_rest(actor.neutral, 1), actor.neutral))
    known = Motion.from_arrays(actor.known.motion)
    over = known.take(torch.linspace(0, len(known) - 1, min(FRAMES, len(known))).round().long())
    camera, height, width = scaled_camera(actor.facts["camera"], tuple(actor.facts["size"]), size)
    shot = (rest, camera, height, width)
    background = torch.tensor(actor.facts["background"], dtype=torch.float32)
    with torch.no_grad():
        picture, opacity = avatar.image(*shot, background, actor.step)
        colours, panels = part_colours(deformation.parts), [picture]
        for hard in (True, False):
            weights = part_map(avatar, *shot, actor.step, hard=hard)
            panels.append(laid_over(picture, weights @ colours, weights.sum(2), DENSITY))
        moved = travel_map(avatar, *shot, actor.step, over)
        # A few grazing rays at the outline would set the scale.
        most = float(moved[opacity > 0.5].quantile(0.98)) if bool((opacity > 0.5).any()) else 0.0
        heat = _heat(moved / max(most, 1e-9)) * opacity[..., None]
        panels.append(laid_over(picture, heat, opacity, DENSITY))
        places = avatar.surface.canonical
        share, first = deformation.weigh(places)[0], deformation.weigh(places, hard=True)[0]
        by_part = ((share * travel(avatar, places, over).square()).sum(0) / share.sum(0).clamp(min=1e-9)).sqrt()
    captions = ("at rest", "stage 1: fixed partition", "stage 2: as learned", f"moved; brightest: {most * 1e3:.1f} mm")
    return Parts(
        np.concatenate([_captioned(panel, text) for panel, text in zip(panels, captions, strict=True)], axis=1),
        share.mean(0).numpy(),
        first.mean(0).numpy(),
        by_part.numpy() * 1e3,
    )


def _heat(values: "Tensor") -> "Tensor":
    """[H, W, 3] colours of values [H, W] in [0, 1]."""
    import torch

    stops = torch.tensor(HEAT)
    place = values.clamp(0, 1) * (len(stops) - 1)
    low = place.floor().long().clamp(max=len(stops) - 2)
    return torch.lerp(stops[low], stops[low + 1], (place - low)[..., None])


def _captioned(picture: "Tensor", text: str) -> "np.ndarray":
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    image = Image.fromarray((picture.numpy() * 255 + 0.5).astype("uint8"))
    sheet = Image.new("RGB", (image.width, image.height + CAPTION), "white")
    sheet.paste(image, (0, CAPTION))
    ImageDraw.Draw(sheet).text((6, 5), text, fill="black", font=ImageFont.load_default(14))
    return np.asarray(sheet)
