"""MediaPipe's Tasks API: the face landmarker from the user's own `face_landmarker.task`, with 52 blendshape scores.

The task finds the face in the picture that it is given and turns and cuts it itself, bilinearly. It is therefore given
the square that we cut with an area filter, at the resolution of its own model, so that it has nothing left to shrink.
"""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from partnerface.errors import InputError, PartNerFaceError
from partnerface.landmarks.container import BLENDSHAPES
from partnerface.landmarks.cut import cut_squares
from partnerface.landmarks.look import Look, to_picture
from partnerface.landmarks.region import Region
from partnerface.quiet import hush_logs, quiet

#: Edge of the input of the landmark model in the official file, px.
INPUT = 256
NEEDED = ("face_detector.tflite", "face_landmarks_detector.tflite")
WITH_BLENDSHAPES = "face_blendshapes.tflite"
SOURCE = "get face_landmarker.task from ai.google.dev/edge/mediapipe/solutions/vision/face_landmarker (Apache-2.0)"


class TaskMesh:
    """The face landmarker of a .task file; a context manager.

    Args:
        path: the file.

    Raises:
        InputError: the file is absent, damaged, or another task's.
    """

    def __init__(self, path: Path):
        hush_logs()
        members = _members(path)
        try:
            import mediapipe
            from mediapipe.tasks.python import vision
            from mediapipe.tasks.python.core.base_options import BaseOptions
        except ImportError as error:
            raise PartNerFaceError(f"landmarks.task_file wants MediaPipe's Tasks API: {error}; `make env`") from None
        self._mediapipe: Any = mediapipe
        with_shapes = WITH_BLENDSHAPES in members
        try:
            with quiet():
                # As bytes: the file is read once, and a path's spelling can't matter.
                self._task: Any = vision.FaceLandmarker.create_from_options(
                    vision.FaceLandmarkerOptions(
                        base_options=BaseOptions(model_asset_buffer=path.read_bytes()),
                        output_face_blendshapes=with_shapes,
                    )
                )
                # The notes of a graph come with its first picture, and so do a model's faults.
                self._detect(np.zeros((INPUT, INPUT, 3), np.uint8))
        except (RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0][:160]
            raise InputError(f"{path} can't be used as a face landmarker ({reason}); {SOURCE}") from None
        self.blendshape_names: tuple[str, ...] = _names() if with_shapes else ()

    def __enter__(self) -> "TaskMesh":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.close()

    def _detect(self, square: np.ndarray) -> Any:
        image = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=square)
        return self._task.detect(image)

    def looks(self, image: np.ndarray, regions: Sequence[Region]) -> list[Look | None]:
        """Landmarks of the face in each of some squares of a picture; see `Reader.looks`.

        The task keeps its presence score to itself: the score is 1 where it finds a face.
        """
        return [
            self._answer(square, region)
            for region, square in zip(regions, cut_squares(image, regions, INPUT), strict=True)
        ]

    def _answer(self, square: np.ndarray, region: Region) -> Look | None:
        result = self._detect(square)
        if not result.face_landmarks:
            return None
        points = np.array([(point.x, point.y, point.z) for point in result.face_landmarks[0]]) * INPUT
        shapes = None
        if self.blendshape_names:
            shapes = np.zeros(BLENDSHAPES)
            for item in result.face_blendshapes[0]:
                shapes[item.index] = item.score
        return Look(to_picture(points, region, INPUT), 1.0, shapes)


def _members(path: Path) -> list[str]:
    """The names of the models in a .task file, which is an archive of them."""
    try:
        with zipfile.ZipFile(path) as archive:
            members, damaged = archive.namelist(), archive.testzip()
    except OSError as error:
        raise InputError(f"cannot read landmarks.task_file {path}: {error.strerror}; {SOURCE}") from None
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise InputError(f"landmarks.task_file {path} is damaged or no task ({error}); {SOURCE}") from None
    lacking = [name for name in NEEDED if name not in members]
    if lacking or damaged:
        trouble = f"lacks {', '.join(lacking)}" if lacking else f"is damaged at {damaged}"
        raise InputError(f"landmarks.task_file {path} {trouble}; {SOURCE}")
    return members


def _names() -> tuple[str, ...]:
    """MediaPipe's names of the blendshapes (`_neutral`, `browDownLeft`, ...), from its enumeration."""
    from mediapipe.tasks.python.vision.face_landmarker import Blendshapes

    def spelled(name: str) -> str:
        first, *rest = name.lower().split("_")
        return first + "".join(word.capitalize() for word in rest)

    ordered = sorted(Blendshapes, key=lambda item: item.value)
    return tuple("_neutral" if item.name == "NEUTRAL" else spelled(item.name) for item in ordered)
