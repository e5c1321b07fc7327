"""Pictures in and out: straight alpha, squares cut and resized about pixel corners."""

from pathlib import Path

import numpy as np

from partnerface.errors import InputError

#: What a picture with alpha is laid over, and what lies beyond the edge of a picture: sRGB.
WHITE = 255


def load(path: Path, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray | None]:
    """A picture as (h, w, 3) uint8 sRGB and, where it has one, its alpha (h, w) uint8, not multiplied in.

    Raises:
        InputError: it can't be read, or is of another size than `size` (width, height).
    """
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            clear = "A" in image.getbands() or "transparency" in image.info
            values = np.array(image.convert("RGBA" if clear else "RGB"), np.uint8)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise InputError(f"{path} is no PNG or JPEG that can be read; copy it again") from None
    if values.shape[1::-1] != size:
        raise InputError(
            f"{path} has {values.shape[1]} x {values.shape[0]} px, the first picture {size[0]} x {size[1]}"
        )
    return values[..., :3], values[..., 3] if clear else None


def load_mask(path: Path, size: tuple[int, int]) -> np.ndarray:
    """A mask as (h, w) uint8 of `size` (width, height); a smaller or larger one is resized."""
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            grey = image.getchannel("A") if "A" in image.getbands() else image.convert("L")
            return np.array(grey if grey.size == size else grey.resize(size, Image.Resampling.BILINEAR), np.uint8)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise InputError(f"{path} is no PNG or JPEG that can be read; copy it again") from None


def over_white(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """A picture with straight alpha laid over white: alpha rgb + (1 - alpha) white, (h, w, 3) uint8.

    Straight alpha means that the stored colours are the surface's own; taking them for already multiplied would add
    white to every soft edge twice.
    """
    share = alpha[..., None].astype(np.float32) / 255
    return np.round(rgb * share + WHITE * (1 - share)).astype(np.uint8)


def cut(image: np.ndarray, box: np.ndarray, size: int, beyond: int = WHITE) -> np.ndarray:
    """The part of a picture in a box, `size` px on each edge; whole boxes of that size are copied exactly.

    Args:
        image: (h, w) or (h, w, 3) uint8.
        box: x0, y0, x1, y1 in px from the corner of the first pixel; may reach beyond the picture.
        size: edge of the result.
        beyond: value of what lies outside of the picture.
    """
    from PIL import Image

    height, width = image.shape[:2]
    x0, y0, x1, y1 = (float(value) for value in box)
    before = (max(0, int(np.ceil(-x0))), max(0, int(np.ceil(-y0))))
    after = (max(0, int(np.ceil(x1 - width))), max(0, int(np.ceil(y1 - height))))
    if any((*before, *after)):
        pads = [(before[1], after[1]), (before[0], after[0]), *([(0, 0)] if image.ndim == 3 else [])]
        image = np.pad(image, pads, constant_values=beyond)
        x0, x1, y0, y1 = x0 + before[0], x1 + before[0], y0 + before[1], y1 + before[1]
    whole = all(value == int(value) for value in (x0, y0, x1, y1))
    if whole and x1 - x0 == y1 - y0 == size:
        return np.ascontiguousarray(image[int(y0) : int(y1), int(x0) : int(x1)])
    resized = Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR, box=(x0, y0, x1, y1))
    return np.array(resized, np.uint8)


def save(path: Path, image: np.ndarray) -> None:
    """Write (h, w), (h, w, 3) or (h, w, 4) uint8, or (h, w) uint16, as PNG."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, compress_level=3)
