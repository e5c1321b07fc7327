"""What a mask policy keeps of the alpha."""

import numpy as np

from partnerface.conventions import CLASS_NAMES, MASK_POLICIES

#: Softness in px of the edge between what is kept and what is not, where both belong to the person.
EDGE_PX = 0.8


def policy_alpha(alpha: np.ndarray, classes: np.ndarray, policy: str) -> np.ndarray:
    """Alpha of the classes that a policy keeps.

    Outlines against the background stay as soft as they are; between kept and dropped classes the edge is one to two
    pixels wide.

    Args:
        alpha: (h, w) uint8 of the person.
        classes: (h, w) uint8, positions in conventions.CLASS_NAMES.
        policy: a name of conventions.MASK_POLICIES.

    Returns:
        (h, w) uint8.
    """
    import cv2

    kept, person = np.zeros(256, np.uint8), np.zeros(256, np.uint8)
    for number, name in enumerate(CLASS_NAMES):
        kept[number] = 255 * (name in MASK_POLICIES[policy])
        person[number] = 255 * (name != "background")
    # Among the person's pixels only, so that no faint line is left along what is dropped.
    share = cv2.GaussianBlur(cv2.LUT(classes, kept), (0, 0), EDGE_PX)
    whole = cv2.GaussianBlur(cv2.LUT(classes, person), (0, 0), EDGE_PX)
    return cv2.multiply(alpha, cv2.divide(share, whole, scale=255), scale=1 / 255)
