"""Where the faces of a picture are, by MediaPipe's detectors."""

from types import TracebackType

import numpy as np

from partnerface.quiet import hush_logs, quiet


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

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Find faces.

        Args:
            image: (h, w, 3) uint8 sRGB.

        Returns:
            (n, 5) float64: x0, y0, x1, y1 in pixels of `image` (a box may reach beyond it), and the score. The box
            goes from the brows to the chin.
        """
        height, width = image.shape[:2]
        for detector in self._detectors:
            found = detector.process(image).detections or []
            if found:
                boxes = [item.location_data.relative_bounding_box for item in found]
                return np.array(
                    [
                        (
                            box.xmin * width,
                            box.ymin * height,
                            (box.xmin + box.width) * width,
                            (box.ymin + box.height) * height,
                            item.score[0],
                        )
                        for box, item in zip(boxes, found, strict=True)
                    ]
                )
        return np.zeros((0, 5))
