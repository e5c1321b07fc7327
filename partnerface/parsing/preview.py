"""Tiles for the mask sheet: the kept head on green beside the classes in colours."""

import numpy as np

from partnerface.conventions import CLASS_NAMES
from partnerface.parsing.policy import policy_alpha

#: How many frames the sheet shows, and the edge of a tile in px.
TILES, EDGE = 16, 224
GREEN = np.array([60, 200, 90], np.float32)
PALETTE = {
    "background": (255, 255, 255),
    "skin": (240, 190, 150),
    "brows": (110, 70, 40),
    "eyes": (60, 130, 220),
    "nose": (230, 150, 110),
    "lips": (210, 60, 80),
    "mouth_inside": (120, 20, 40),
    "ears": (200, 140, 200),
    "hair": (90, 90, 90),
    "neck": (170, 200, 120),
    "cloth": (120, 170, 220),
    "glasses": (0, 0, 0),
}


def paint(classes: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8: each class (h, w) in its colour."""
    return np.array([PALETTE[name] for name in CLASS_NAMES], np.uint8)[classes]


def mask_tiles(image: np.ndarray, alpha: np.ndarray, classes: np.ndarray, number: int) -> list[np.ndarray]:
    """Two tiles of one frame, (EDGE + 18, EDGE + 4, 3) uint8: policy head+neck on green, and the classes.

    Args:
        image: (h, w, 3) uint8.
        alpha, classes: (h, w) uint8.
        number: the source frame's number, written below.
    """
    import cv2

    kept = policy_alpha(alpha, classes, "head+neck")[..., None] / np.float32(255)
    on_green = (image * kept + GREEN * (1 - kept) + 0.5).astype(np.uint8)
    out = []
    for picture, text in ((on_green, f"{number}"), (_blend(image, paint(classes)), "")):
        small = cv2.resize(picture, (EDGE, EDGE), interpolation=cv2.INTER_AREA)
        tile = np.full((EDGE + 18, EDGE + 4, 3), 255, np.uint8)
        tile[2 : EDGE + 2, 2 : EDGE + 2] = small
        cv2.putText(tile, text, (4, EDGE + 15), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (90, 90, 90), 1, cv2.LINE_AA)
        out.append(tile)
    return out


def _blend(image: np.ndarray, colours: np.ndarray) -> np.ndarray:
    return (0.4 * image + 0.6 * colours).astype(np.uint8)
