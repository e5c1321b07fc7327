"""Pictures and videos as data URIs, within a budget, and the name of what is missing."""

import base64
import io
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import numpy as np

from partnerface.artefacts.files import check
from partnerface.errors import ArtefactError

#: Sheets are made smaller than this before they are embedded.
WIDEST_PX = 1800
LARGEST_PICTURE_BYTES = 700_000


@dataclass(frozen=True)
class Missing:
    """A piece that can't be shown: why, and where it lies if it lies anywhere (relative to results/)."""

    reason: str
    link: str | None = None

    #: Templates ask every piece.
    missing = True


@dataclass(frozen=True)
class Media:
    """A picture or a video as a data URI, with its size in px where it is known."""

    uri: str
    kind: str = "image"
    width: int | None = None
    height: int | None = None

    missing = False


@dataclass
class Shelf:
    """Takes the report's pictures and videos, until the budget is spent.

    Attributes:
        results: the results folder, to which links are relative.
        budget: bytes of base64 text that may still be spent on media.
    """

    results: Path
    budget: float
    left_out: list[str] = field(default_factory=list)

    def relative(self, path: Path) -> str:
        """A path below results/ as a link."""
        return quote(Path(path).relative_to(self.results).as_posix())

    def say(self, error: ArtefactError) -> str:
        """An error's message with paths below results/ instead of this machine's."""
        return str(error).replace(f"{self.results}/", "")

    def file(self, path: Path, stage: str) -> bytes | Missing:
        """A stamped file's bytes; raises nothing."""
        try:
            return check(path, stage).read_bytes()
        except ArtefactError as error:
            return Missing(self.say(error))

    def picture(self, path: Path, stage: str) -> Media | Missing:
        """A stamped JPEG, made smaller where it is very large."""
        data = self.file(path, stage)
        if isinstance(data, Missing):
            return data
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(io.BytesIO(data)) as image:
                if max(image.size) > WIDEST_PX or len(data) > LARGEST_PICTURE_BYTES:
                    image.thumbnail((WIDEST_PX, 4 * WIDEST_PX))
                    return self._spend(_encoded(image.convert("RGB"), 80), "image/jpeg", image.size)
                return self._spend(data, "image/jpeg", image.size)
        except (UnidentifiedImageError, OSError):
            return Missing(f"{self.relative(path)} is not a picture; run `partnerface {stage}` again")

    def array(self, image: np.ndarray, quality: int = 88) -> Media:
        """An (H, W, 3) uint8 image as JPEG."""
        from PIL import Image

        picture = Image.fromarray(np.ascontiguousarray(image))
        return self._spend(_encoded(picture, quality), "image/jpeg", picture.size)

    def video(self, path: Path, stage: str) -> Media | Missing:
        """A stamped H.264 .mp4; when the budget does not allow it, its name."""
        data = self.file(path, stage)
        if isinstance(data, Missing):
            return data
        if _base64_size(len(data)) > self.budget:
            self.left_out.append(Path(path).relative_to(self.results).as_posix())
            return Missing(
                f"left out to keep this page small ({len(data) / 1e6:.1f} MB); it lies in the results folder",
                self.relative(path),
            )
        return self._spend(data, "video/mp4", None, "video")

    def _spend(self, data: bytes, mime: str, size: tuple[int, int] | None, kind: str = "image") -> Media:
        self.budget -= _base64_size(len(data))
        uri = f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"
        return Media(uri, kind, *(size or (None, None)))


def _encoded(image, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling=0, optimize=True)
    return out.getvalue()


def _base64_size(count: int) -> int:
    return (count + 2) // 3 * 4
