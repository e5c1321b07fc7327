"""Where the person is in each frame: what `parsing.alpha` chooses among."""

from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from partnerface.artefacts.arrays import ClipArray
from partnerface.config.settings import ParsingSettings
from partnerface.parsing.edges import refine
from partnerface.parsing.matte import steady
from partnerface.parsing.rvm import Memory, VideoMatting
from partnerface.parsing.segment import INPUT, PersonSegmenter
from partnerface.parsing.weights import KNOWN, load_weights

#: Weight of a neighbour from which on one look per frame is enough: with a quarter both looks weigh alike.
ALTERNATE = 0.2


class PersonSource(Protocol):
    """Alpha of a clip.

    Attributes:
        weights: files that were read, name → SHA-256.
    """

    weights: dict[str, str]

    def look(self, index: int) -> np.ndarray:
        """(m, m) float32 from 0 to 1: where the person is in any one frame, whatever came before it."""
        ...

    def alpha(self, index: int) -> np.ndarray:
        """(h, w) float32 from 0 to 1; to be asked for in order, once for each frame."""
        ...

    def close(self) -> None:
        """Give back what is held."""
        ...


class SelfieSource:
    """MediaPipe's selfie segmentation, averaged with the neighbouring frames, its edge set by colour.

    Args:
        frames: (N, s, s, 3) uint8.
        points: (N, L, 2) landmarks, px.
        found: (N,) bool.
        smoothing: weight of each neighbouring frame's mask.

    The mean of a plain and a mirrored look is steadier than either. Where frames are averaged with their neighbours,
    every other frame is looked at mirrored, and both looks count alike; else each frame is looked at in both ways.
    """

    def __init__(self, frames: ClipArray, points: np.ndarray, found: np.ndarray, smoothing: float):
        self.frames, self.points, self.found, self.smoothing = frames, points, found, smoothing
        self.weights: dict[str, str] = {}
        self._segment = PersonSegmenter()
        self._seen: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def look(self, index: int) -> np.ndarray:
        """See `PersonSource`."""
        return self._segment(self.frames[index])

    def alpha(self, index: int) -> np.ndarray:
        """See `PersonSource`."""
        mask = self._steady(index)
        image, _ = self._see(index)
        self._seen.pop(index - 1, None)
        return refine(image, mask)

    def close(self) -> None:
        """See `PersonSource`."""
        self._segment.__exit__(None, None, None)

    def _see(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """A frame and its mask."""
        if index not in self._seen:
            image = np.asarray(self.frames[index])
            self._seen[index] = image, self._segment(image, self._ways(index))
        return self._seen[index]

    def _near(self, index: int) -> list[int]:
        """The frame and the neighbours that it is averaged with."""
        near = [index]
        if self.smoothing > 0 and self.found[index]:
            near += [i for i in (index - 1, index + 1) if 0 <= i < len(self.frames) and self.found[i]]
        return near

    def _ways(self, index: int) -> tuple[bool, ...]:
        """Which looks a frame gets: whether mirrored, for each."""
        alternate = self.smoothing >= ALTERNATE and len(self._near(index)) == 3
        return (index % 2 == 1,) if alternate else (False, True)

    def _steady(self, index: int) -> np.ndarray:
        near = self._near(index)
        # Masks are moved at the segmenter's own resolution.
        scale = INPUT / self.frames.shape[1]
        return steady([self._see(i)[1] for i in near], [self.points[i] * scale for i in near], self.smoothing)


class MattingSource:
    """Robust Video Matting; its memory is carried from the first frame to the last, and its alpha taken as it is.

    Args:
        frames: (N, s, s, 3) uint8.
        network: with its weights.
        weights: the file that these came from, name → SHA-256.
    """

    def __init__(self, frames: ClipArray, network: VideoMatting, weights: dict[str, str]):
        self.frames, self.network, self.weights = frames, network, weights
        self._memory: Memory | None = None

    def look(self, index: int) -> np.ndarray:
        """See `PersonSource`."""
        return self._run(index, None)[0]

    def alpha(self, index: int) -> np.ndarray:
        """See `PersonSource`."""
        alpha, self._memory = self._run(index, self._memory if index else None)
        return alpha

    def close(self) -> None:
        """See `PersonSource`."""
        self._memory = None

    @torch.no_grad()
    def _run(self, index: int, memory: Memory | None) -> tuple[np.ndarray, Memory]:
        picture = torch.tensor(np.asarray(self.frames[index])).permute(2, 0, 1)[None].float() / 255
        alpha, after = self.network(picture, memory)
        return alpha[0, 0].numpy(), after


def person_source(frames: ClipArray, points: np.ndarray, found: np.ndarray, settings: ParsingSettings) -> PersonSource:
    """The source of alpha that the settings choose.

    Raises:
        InputError: it wants weights that are missing or can't be used.
    """
    if settings.alpha == "selfie":
        return SelfieSource(frames, points, found, settings.smoothing)
    file = KNOWN[settings.alpha]
    network = VideoMatting("resnet50" if settings.alpha == "rvm_resnet50" else "mobilenetv3")
    digest = load_weights(network, file, Path(settings.weights), settings.weights_sha256)
    return MattingSource(frames, network, {file.name: digest})
