"""Where the person is, by MediaPipe's selfie segmentation."""

from types import TracebackType

import numpy as np

from partnerface.quiet import hush_logs, quiet


class PersonSegmenter:
    """Selfie segmentation of a square crop around the head; a context manager.

    Args:
        mirrored: also look at the mirrored picture and take the mean, which is steadier at hair.
    """

    def __init__(self, mirrored: bool = True):
        hush_logs()
        from mediapipe.python.solutions import selfie_segmentation

        self.mirrored = mirrored
        with quiet():
            # Model 0 takes 256 x 256 px, which suits a square crop.
            self._model = selfie_segmentation.SelfieSegmentation(model_selection=0)
            self._model.process(np.zeros((64, 64, 3), np.uint8))

    def __enter__(self) -> "PersonSegmenter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._model.close()

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """The probability of being a person.

        Args:
            image: (h, w, 3) uint8 sRGB.

        Returns:
            (h, w) float32 from 0 to 1; sharper than the model's own 256 px it is not.
        """
        mask = self._look(image)
        if self.mirrored:
            mask = (mask + self._look(np.ascontiguousarray(image[:, ::-1]))[:, ::-1]) / 2
        return np.ascontiguousarray(mask, dtype=np.float32)

    def _look(self, image: np.ndarray) -> np.ndarray:
        # A copy: the graph reuses the memory of its answer.
        return np.array(self._model.process(np.ascontiguousarray(image)).segmentation_mask, dtype=np.float32)
