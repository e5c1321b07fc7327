"""MediaPipe's bare models: how fast they are where nothing is done with their answers."""

from collections.abc import Callable
from typing import Any

import numpy as np

from partnerface.artefacts.arrays import ClipArray
from partnerface.bench.result import MEDIAPIPE, Result, result, say, timed
from partnerface.quiet import hush_logs, quiet

#: Pictures that go through a model before the clock runs; the notes of a graph come with the first.
WARM_UP = 8


def bare_model(name: str, frames: ClipArray, repeats: int) -> Result:
    """The row of a bare model: one call per picture, one after the other, pictures in memory.

    Args:
        name: a name of rows.MODELS.
        frames: (N, h, w, 3) uint8 sRGB.
        repeats: how often it goes over the frames.
    """
    pictures = [np.array(frame) for frame in frames]
    with quiet():
        model = _MAKERS[name]()
        for picture in pictures[:WARM_UP]:
            model.process(picture)

    def look() -> None:
        for picture in pictures:
            model.process(picture)

    say(f"{name}, {repeats} times over {len(pictures)} frames")
    with model:
        seconds = [time / len(pictures) for time in timed(look, repeats)]
    return result(name, MEDIAPIPE, seconds, 1, "frames/s", ratio_to_reference=1.0)


def _face_detection() -> Any:
    from mediapipe.python.solutions import face_detection

    return face_detection.FaceDetection(model_selection=0)


def _face_mesh() -> Any:
    from mediapipe.python.solutions import face_mesh

    # As a video, with 478 points: the detector runs on the first picture alone.
    return face_mesh.FaceMesh(static_image_mode=False, max_num_faces=1, refine_landmarks=True)


def _selfie() -> Any:
    from mediapipe.python.solutions import selfie_segmentation

    return selfie_segmentation.SelfieSegmentation(model_selection=0)


hush_logs()
_MAKERS: dict[str, Callable[[], Any]] = {
    "mediapipe_face_detection": _face_detection,
    "mediapipe_face_mesh": _face_mesh,
    "mediapipe_selfie": _selfie,
}
