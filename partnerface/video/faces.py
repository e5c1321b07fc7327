"""Where the faces of a picture are, by MediaPipe's detectors."""

from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np

from partnerface.quiet import hush_logs, quiet


@dataclass(frozen=True)
class Faces:
    """The n faces of a picture.

    Attributes:
        boxes: (n, 5) float64: x0, y0, x1, y1 in pixels (a box may reach beyond the picture), and the score. A box goes
            from the brows to the chin.
        points: (n, 6, 2) float64 px: right eye, left eye, nose tip, mouth, right ear, left ear of the person.
    """

    boxes: np.ndarray
    points: np.ndarray

    def __len__(self) -> int:
        return len(self.boxes)

    def scaled(self, x: float, y: float) -> "Faces":
        """The same faces in a picture that is larger by these factors."""
        return Faces(self.boxes * np.array([x, y, x, y, 1.0]), self.points * np.array([x, y]))


class FaceDetector:
    """MediaPipe's short-range detector, and its full-range one for what that does not see (small heads).

    Args:
        min_score: detections below this score are dropped.
        widely: every so many pictures both detectors look, so that smaller faces beside a large one are known too; 1
            is every picture. In between the second one looks where the first finds nothing.
    """

    def __init__(self, min_score: float = 0.5, widely: int = 5):
        hush_logs()
        from mediapipe.python.solutions import face_detection

        self._widely, self._pictures = widely, 0
        self._detectors: list[Any] = []
        with quiet():
            for model in (0, 1):
                detector = face_detection.FaceDetection(min_score, model_selection=model)
                # The notes of a graph come with its first picture.
                detector.process(np.zeros((64, 64, 3), np.uint8))
                self._detectors.append(detector)

    def __enter__(self) -> "FaceDetector":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for detector in self._detectors:
            detector.close()

    def __call__(self, image: np.ndarray) -> Faces:
        """Find the faces of the next image (h, w, 3), uint8 sRGB."""
        near, far = self._detectors
        found = _faces(near, image)
        if not len(found) or self._pictures % self._widely == 0:
            more = _faces(far, image)
            new = [k for k in range(len(more)) if not any(_same(more.boxes[k], box) for box in found.boxes)]
            found = Faces(
                np.concatenate([found.boxes, more.boxes[new]]), np.concatenate([found.points, more.points[new]])
            )
        self._pictures += 1
        return found


def _faces(detector: Any, image: np.ndarray) -> Faces:
    size = np.array([image.shape[1], image.shape[0]], np.float64)
    boxes, points = [], []
    for item in detector.process(image).detections or []:
        place = item.location_data
        box = place.relative_bounding_box
        corners = np.array([box.xmin, box.ymin, box.xmin + box.width, box.ymin + box.height]) * np.tile(size, 2)
        boxes.append([*corners, item.score[0]])
        points.append(np.array([(point.x, point.y) for point in place.relative_keypoints]) * size)
    return Faces(np.array(boxes).reshape(-1, 5), np.array(points).reshape(-1, 6, 2))


def _same(box: np.ndarray, other: np.ndarray) -> bool:
    """Whether the middle of a box lies in another: the detectors' boxes of one face differ in size."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return bool(other[0] <= x <= other[2] and other[1] <= y <= other[3])
