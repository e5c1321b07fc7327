"""The class of each pixel: what `parsing.classes` chooses among."""

from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from partnerface.artefacts.arrays import ClipArray
from partnerface.config.settings import ParsingSettings
from partnerface.parsing.ahead import ahead
from partnerface.parsing.bisenet import INPUT, BiSeNet, class_shares
from partnerface.parsing.collar import below_cut, lay, learn_cut
from partnerface.parsing.label import INDEX, HairOrSkin, colour_samples, face_share, label
from partnerface.parsing.neck import grid
from partnerface.parsing.person import PersonSource
from partnerface.parsing.posed import PosedClip
from partnerface.parsing.weights import KNOWN, load_weights

#: Frames from which the collar and the colours are learnt, evenly spread.
LOOKED_AT = 48
#: Each frame gives about so many samples of a colour.
SAMPLES = 400


class ClassSource(Protocol):
    """Classes of a clip.

    Attributes:
        weights: files that were read, name → SHA-256.
    """

    weights: dict[str, str]

    def learn(self, person: PersonSource) -> None:
        """Look at the clip, where that helps; comes before the first call."""
        ...

    def __call__(self, index: int, alpha: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """The classes of one frame.

        Args:
            index: which.
            alpha: (h, w) uint8 of the person.
            shares: (r, r, C) class shares of the fitted head.

        Returns:
            (h, w) uint8, positions in conventions.CLASS_NAMES: background where alpha is 0 and nowhere else.
        """
        ...


class HeadClasses:
    """Classes by the fitted head, by the colours of hair and skin, and by a collar that is drawn on the neck.

    Args:
        frames: (N, s, s, 3) uint8.
        posed: the fitted head in each of them.
    """

    def __init__(self, frames: ClipArray, posed: PosedClip):
        self.frames, self.posed = frames, posed
        self.neck = posed.neck_frames()
        self.weights: dict[str, str] = {}
        self.cut = grid()[0] * 0

    def learn(self, person: PersonSource) -> None:
        """Find the collar's cut and the colours of skin and hair."""
        count = len(self.frames)
        layers, skins, hairs = [], [], []
        looked_at = np.unique(np.linspace(0, count - 1, min(count, LOOKED_AT)).round().astype(int)).tolist()
        masks = ahead(person.look(index) for index in looked_at)
        for index, mask, shares in zip(looked_at, masks, self.posed.all_class_shares(looked_at), strict=True):
            image = np.asarray(self.frames[index])
            layers.append(lay(image, mask, face_share(shares), self.neck, index))
            for samples, store in zip(
                colour_samples(self._shrunk(image), self._shrunk(mask), shares), (skins, hairs), strict=True
            ):
                store.append(samples[:: max(1, len(samples) // SAMPLES)])
        skin, hair = np.concatenate(skins), np.concatenate(hairs)
        if not len(skin):  # the fitted head never shows: any colour serves, and the cut is the lowest
            skin = np.zeros((1, 3), np.float32)
        self.cut = learn_cut(layers, skin, hair)
        self._hair_or_skin = HairOrSkin(skin, hair)

    def __call__(self, index: int, alpha: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """See `ClassSource`."""
        image = np.asarray(self.frames[index])
        below = below_cut(self.cut, self.neck, index, *alpha.shape)
        # Colour is asked where the head does not say: beside it, and on skin that a fringe may hide.
        unsaid = 1 - face_share(shares) - shares[..., INDEX["neck"]] + shares[..., INDEX["skin"]]
        beside = (self._shrunk(alpha) > 2) & (unsaid > 0.01)
        hairiness = self._hair_or_skin(self._shrunk(image), beside)
        return label(alpha, shares, below, hairiness, float(self.neck.pixels(index, np.zeros((1, 2)))[0, 1]))

    def _shrunk(self, picture: np.ndarray) -> np.ndarray:
        import cv2

        size = self.posed.raster_size
        return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)


class ParserClasses:
    """Classes by BiSeNet, each frame by itself.

    Alpha alone says what is person: a pixel of the person is of the likeliest class other than background.

    Args:
        frames: (N, s, s, 3) uint8.
        network: with its weights.
        weights: the file that these came from, name → SHA-256.
    """

    def __init__(self, frames: ClipArray, network: BiSeNet, weights: dict[str, str]):
        self.frames, self.network, self.weights = frames, network, weights

    def learn(self, person: PersonSource) -> None:
        """Nothing is learnt from the clip."""

    def __call__(self, index: int, alpha: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """See `ClassSource`."""
        import cv2

        image = np.asarray(self.frames[index])
        smaller = cv2.INTER_AREA if min(image.shape[:2]) > INPUT else cv2.INTER_LINEAR
        small = torch.from_numpy(cv2.resize(image, (INPUT, INPUT), interpolation=smaller))
        likely = class_shares(self.network, small.permute(2, 0, 1).float() / 255).numpy()
        # Shares are enlarged, not classes, so that borders run smoothly.
        large = [cv2.resize(share, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR) for share in likely[1:]]
        classes = (np.stack(large).argmax(0) + 1).astype(np.uint8)
        classes[alpha == 0] = INDEX["background"]
        return classes


def class_source(frames: ClipArray, posed: PosedClip, settings: ParsingSettings) -> ClassSource:
    """The source of classes that the settings choose.

    Raises:
        InputError: it wants weights that are missing or can't be used.
    """
    if settings.classes == "head":
        return HeadClasses(frames, posed)
    file, network = KNOWN[settings.classes], BiSeNet()
    digest = load_weights(network, file, Path(settings.weights), settings.weights_sha256)
    return ParserClasses(frames, network, {file.name: digest})
