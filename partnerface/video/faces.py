"""Where the faces of a picture are, by MediaPipe's detectors."""

from dataclasses import dataclass
from types import TracebackType

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
    """MediaPipe's short-range detector, and its full-range one where that finds nothing (small heads).

    Args:
        min_score: detections below this score are dropped.
    """

    def __init__(self, min_score: float = 0.5):
        hush_logs()
        from mediapipe.python.solutions import face_detection

        self._detectors = []
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
        """Find the faces of an image (h, w, 3), uint8 sRGB."""
        height, width = image.shape[:2]
        for detector in self._detectors:
            found = detector.process(image).detections or []
            if found:
                places = [item.location_data for item in found]
                boxes = [item.relative_bounding_box for item in places]
                corners = [(b.xmin, b.ymin, b.xmin + b.width, b.ymin + b.height) for b in boxes]
                scores = np.array([item.score[0] for item in found])
                points = [[(p.x, p.y) for p in item.relative_keypoints] for item in places]
                size = np.array([width, height], np.float64)
                return Faces(
                    np.hstack([np.array(corners) * np.tile(size, 2), scores[:, None]]), np.array(points) * size
                )
        return Faces(np.zeros((0, 5)), np.zeros((0, 6, 2)))
