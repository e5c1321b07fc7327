"""Semantic classes of a frame: the fitted head inside, colour and the collar outside."""

import numpy as np

from partnerface.conventions import CLASS_NAMES
from partnerface.parsing.colours import ColourModel, to_lab

INDEX = {name: number for number, name in enumerate(CLASS_NAMES)}
#: Below so much of the head in a pixel it counts as beside the head.
COVERED = 0.5
#: Skin that the fitted head does not cover lies within this share of the frame's edge from it.
NEAR = 0.02


def face_share(shares: np.ndarray) -> np.ndarray:
    """(r, r) share of the fitted head without its neck, from (r, r, C) class shares."""
    return shares.sum(-1) - shares[..., INDEX["neck"]]


class HairOrSkin:
    """Tells hair from skin by colour, as the clip shows them.

    Args:
        skin, hair: (n, 3) Lab samples; without hair (a bald head) everything is skin.
    """

    def __init__(self, skin: np.ndarray, hair: np.ndarray):
        self._skin = ColourModel(skin)
        self._hair = ColourModel(hair) if len(hair) >= 50 else None

    def __call__(self, image: np.ndarray, where: np.ndarray) -> np.ndarray:
        """(h, w) float32, positive for hair, where the (h, w) bool mask asks; 0 elsewhere, smoothed a little."""
        import cv2

        out = np.zeros(where.shape, np.float32)
        if not where.any():
            return out
        if self._hair is None:
            out[where] = -1.0
            return out
        colours = to_lab(image[where][:, None])[:, 0]
        out[where] = np.clip(self._hair.log_likelihood(colours) - self._skin.log_likelihood(colours), -8, 8)
        return cv2.GaussianBlur(out, (0, 0), 1.0)


def colour_samples(image: np.ndarray, person: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lab colours that are surely skin (below the eyes) and surely hair (above them, beside the fitted face).

    Args:
        image: (r, r, 3) uint8 at the raster's size.
        person: (r, r) alpha.
        shares: (r, r, C) class shares of the fitted head.

    Returns:
        (n, 3) skin and (m, 3) hair.
    """
    eyes = np.flatnonzero((shares[..., INDEX["eyes"]] > 0.3).any(1))
    middle = int(eyes.mean()) if len(eyes) else image.shape[0] // 2
    skin = shares[..., INDEX["skin"]] + shares[..., INDEX["nose"]] > 0.95
    skin[:middle] = False
    hair = (person > 0.9) & (shares.sum(-1) < 0.01)
    hair[middle:] = False
    lab = to_lab(image)
    return lab[skin], lab[hair]


def label(
    alpha: np.ndarray, shares: np.ndarray, below: np.ndarray, hairiness: np.ndarray, chin_row: float
) -> np.ndarray:
    """The class of each pixel.

    Args:
        alpha: (h, w) float32; where it is 0 is background.
        shares: (r, r, C) class shares of the fitted head, coarser.
        below: (h, w) float32, 1 below the collar.
        hairiness: (r, r) float32, positive where a colour is hair's.
        chin_row: row of the frame (px) below which skin beside the fitted head is neck.

    Returns:
        (h, w) uint8, positions in conventions.CLASS_NAMES.
    """
    import cv2

    size = alpha.shape[::-1]
    used = [name for name in CLASS_NAMES if shares[..., INDEX[name]].any()]
    large = [cv2.resize(np.ascontiguousarray(shares[..., INDEX[name]]), size) for name in used]
    hairy = cv2.resize(hairiness, size) > 0
    out = np.full(alpha.shape, INDEX["hair"], np.uint8)
    # Where hair mixes with the background its colour may be like skin's: above the chin skin is near the fitted head.
    reach = 2 * max(1, round(NEAR * shares.shape[0])) + 1
    head = cv2.dilate((shares.sum(-1) > COVERED).astype(np.float32), np.ones((reach, reach), np.uint8))
    below_chin = (np.arange(alpha.shape[0])[:, None] + 0.5) >= chin_row
    out[~hairy & ~below_chin & (cv2.resize(head, size) > 0.5)] = INDEX["skin"]
    out[~hairy & below_chin] = INDEX["neck"]
    if large:
        names, total = _winners(large, [INDEX[name] for name in used])
        covered = total > COVERED
        out[covered] = names[covered]
        # A fringe over the forehead is hair, whatever lies under it.
        brows = np.flatnonzero((out == INDEX["brows"]).any(1))
        top = int(brows[0]) if len(brows) else 0
        fringe = hairy & covered & (out == INDEX["skin"])
        fringe[top:] = False
        out[fringe] = INDEX["hair"]
        front = covered & (out != INDEX["neck"])
    else:
        front = np.zeros(alpha.shape, bool)
    out[(below > 0.5) & ~front] = INDEX["cloth"]
    out[alpha <= 0] = INDEX["background"]
    return out


def _winners(shares: list[np.ndarray], numbers: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """The number of the greatest share in each pixel, (h, w) uint8, and the sum of all shares, (h, w) float32.

    A third of the time that argmax over a stack takes, since it runs along memory.
    """
    import cv2

    best, total = shares[0], shares[0].copy()
    winner = np.full(best.shape, numbers[0], np.uint8)
    for share, number in zip(shares[1:], numbers[1:], strict=True):
        greater = cv2.compare(share, best, cv2.CMP_GT)
        best = cv2.max(best, share)
        total += share
        winner[greater > 0] = number
    return winner, total
