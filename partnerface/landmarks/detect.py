"""Landmarks of a whole clip: the square follows the face, is steadied over time, and is read from several views."""

import numpy as np

from partnerface.landmarks.container import Landmarks
from partnerface.landmarks.mesh import POINTS, FaceMesh
from partnerface.landmarks.region import Region, steady
from partnerface.progress import Progress

#: Views of one square: shift right and down in edges, scale, turn in radians. They cancel pairwise, so their mean has
#: no bias of its own; the model's answers to them differ by about a pixel, and the mean trembles less.
VIEWS = (
    (0.0, 0.0, 1.0, 0.0),
    (0.02, 0.01, 1.03, 0.03),
    (-0.02, -0.01, 0.97, -0.03),
    (0.01, -0.02, 1.03, -0.03),
    (-0.01, 0.02, 0.97, 0.03),
)
#: Views that disagree by this share of the square's edge bring the confidence down to 61 %.
DISAGREEMENT = 0.02


def detect(frames: np.ndarray, faces: np.ndarray, views: int = 3, smoothing: float = 2.0) -> Landmarks:
    """MediaPipe's 478 landmarks of the followed face in each frame.

    Deterministic. Frames may be a memory map; one is in memory at a time.

    Args:
        frames: (N, h, w, 3) uint8 sRGB.
        faces: (N, 4) boxes x0, y0, x1, y1 of the followed face in px of the frames.
        views: how many slightly different squares are averaged, 1 to 5.
        smoothing: width in frames of the steadying of the squares over time.
    """
    count = len(frames)
    points = np.zeros((count, POINTS, 3), np.float32)
    found, confidence = np.zeros(count, bool), np.zeros(count, np.float32)
    bar = Progress("landmarks (two looks per frame)", 2 * count, "look")
    with FaceMesh() as mesh:
        regions = steady(_follow(mesh, frames, faces, bar), smoothing)
        for index, region in enumerate(regions):
            answer = None if region is None else _read(mesh, frames[index], region, views)
            if answer is not None:
                points[index], confidence[index] = answer
                found[index] = True
            bar.step()
    return Landmarks("mediapipe478", points, found, confidence)


def _follow(mesh: FaceMesh, frames: np.ndarray, faces: np.ndarray, bar: Progress) -> list[Region | None]:
    """The square of each frame, from the landmarks of the frame before where they lie in the followed face's box."""
    regions: list[Region | None] = []
    last: Region | None = None
    for image, box in zip(frames, faces, strict=True):
        if last is None or not (box[0] <= last.x <= box[2] and box[1] <= last.y <= box[3]):
            last = _settle(mesh, image, Region.of_box(box))
        answer = None if last is None else mesh(image, last)
        if answer is None and last is not None:
            last = _settle(mesh, image, Region.of_box(box))
            answer = None if last is None else mesh(image, last)
        last = None if answer is None else Region.of_points(answer[0])
        regions.append(last)
        bar.step()
    return regions


def _settle(mesh: FaceMesh, image: np.ndarray, region: Region) -> Region | None:
    """The square around the landmarks that are read from the square around a detector's box."""
    answer = mesh(image, region)
    return None if answer is None else Region.of_points(answer[0])


def _read(mesh: FaceMesh, image: np.ndarray, region: Region, views: int) -> tuple[np.ndarray, float] | None:
    answers = [answer for view in VIEWS[:views] if (answer := mesh(image, region.moved(*view))) is not None]
    if not answers:
        return None
    stack = np.stack([points for points, _ in answers])
    mean = stack.mean(0)
    spread = float(np.sqrt(((stack - mean)[..., :2] ** 2).sum(-1).mean())) / region.size
    presence = float(np.mean([score for _, score in answers])) * len(answers) / views
    return mean, presence * float(np.exp(-0.5 * (spread / DISAGREEMENT) ** 2))
