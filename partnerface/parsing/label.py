"""Semantic classes of a frame: the fitted head inside, colour and the collar outside."""

import numpy as np

from partnerface.conventions import CLASS_NAMES
from partnerface.parsing.colours import ColourModel, to_lab
from partnerface.parsing.matte import marked

INDEX = {name: number for number, name in enumerate(CLASS_NAMES)}
#: Below so much of the head in a pixel it counts as beside the head.
COVERED = 0.5
#: Skin that the fitted head does not cover lies within this share of the frame's edge from it.
NEAR = 0.02
#: Levels of each of red, green and blue in the table of colours, and how much finer than the fitted head's picture
#: classes are drawn.
LEVELS, FINER = 64, 2


def face_share(shares: np.ndarray) -> np.ndarray:
    """(r, r) share of the fitted head without its neck, from (r, r, C) class shares."""
    return shares.sum(-1) - shares[..., INDEX["neck"]]


class HairOrSkin:
    """Tells hair from skin by colour, as the clip shows them; by a table over sRGB, since it is asked for every frame.

    Args:
        skin, hair: (n, 3) Lab samples; without hair (a bald head) everything is skin.
    """

    def __init__(self, skin: np.ndarray, hair: np.ndarray):
        self._table = np.full((LEVELS, LEVELS, LEVELS), -1.0, np.float32)
        if len(hair) >= 50:
            levels = ((np.arange(LEVELS) + 0.5) * 256 / LEVELS).astype(np.uint8)
            colours = to_lab(np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(-1, 1, 3))
            told = ColourModel(hair).log_likelihood(colours) - ColourModel(skin).log_likelihood(colours)
            self._table[:] = np.clip(told, -8, 8).reshape(self._table.shape)

    def __call__(self, image: np.ndarray, where: np.ndarray) -> np.ndarray:
        """(h, w) float32, positive for hair, where the (h, w) bool mask asks; 0 elsewhere, smoothed a little."""
        import cv2

        place = image.astype(np.int32) // (256 // LEVELS) @ np.array([LEVELS**2, LEVELS, 1], np.int32)
        return cv2.GaussianBlur(self._table.ravel()[place] * where, (0, 0), 1.0)


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

    Borders within the head are drawn on a grid twice as fine as the fitted head's picture.

    Args:
        alpha: (h, w) uint8; where it is 0 is background.
        shares: (r, r, C) class shares of the fitted head, coarser.
        below: (h, w) float32, 1 below the collar.
        hairiness: (r, r) float32, positive where a colour is hair's.
        chin_row: row of the frame (px) below which skin beside the fitted head is neck.

    Returns:
        (h, w) uint8, positions in conventions.CLASS_NAMES.
    """
    import cv2

    (height, width), coarse = alpha.shape, shares.shape[0]
    fine = FINER * coarse
    hairy = cv2.resize(hairiness, (fine, fine)) > 0
    out = np.full((fine, fine), INDEX["hair"], np.uint8)
    # Where hair mixes with the background its colour may be like skin's: above the chin skin is near the fitted head.
    reach = 2 * max(1, round(NEAR * coarse)) + 1
    total = shares.sum(-1)
    head = cv2.dilate(marked(total > COVERED), np.ones((reach, reach), np.uint8))
    chin = int(np.clip(np.ceil(chin_row * fine / height - 0.5), 0, fine))
    np.copyto(out[:chin], INDEX["skin"], where=~hairy[:chin] & (cv2.resize(head, (fine, fine)) > 127)[:chin])
    np.copyto(out[chin:], INDEX["neck"], where=~hairy[chin:])
    front = np.zeros_like(out)
    left, top, wide, high = cv2.boundingRect(marked(total > 0))
    if wide:
        # One cell more on each side, so that a border's cells are blended as in the whole picture.
        part = np.s_[max(top - 1, 0) : top + high + 1, max(left - 1, 0) : left + wide + 1]
        within = tuple(slice(FINER * side.start, FINER * side.stop) for side in part)
        inner, hairs = out[within], hairy[within]
        names, sums = _winners(shares[part], (inner.shape[1], inner.shape[0]))
        covered = sums > COVERED
        np.copyto(inner, names, where=covered)
        inner[hairs & covered & (inner == INDEX["skin"]) & _above_brows(inner)] = INDEX["hair"]
        front[within] = covered & (inner != INDEX["neck"])
    out, front = (cv2.resize(item, (width, height), interpolation=cv2.INTER_NEAREST_EXACT) for item in (out, front))
    np.copyto(out, INDEX["cloth"], where=(below > 0.5) & (front == 0))
    np.copyto(out, INDEX["background"], where=alpha == 0)
    return out


def _above_brows(classes: np.ndarray) -> np.ndarray:
    """(h, w) bool: where hair may hang over the face's skin: above the brows, and beside them as low as the eyes."""
    brows, eyes = classes == INDEX["brows"], (classes == INDEX["eyes"]).any(1)
    columns = np.flatnonzero(brows.any(0))
    if not len(columns):
        return np.ones(classes.shape, bool)
    tops = brows[:, columns].argmax(0)
    limit = np.full(classes.shape[1], max(int(tops.max()), int(np.flatnonzero(eyes).max(initial=0))))
    # Between the brows there is the bridge of glasses, dark like hair.
    limit[columns[0] : columns[-1] + 1] = int(tops.max())
    limit[columns] = tops
    return np.arange(len(classes))[:, None] < limit


def _winners(shares: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The class of the greatest share (h, w, C) in each pixel after enlargement to a size (width, height), uint8, and
    the sum of all shares, float32.

    A third of the time that argmax over a stack takes, since it runs along memory.
    """
    import cv2

    best = total = np.zeros(size[::-1], np.float32)
    winner = np.full(size[::-1], INDEX["background"], np.uint8)
    for number in range(shares.shape[-1]):
        plane = np.ascontiguousarray(shares[..., number])
        if not plane.any():
            continue
        share = cv2.resize(plane, size)
        greater = share > best
        best, total = cv2.max(best, share), total + share
        np.copyto(winner, number, where=greater)
    return winner, total
