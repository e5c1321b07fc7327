"""How sharp a face is, against the same face in other frames of its clip."""

import numpy as np

from partnerface.video.faces import Faces

#: Edge of the face's picture that is measured, px.
EDGE = 128
#: A frame is compared with the median over so many frames around it.
REACH = 45


def detail(image: np.ndarray, box: np.ndarray) -> float:
    """Fine detail of a face: the variance of its Laplacian over its own variance.

    Only comparable within a clip: it grows with the size of the face in the picture and with what the face shows.

    Args:
        image: (h, w, 3) uint8 sRGB.
        box: (4,) px, from the brows to the chin.
    """
    import cv2

    height, width = image.shape[:2]
    x0, y0 = (int(max(0, value)) for value in box[:2])
    x1, y1 = int(min(width, box[2] + 1)), int(min(height, box[3] + 1))
    if x1 - x0 < 8 or y1 - y0 < 8:
        return 0.0
    face = cv2.cvtColor(np.ascontiguousarray(image[y0:y1, x0:x1]), cv2.COLOR_RGB2GRAY)
    if max(face.shape) > EDGE:
        scale = EDGE / max(face.shape)
        face = cv2.resize(face, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    face = face.astype(np.float32)
    # One grey level of noise keeps flat faces finite.
    return float(cv2.Laplacian(face, cv2.CV_32F, ksize=3).var() / (face.var() + 1.0))


def details(image: np.ndarray, faces: Faces) -> np.ndarray:
    """(n,) `detail` of each face."""
    return np.array([detail(image, box) for box in faces.boxes[:, :4]])


def relative(values: np.ndarray) -> np.ndarray:
    """(N,) sharpness of each frame over the median of the frames around it: 1 is usual, NaN stays NaN."""
    out = np.full(len(values), np.nan)
    for k in np.flatnonzero(np.isfinite(values)):
        near = values[max(0, k - REACH) : k + REACH + 1]
        out[k] = values[k] / max(float(np.nanmedian(near)), 1e-9)
    return out
