"""A folder of pictures as a video."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from partnerface.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
#: A folder has no time stamps: its pictures are taken to be so many per second.
FPS = 25.0


def listed(folder: Path) -> list[Path]:
    """The pictures of a folder in the order of the numbers in their names (2.png before 10.png).

    Raises:
        InputError: there are none.
    """

    def key(path: Path) -> list[tuple[int, str]]:
        return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path.name.lower())]

    # Names that begin with a dot are other programs' (previews, resource forks).
    found = [p for p in Path(folder).iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")]
    if not found:
        raise InputError(f"{folder} is a folder without pictures ({', '.join(SUFFIXES)}); name a video file")
    return sorted(found, key=key)


def look(folder: Path) -> tuple[int, int, int]:
    """Width and height of the first picture, upright, and how many there are."""
    paths = listed(folder)
    height, width = read(paths[0]).shape[:2]
    return width, height, len(paths)


def read(path: Path) -> np.ndarray:
    """One picture, upright as its EXIF says, (h, w, 3) uint8 in sRGB.

    Raises:
        InputError: it can't be read.
    """
    import io

    from PIL import Image, ImageCms, ImageOps

    try:
        with Image.open(path) as image:
            profile, image = image.info.get("icc_profile"), ImageOps.exif_transpose(image)
            if image.mode.startswith(("I", "F")):  # 16 bits, which `convert` would clip
                image = Image.fromarray((np.asarray(image).astype(np.float64) / 257).round().astype(np.uint8))
            image = image.convert("RGB")
            if profile:
                source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
                image = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"))
            return np.array(image, np.uint8)
    except ImageCms.PyCMSError:
        raise InputError(f"{path}: its colour profile can't be read; save the picture again without one") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise InputError(f"{path} is no picture that can be read; copy it again, or take it away") from None


def images(folder: Path, width: int, height: int) -> Iterator[np.ndarray]:
    """The pictures in order; raises InputError when one has another size than the first."""
    for path in listed(folder):
        image = read(path)
        if image.shape[:2] != (height, width):
            raise InputError(
                f"{path} has {image.shape[1]}x{image.shape[0]} px, the first picture of its folder {width}x{height}; "
                "a folder has to hold the frames of one clip"
            )
        yield image
