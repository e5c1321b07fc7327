"""Where the person is, by MediaPipe's selfie segmentation."""

from collections.abc import Iterable
from types import TracebackType
from typing import Any

import numpy as np

from partnerface.quiet import hush_logs, quiet

#: Edge of the model's input, px.
INPUT = 256


class PersonSegmenter:
    """Selfie segmentation of a square crop around the head; a context manager."""

    def __init__(self):
        hush_logs()
        from mediapipe.python.solutions import selfie_segmentation

        with quiet():
            # Model 0 takes a square, which suits a square crop.
            self._model: Any = selfie_segmentation.SelfieSegmentation(model_selection=0)
            self._model.process(np.zeros((INPUT, INPUT, 3), np.uint8))

    def __enter__(self) -> "PersonSegmenter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._model.close()

    def __call__(self, image: np.ndarray, mirrored: Iterable[bool] = (False, True)) -> np.ndarray:
        """The probability of being a person.

        Args:
            image: (h, w, 3) uint8 sRGB.
            mirrored: the looks, of which the mean is taken: whether the model is shown the mirrored picture.

        Returns:
            (INPUT, INPUT) float32 from 0 to 1, at the model's own resolution; the whole image is covered.
        """
        import cv2

        # The graph would sample without a low-pass.
        smaller = cv2.INTER_AREA if min(image.shape[:2]) > INPUT else cv2.INTER_LINEAR
        small = cv2.resize(image, (INPUT, INPUT), interpolation=smaller)
        masks = [
            self._look(np.ascontiguousarray(small[:, ::-1]))[:, ::-1] if turned else self._look(small)
            for turned in mirrored
        ]
        return np.ascontiguousarray(sum(masks) / len(masks), dtype=np.float32)

    def _look(self, image: np.ndarray) -> np.ndarray:
        # A copy: the graph reuses the memory of its answer.
        return np.array(self._model.process(image).segmentation_mask, dtype=np.float32)
