"""Landmarks of a whole clip: the square follows the face, is steadied over time, and is read from several views."""

import os
import queue
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import numpy as np

from partnerface.artefacts.arrays import ClipArray
from partnerface.landmarks.container import Landmarks
from partnerface.landmarks.look import Look, Reader
from partnerface.landmarks.mesh import POINTS, FaceMesh
from partnerface.landmarks.region import Region, steady
from partnerface.landmarks.visibility import mesh_visibility
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
#: Views that disagree by this share of the square's edge bring the confidence down to 61 %. The model's own presence
#: score stays near 1 where a hand covers the whole face; what gives it away is that the views then disagree: by 0.001
#: to 0.0064 on ten real clips (blinks, grimaces, low light), by 0.009 to 0.05 where all of the face is painted over.
DISAGREEMENT = 0.006
#: Below this confidence the face counts as not found: views that disagree by 0.012.
FOUND_FROM = 0.14
#: Frames that one worker follows in one go. Fixed, so that the answer does not depend on the number of workers.
STRETCH = 48
#: Frames before a stretch from which the following begins, so that it arrives as if it had come all the way.
LEAD = 3
#: More workers wait for memory rather than work.
MOST_WORKERS = 8


def detect(
    frames: ClipArray,
    faces: np.ndarray,
    views: int = 3,
    smoothing: float = 2.0,
    reader: Callable[[], Reader] = FaceMesh,
    workers: int | None = None,
) -> Landmarks:
    """MediaPipe's 478 landmarks of the followed face in each frame.

    Deterministic, whatever the number of workers. Frames may be a memory map; each worker has one in memory.

    Args:
        frames: (N, h, w, 3) uint8 sRGB.
        faces: (N, 4) boxes x0, y0, x1, y1 of the followed face in px of the frames.
        views: how many slightly different squares are averaged, 1 to 5; with 1 a covered face is taken for a seen one.
        smoothing: width in frames of the steadying of the squares over time.
        reader: makes the detector, once per worker.
        workers: threads; None takes the cores that this process may use.
    """
    count = len(frames)
    bar = Progress("landmarks (two looks per frame)", 2 * count, "look")
    stretches = [range(start, min(start + STRETCH, count)) for start in range(0, count, STRETCH)]
    looks: list[Look | None] = []
    with _crew(reader, min(workers or cores(), max(1, len(stretches)))) as (work, names):
        regions: list[Region | None] = []
        for part in work(lambda one, stretch: _follow(one, frames, faces, stretch), stretches):
            regions += part
            bar.step(len(part))
        regions = steady(regions, smoothing)
        for read in work(lambda one, stretch: [_read(one, frames[i], regions[i], views) for i in stretch], stretches):
            looks += read
            bar.step(len(read))
    return _gather(looks, names, frames.shape[1:3])


def detect_at(
    picture: Callable[[int], np.ndarray],
    around: np.ndarray,
    views: int = 3,
    reader: Callable[[], Reader] = FaceMesh,
    workers: int | None = None,
    name: str = "landmarks",
) -> tuple[np.ndarray, np.ndarray]:
    """MediaPipe's 478 landmarks of pictures that have nothing to do with each other, each read from a given square.

    Two pictures of one scene that are read from the same square may be compared: the model's answer moves with it.

    Args:
        picture: number of a picture → (h, w, 3) uint8 sRGB.
        around: (N, 478, 2) px: the square of each picture is that around these points; NaN: it is not looked at.
        views, reader, workers: as of `detect`.
        name: the name of the work, for the progress line.

    Returns:
        (N, 478, 2) float64 px, zero where not found; (N,) bool: where found.
    """
    points, found = np.zeros((len(around), POINTS, 2)), np.zeros(len(around), bool)
    wanted = np.flatnonzero(np.isfinite(around).all((1, 2))).tolist()
    bar = Progress(name, len(wanted), "picture")
    with _crew(reader, min(workers or cores(), max(1, len(wanted)))) as (work, _):
        answers = work(lambda one, i: _read(one, picture(i), Region.of_points(around[i]), views), wanted)
        for index, look in zip(wanted, answers, strict=True):
            if look is not None:
                points[index], found[index] = look.points[:, :2], True
            bar.step(1)
    return points, found


def cores() -> int:
    """How many threads to use: what the workflow allots this job, else the cores that this process may use."""
    allotted = os.environ.get("OMP_NUM_THREADS", "")
    here = len(os.sched_getaffinity(0))
    return max(1, min(int(allotted) if allotted.isdigit() else here, here, MOST_WORKERS))


@contextmanager
def _crew(reader: Callable[[], Reader], size: int) -> Iterator[tuple[Callable, tuple[str, ...]]]:
    """Threads with a detector each: `work(task, items)` gives `task(detector, item)` in the order of the items."""
    with ExitStack() as stack:
        idle: queue.SimpleQueue[Reader] = queue.SimpleQueue()
        names: tuple[str, ...] = ()
        for _ in range(size):
            one = stack.enter_context(reader())
            names = one.blendshape_names
            idle.put(one)
        pool = stack.enter_context(ThreadPoolExecutor(size))

        def work(task: Callable, items: Sequence) -> Iterator:
            def job(item):
                one = idle.get()
                try:
                    return task(one, item)
                finally:
                    idle.put(one)

            return pool.map(job, items)

        yield work, names


def _follow(reader: Reader, frames: ClipArray, faces: np.ndarray, stretch: range) -> list[Region | None]:
    """The square of each frame, from the landmarks of the frame before where they lie in the followed face's box."""
    regions: list[Region | None] = []
    last: Region | None = None
    for index in range(max(0, stretch.start - LEAD), stretch.stop):
        image, box = frames[index], faces[index]
        if last is None or not (box[0] <= last.x <= box[2] and box[1] <= last.y <= box[3]):
            last = _look(reader, image, Region.of_box(box))
        answer = _look(reader, image, last)
        if answer is None and last is not None:
            answer = _look(reader, image, _look(reader, image, Region.of_box(box)))
        last = answer
        if index >= stretch.start:
            regions.append(last)
    return regions


def _look(reader: Reader, image: np.ndarray, region: Region | None) -> Region | None:
    """The square around the landmarks that are read from a square."""
    answer = None if region is None else reader.looks(image, [region])[0]
    return None if answer is None else Region.of_points(answer.points)


def _read(reader: Reader, image: np.ndarray, region: Region | None, views: int) -> Look | None:
    """The mean of the answers to some views of a square; its score says how sure they are and how well they agree."""
    if region is None:
        return None
    answers = [one for one in reader.looks(image, [region.moved(*view) for view in VIEWS[:views]]) if one is not None]
    if not answers:
        return None
    stack = np.stack([answer.points for answer in answers])
    mean = stack.mean(0)
    spread = float(np.sqrt(((stack - mean)[..., :2] ** 2).sum(-1).mean())) / region.size
    presence = float(np.mean([answer.score for answer in answers])) * len(answers) / views
    shapes = [answer.blendshapes for answer in answers if answer.blendshapes is not None]
    score = presence * float(np.exp(-0.5 * (spread / DISAGREEMENT) ** 2))
    return Look(mean, score, np.mean(shapes, 0) if shapes else None) if score >= FOUND_FROM else None


def _gather(looks: list[Look | None], names: tuple[str, ...], size: tuple[int, ...]) -> Landmarks:
    count = len(looks)
    points, confidence = np.zeros((count, POINTS, 3), np.float32), np.zeros(count, np.float32)
    found = np.array([look is not None for look in looks], bool)
    blendshapes = np.zeros((count, len(names)), np.float32) if names else None
    for index, look in enumerate(looks):
        if look is not None:
            points[index], confidence[index] = look.points, look.score
            if blendshapes is not None and look.blendshapes is not None:
                blendshapes[index] = look.blendshapes
    visibility = mesh_visibility(points, size) * found[:, None]
    return Landmarks("mediapipe478", points, found, confidence, visibility, blendshapes, names)
