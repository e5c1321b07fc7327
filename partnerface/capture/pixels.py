"""What the pixels of a few hundred frames say: sharpness, light on the skin, the colours of the face's points."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from partnerface.artefacts.arrays import ClipArray
from partnerface.capture.face import FaceTrack
from partnerface.conventions import CLASS_NAMES
from partnerface.head.points import INNER_LIPS

#: Frames that are looked at, at most.
MOST_FRAMES = 600
#: Faces are shrunk until the eye corners lie so far apart, px; smaller ones stay as they are.
UNIT_PX = 80.0
#: Width of the known blur that sharpness is measured with, px of the shrunk face; less for faces smaller than that.
BLUR_PX, LEAST_BLUR_PX = 1.5, 0.5
#: Radius over which the colour of a point is taken, px of the shrunk face.
POINT_PX = 1.5
#: 8-bit values: video coding moves white and black by a few steps.
WHITE, BLACK = 250, 12
#: Fewer pixels than this say nothing about skin or teeth.
LEAST_SKIN_PX, LEAST_MOUTH_PX = 50, 40
#: Teeth are at least so bright beside the skin (linear light), and at most so red (red over green) beside it.
TEETH_BRIGHT, TEETH_RED = 0.45, 0.85
SKIN = [CLASS_NAMES.index(name) for name in ("skin", "nose")]
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
#: sRGB (IEC 61966-2-1), 8 bits → linear light.
LINEAR = np.array([v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in np.arange(256) / 255],
                  np.float32)  # fmt: skip


@dataclass(frozen=True)
class FacePixels:
    """Measures of S sampled frames; NaN where a frame does not tell.

    Attributes:
        frames: (S,) positions among the stored frames.
        sharpness: (S,) share of the face's gradients that a known blur takes away: 0 blurred, towards 1 sharp.
        white, black: (S,) share of skin pixels with a channel at the upper end, or with all at the lower end.
        brightest: (S,) luminance, linear, that one in a hundred of the face's pixels exceeds.
        teeth: (S,) share of the open mouth that looks like teeth.
        colours: (S, 468, 3) float32 linear RGB at MediaPipe's points.
    """

    frames: np.ndarray
    sharpness: np.ndarray
    white: np.ndarray
    black: np.ndarray
    brightest: np.ndarray
    teeth: np.ndarray
    colours: np.ndarray


def sample(count: int, most: int = MOST_FRAMES) -> np.ndarray:
    """Which of `count` frames to look at: all, or evenly spread pairs of neighbours, which show flicker."""
    if count <= most:
        return np.arange(count)
    first = np.linspace(0, count - 2, most // 2).round().astype(int)
    return np.unique(np.concatenate([first, first + 1]))


def look(
    frames: ClipArray | Sequence[np.ndarray],
    classes: ClipArray | Sequence[np.ndarray],
    face: FaceTrack,
    chosen: np.ndarray,
    on_frame: Callable[[], None] = lambda: None,
) -> FacePixels:
    """Measure the chosen frames, one after the other.

    Args:
        frames: N images (h, w, 3) uint8 sRGB, as a memory map.
        classes: N (h, w) uint8.
        face: where it is.
        chosen: (S,) positions.
        on_frame: called after each.
    """
    count = len(chosen)
    values = np.full((5, count), np.nan)
    colours = np.zeros((count, 468, 3), np.float32)
    for row, index in enumerate(chosen):
        image, labels, points = cut(frames[index], classes[index], face.points[index], face.unit[index])
        linear = LINEAR[image]
        colours[row] = point_colours(linear, points[:468])
        skin = np.isin(labels, SKIN)
        blur = BLUR_PX * min(1.0, float(face.unit[index]) / UNIT_PX)
        values[0, row] = sharpness(image, max(blur, LEAST_BLUR_PX))
        if skin.sum() >= LEAST_SKIN_PX:
            of_skin = image[skin]
            values[1, row] = (of_skin.max(1) >= WHITE).mean()
            values[2, row] = (of_skin.max(1) <= BLACK).mean()
            values[3, row] = np.quantile(linear[labels > 0] @ LUMINANCE, 0.99)
            values[4, row] = teeth(linear, points[list(INNER_LIPS)], linear[skin].mean(0))
        on_frame()
    sharp, white, black, brightest, of_teeth = values
    return FacePixels(chosen, sharp, white, black, brightest, of_teeth, colours)


def cut(
    image: np.ndarray, labels: np.ndarray, points: np.ndarray, unit: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The face's bounding box, shrunk to `UNIT_PX`: image, classes, and the points in its px."""
    import cv2

    height, width = labels.shape
    x0, y0 = np.clip(np.floor(points.min(0)), 0, (width - 8, height - 8)).astype(int)
    x1, y1 = np.clip(np.ceil(points.max(0)), (x0 + 8, y0 + 8), (width, height)).astype(int)
    scale = min(1.0, UNIT_PX / max(float(unit), 1e-6))
    size = (max(8, round((x1 - x0) * scale)), max(8, round((y1 - y0) * scale)))
    part = np.ascontiguousarray(image[y0:y1, x0:x1])
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    classes = cv2.resize(np.ascontiguousarray(labels[y0:y1, x0:x1]), size, interpolation=cv2.INTER_NEAREST)
    return small, classes, (points - (x0, y0)) * (np.array(size) / (x1 - x0, y1 - y0))


def sharpness(image: np.ndarray, blur: float = BLUR_PX) -> float:
    """The share of an image's gradients (sum of absolute differences of neighbours) that a known blur takes away.

    After Crete et al. 2007, "The blur effect": what is blurred already loses little by more blur. Being a ratio, it
    depends little on what the image shows.

    Args:
        image: (h, w, 3) uint8.
        blur: width (sigma) of the blur, px.
    """
    import cv2

    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    soft = cv2.GaussianBlur(grey, (0, 0), blur)
    before, after = (float(np.abs(np.diff(a, axis=0)).sum() + np.abs(np.diff(a, axis=1)).sum()) for a in (grey, soft))
    return max(0.0, 1 - after / before) if before > 0 else 0.0


def point_colours(linear: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(n, 3) colours around points (n, 2) of a linear image, px with centres at +0.5; edges repeat."""
    import cv2

    soft = cv2.GaussianBlur(linear, (0, 0), POINT_PX)
    x, y = (points - 0.5).astype(np.float32).T
    return cv2.remap(soft, x[None], y[None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]


def teeth(linear: np.ndarray, lips: np.ndarray, skin: np.ndarray) -> float:
    """The share of the inside of the lips that looks like teeth; NaN where the mouth is too little open to tell.

    Args:
        linear: (h, w, 3) linear RGB.
        lips: (n, 2) the inner lips' outline, px.
        skin: (3,) the skin's mean colour.
    """
    import cv2

    inside = np.zeros(linear.shape[:2], np.uint8)
    cv2.fillPoly(inside, [np.round(lips - 0.5).astype(np.int32)], (1,))
    inside = cv2.erode(inside, np.ones((3, 3), np.uint8)) > 0
    if inside.sum() < LEAST_MOUTH_PX:
        return float("nan")
    mouth = linear[inside]
    bright = mouth @ LUMINANCE > TEETH_BRIGHT * (skin @ LUMINANCE)
    pale = mouth[:, 0] * skin[1] < TEETH_RED * mouth[:, 1] * skin[0]
    return float((bright & pale).mean())
