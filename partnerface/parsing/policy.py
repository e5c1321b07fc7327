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
        (h, w) float32 from 0 to 1.
    """
    import cv2

    names = MASK_POLICIES[policy]
    kept = np.array([name in names for name in CLASS_NAMES], np.float32)
    person = np.array([name != "background" for name in CLASS_NAMES], np.float32)
    # Among the person's pixels only, so that no faint line is left along what is dropped.
    share = cv2.GaussianBlur((kept * person)[classes], (0, 0), EDGE_PX)
    whole = cv2.GaussianBlur(person[classes], (0, 0), EDGE_PX)
    return alpha.astype(np.float32) / 255 * (share / np.maximum(whole, 1e-6))
