"""One steady square around the head for the whole clip."""

import numpy as np

#: How far hair, ears and neck reach beyond the detector's box (brows to chin), in box edges.
ABOVE, BELOW, BESIDE = 0.75, 0.70, 0.70
#: Where the square can't hold everything, this share is lost at the top, the rest at the bottom.
HAIR_LOSS = 0.25
#: The brief excursions that the square does not follow, as a quantile of the track.
EXCURSION = 0.01
#: A frame is out of the picture when more than this share of the face's box lies beyond it.
MAX_HIDDEN = 0.15


def head_square(boxes: np.ndarray, width: int, height: int, side: int | None = None) -> tuple[int, int, int, int]:
    """The square that holds the head (hair, neck, a little shoulder) in all frames, as far as the picture allows.

    Args:
        boxes: (n, 4) face boxes x0, y0, x1, y1, NaN where there is none.
        width, height: of the picture, px.
        side: edge of the square if it is given, even, at most the picture's shorter edge; px.

    Returns:
        x0, y0, x1, y1 in px: even numbers, inside the picture, x1 - x0 = y1 - y0.
    """
    seen = boxes[np.isfinite(boxes[:, 0])]
    edge = np.sqrt((seen[:, 2] - seen[:, 0]) * (seen[:, 3] - seen[:, 1]))
    heads = np.stack(
        [
            seen[:, 0] - BESIDE * edge,
            seen[:, 1] - ABOVE * edge,
            seen[:, 2] + BESIDE * edge,
            seen[:, 3] + BELOW * edge,
        ],
        axis=1,
    )
    low = np.quantile(heads[:, :2], EXCURSION, axis=0)
    high = np.quantile(heads[:, 2:], 1 - EXCURSION, axis=0)
    # What lies beyond the picture can't be cropped, so it does not enlarge the square either.
    low, high = np.maximum(low, 0), np.minimum(high, [width, height])
    least = np.ceil((high - low).max() / 2) * 2 if side is None else side
    side = int(min(least, width // 2 * 2, height // 2 * 2))
    corner = (low + high - side) / 2
    if (excess := float(high[1] - low[1]) - side) > 0:
        # A square that is limited by the picture's width gives up shoulders rather than hair.
        corner[1] = low[1] + HAIR_LOSS * excess
    corner = np.clip(corner, 0, [width - side, height - side])
    x0, y0 = (int(value) // 2 * 2 for value in corner)
    return x0, y0, x0 + side, y0 + side


def hidden_share(box: np.ndarray, frame: tuple[int, int, int, int]) -> float:
    """The share of a face's box that lies outside `frame` (x0, y0, x1, y1), from 0 to 1."""
    x0, y0, x1, y1 = frame
    inside_x = max(0.0, min(box[2], x1) - max(box[0], x0))
    inside_y = max(0.0, min(box[3], y1) - max(box[1], y0))
    return 1.0 - inside_x * inside_y / max((box[2] - box[0]) * (box[3] - box[1]), 1e-9)
