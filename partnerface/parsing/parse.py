"""Masks and classes of a whole clip: a look at some frames to learn the collar, then frame by frame."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from partnerface.head.model import HeadModel
from partnerface.parsing.collar import below_cut, grid, lay, learn_cut
from partnerface.parsing.label import INDEX, HairOrSkin, colour_samples, face_share, label
from partnerface.parsing.matte import fill_face, flicker, keep_head, piece_of, refine, steady
from partnerface.parsing.policy import policy_alpha
from partnerface.parsing.posed import PosedClip
from partnerface.parsing.segment import INPUT, PersonSegmenter

#: Frames from which the collar and the colours are learnt, evenly spread.
LOOKED_AT = 48
#: Each frame gives about so many samples of a colour.
SAMPLES = 400


@dataclass(frozen=True)
class Parsed:
    """One frame: alpha (h, w) and classes (h, w), uint8, and how many px the mask's outline trembled (0 at first)."""

    alpha: np.ndarray
    classes: np.ndarray
    flicker: float


class ClipParser:
    """Parses a tracked clip; a context manager.

    Args:
        frames: (N, s, s, 3) uint8, may be a memory map.
        landmarks: (N, L, 3) px.
        found: (N,) bool.
        model, tracking: the fitted head.
        smoothing: weight of each neighbouring frame's mask, 0 to 0.33.
        raster_size: edge in px of the pictures in which the head is drawn.
    """

    def __init__(
        self,
        frames: np.ndarray,
        landmarks: np.ndarray,
        found: np.ndarray,
        model: HeadModel,
        tracking: dict[str, np.ndarray],
        smoothing: float = 0.25,
        raster_size: int = 192,
    ):
        self.frames, self.found, self.smoothing = frames, found, smoothing
        self.points = landmarks[..., :2]
        self.posed = PosedClip(model, tracking, raster_size)
        self.torso = self.posed.torso_frames().smoothed(1.0)
        self._segment = PersonSegmenter()
        self._masks: dict[int, np.ndarray] = {}
        self._last: tuple[int, np.ndarray] | None = None
        self.cut = grid()[0] * 0

    def __enter__(self) -> "ClipParser":
        return self

    def __exit__(self, *error: object) -> None:
        self._segment.__exit__(None, None, None)

    def _shrunk(self, picture: np.ndarray) -> np.ndarray:
        import cv2

        size = self.posed.raster_size
        return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)

    def learn(self) -> None:
        """Find the collar's cut and the colours of skin and hair; comes before `parse`."""
        count = len(self.frames)
        layers, skins, hairs = [], [], []
        for index in np.unique(np.linspace(0, count - 1, min(count, LOOKED_AT)).round().astype(int)):
            image = np.asarray(self.frames[index])
            person, shares = self._segment(image), self.posed.class_shares(index)
            layers.append(lay(image, person, face_share(shares), self.torso, index))
            for samples, store in zip(
                colour_samples(self._shrunk(image), self._shrunk(person), shares), (skins, hairs), strict=True
            ):
                store.append(samples[:: max(1, len(samples) // SAMPLES)])
        skin, hair = np.concatenate(skins), np.concatenate(hairs)
        if not len(skin):  # the fitted head never shows: any colour serves, and the cut is the lowest
            skin = np.zeros((1, 3), np.float32)
        self.cut = learn_cut(layers, skin, hair)
        self._hair_or_skin = HairOrSkin(skin, hair)

    def parse(self) -> Iterator[Parsed]:
        """Every frame in order."""
        for index in range(len(self.frames)):
            yield self._frame(index)
            self._masks.pop(index - 1, None)

    def _mask(self, index: int) -> np.ndarray:
        if index not in self._masks:
            self._masks[index] = self._segment(np.asarray(self.frames[index]))
        return self._masks[index]

    def _steady(self, index: int) -> np.ndarray:
        import cv2

        near = [index]
        if self.smoothing > 0 and self.found[index]:
            near += [i for i in (index - 1, index + 1) if 0 <= i < len(self.frames) and self.found[i]]
        # Masks are moved at the segmenter's own resolution.
        scale = INPUT / self.frames.shape[1]
        mask = steady([self._mask(i) for i in near], [self.points[i] * scale for i in near], self.smoothing)
        return np.clip(cv2.resize(mask, self.frames.shape[2:0:-1], interpolation=cv2.INTER_CUBIC), 0, 1)

    def _frame(self, index: int) -> Parsed:
        import cv2

        image, shares = np.asarray(self.frames[index]), self.posed.class_shares(index)
        height, width = image.shape[:2]
        face = face_share(shares)
        large_face = cv2.resize(face, (width, height)) > 0.5
        alpha = keep_head(fill_face(refine(image, self._steady(index)), face), large_face)
        below = below_cut(self.cut, self.torso, index, height, width)
        # Colour is asked where the head does not say: beside it, and on skin that a fringe may hide.
        beside = (self._shrunk(alpha) > 0.01) & (
            1 - face - shares[..., INDEX["neck"]] + shares[..., INDEX["skin"]] > 0.01
        )
        hairiness = self._hair_or_skin(self._shrunk(image), beside)
        classes = label(alpha, shares, below, hairiness, float(self.torso.origin[index, 1]))
        # What is above the collar but apart from the head (a raised hand) is not the head either.
        head = (alpha > 0.25) & (classes != INDEX["cloth"])
        apart = head & ~piece_of(head, large_face)
        classes[cv2.dilate(apart.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool) & ~large_face] = INDEX[
            "cloth"
        ]
        classes[alpha <= 0] = INDEX["background"]
        stored = np.round(alpha * 255).astype(np.uint8)
        return Parsed(stored, classes, self._flicker(index, policy_alpha(stored, classes, "head+neck")))

    def _flicker(self, index: int, mask: np.ndarray) -> float:
        value = 0.0
        if self._last is not None and self.found[index] and self.found[self._last[0]]:
            before, image = self._last
            value = flicker(image, mask, self.points[before], self.points[index])
        self._last = (index, mask)
        return value
