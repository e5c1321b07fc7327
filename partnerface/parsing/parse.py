"""Masks and classes of a whole clip: a look at some frames to learn the collar, then frame by frame."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from partnerface.artefacts.arrays import ClipArray
from partnerface.config.settings import ParsingSettings
from partnerface.head.model import HeadModel
from partnerface.parsing.ahead import ahead
from partnerface.parsing.classes import class_source
from partnerface.parsing.label import INDEX, face_share
from partnerface.parsing.matte import CONNECTS, fill_face, flicker, keep_head, marked, piece_of
from partnerface.parsing.person import person_source
from partnerface.parsing.policy import policy_alpha
from partnerface.parsing.posed import PosedClip


@dataclass(frozen=True)
class Parsed:
    """One frame: alpha (h, w) and classes (h, w), uint8, and how many px the mask's outline trembled since the frame
    before, NaN where landmarks don't tell."""

    alpha: np.ndarray
    classes: np.ndarray
    flicker: float


class ClipParser:
    """Parses a tracked clip; a context manager.

    Args:
        frames: (N, s, s, 3) uint8, on disk or in memory.
        landmarks: (N, L, 3) px.
        found: (N,) bool.
        model, tracking: the fitted head.
        settings: where alpha and classes come from, and how.

    Raises:
        InputError: the settings ask for weights that are missing or can't be used.
    """

    def __init__(
        self,
        frames: ClipArray,
        landmarks: np.ndarray,
        found: np.ndarray,
        model: HeadModel,
        tracking: dict[str, np.ndarray],
        settings: ParsingSettings,
    ):
        self.frames, self.found = frames, found
        self.points = landmarks[..., :2]
        self.posed = PosedClip(model, tracking, settings.raster_size)
        self._classes = class_source(frames, self.posed, settings)
        self._person = person_source(frames, self.points, found, settings)
        self._last: tuple[int, np.ndarray] | None = None

    def __enter__(self) -> "ClipParser":
        return self

    def __exit__(self, *error: object) -> None:
        self._person.close()

    @property
    def weights(self) -> dict[str, str]:
        """Files of weights that were read, name → SHA-256."""
        return self._person.weights | self._classes.weights

    def learn(self) -> None:
        """Look at the clip as a whole; comes before `parse`."""
        self._classes.learn(self._person)

    def parse(self) -> Iterator[Parsed]:
        """Every frame in order; alpha and the fitted head are made ahead, each by a thread of its own."""
        indices = range(len(self.frames))
        alphas = ahead(self._person.alpha(index) for index in indices)
        shares = ahead(self.posed.all_class_shares(indices))
        for index, alpha, share in zip(indices, alphas, shares, strict=True):
            yield self._frame(index, alpha, share)

    def _frame(self, index: int, person: np.ndarray, shares: np.ndarray) -> Parsed:
        import cv2

        face = face_share(shares)
        large_face = marked(cv2.resize(face, self.frames.shape[2:0:-1]) > 0.5)
        alpha = keep_head(fill_face(cv2.convertScaleAbs(person, alpha=255), face), large_face)
        classes = self._classes(index, alpha, shares)
        # What is above the collar but apart from the head (a raised hand) is not the head either.
        head = marked((alpha > 255 * CONNECTS) & (classes != INDEX["cloth"]))
        apart = head & ~piece_of(head, large_face)
        if apart.any():
            wide = cv2.dilate(apart, np.ones((5, 5), np.uint8)) & ~large_face
            np.copyto(classes, INDEX["cloth"], where=(wide > 0) & (alpha > 0))
        return Parsed(alpha, classes, self._flicker(index, alpha, classes))

    def _flicker(self, index: int, alpha: np.ndarray, classes: np.ndarray) -> float:
        mask = policy_alpha(alpha, classes, "head+neck")
        value = float("nan")
        if self._last is not None and self.found[index] and self.found[self._last[0]]:
            before, image = self._last
            value = flicker(image, mask, self.points[before], self.points[index])
        self._last = (index, mask)
        return value
