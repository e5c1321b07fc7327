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
    dropped = np.array([name not in names and name != "background" for name in CLASS_NAMES])
    gone = cv2.GaussianBlur(dropped[classes].astype(np.float32), (0, 0), EDGE_PX)
    return alpha.astype(np.float32) / 255 * (1 - gone)
