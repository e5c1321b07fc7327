"""Contact sheets: small pictures in rows, with a line of text and a coloured frame each."""

import math

import numpy as np

TILE = 144
KEPT, DROPPED = (70, 150, 70), (200, 40, 40)


class Thumbnails:
    """Small pictures collected along a clip of unknown length: at most `2 * limit` ordinary ones, evenly spread, and as
    many of the frames that look odd.
    """

    def __init__(self, limit: int = 48):
        self.limit = limit
        self.ordinary: dict[int, np.ndarray] = {}
        self.odd: dict[int, np.ndarray] = {}
        self._stride = {"ordinary": 1, "odd": 1}
        self._count = {"ordinary": 0, "odd": 0}

    def offer(self, position: int, image: np.ndarray, ordinary: bool) -> None:
        """Show frame `position`, an (h, w, 3) uint8 image; a small copy is kept where the spacing asks for it."""
        kind = "ordinary" if ordinary else "odd"
        store = self.ordinary if ordinary else self.odd
        count = self._count[kind]
        self._count[kind] = count + 1
        if count % self._stride[kind]:
            return
        store[position] = shrink(image, TILE)
        if len(store) > 2 * self.limit:
            for key in list(store)[1::2]:
                del store[key]
            self._stride[kind] *= 2


def shrink(image: np.ndarray, edge: int) -> np.ndarray:
    """A copy whose longest edge is `edge` px, area-filtered when it shrinks."""
    import cv2

    height, width = image.shape[:2]
    scale = edge / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def tile(image: np.ndarray, text: str, colour: tuple[int, int, int], edge: int = TILE) -> np.ndarray:
    """One square tile: the image in the middle of a border of `colour`, `text` below."""
    import cv2

    small = shrink(image, edge)
    out = np.full((edge + 22, edge + 6, 3), 255, np.uint8)
    y, x = (edge - small.shape[0]) // 2 + 3, (edge - small.shape[1]) // 2 + 3
    out[: edge + 6] = colour
    out[3 : edge + 3, 3 : edge + 3] = 30
    out[y : y + small.shape[0], x : x + small.shape[1]] = small
    cv2.putText(out, text, (4, edge + 18), cv2.FONT_HERSHEY_SIMPLEX, 0.38, colour, 1, cv2.LINE_AA)
    return out


def sheet(tiles: list[np.ndarray], columns: int = 8) -> np.ndarray:
    """Tiles of one size in rows, on white."""
    height, width = tiles[0].shape[:2]
    columns = min(columns, len(tiles))
    rows = math.ceil(len(tiles) / columns)
    out = np.full((rows * height, columns * width, 3), 255, np.uint8)
    for index, item in enumerate(tiles):
        y, x = index // columns * height, index % columns * width
        out[y : y + height, x : x + width] = item
    return out


def contact_tiles(
    thumbnails: Thumbnails,
    status: list[str],
    number: np.ndarray,
    crop: tuple[float, float, float, float],
    width: int,
    tiles: int = 24,
) -> list[np.ndarray]:
    """A clip at a glance: evenly spread frames with the crop drawn in, dropped frames in red.

    Args:
        thumbnails: what was collected.
        status, number: per frame its status and its number in the file.
        crop: x0, y0, x1, y1 in px of a picture that is `width` px wide.
        tiles: how many frames to show at most, of each of both kinds.

    Returns:
        Tiles for `sheet`, in the order of time.
    """
    import cv2

    pictures = {**thumbnails.odd, **thumbnails.ordinary}
    shown = [p for p in sorted(pictures) if status[p] != "skipped"]
    good = [p for p in shown if status[p] == "kept"]
    dropped = [p for p in shown if status[p] != "kept"]
    out = []
    for position in sorted(_spread(good, tiles) + _spread(dropped, tiles)):
        image = pictures[position].copy()
        scale = image.shape[1] / width
        x0, y0, x1, y1 = (round(value * scale) for value in crop)
        cv2.rectangle(image, (x0, y0), (x1 - 1, y1 - 1), (255, 220, 0), 1)
        kept = status[position] == "kept"
        out.append(tile(image, f"{number[position]} {status[position]}", KEPT if kept else DROPPED))
    return out


def _spread(items: list[int], count: int) -> list[int]:
    if len(items) <= count:
        return items
    return [items[round(i)] for i in np.linspace(0, len(items) - 1, count)]


def save_jpeg(path: str, image: np.ndarray, quality: int = 90) -> None:
    """Write an RGB image as JPEG; raises OSError when it can't be written."""
    import cv2

    if not cv2.imwrite(path, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]):
        raise OSError(f"cannot write {path}")
