"""Which FLAME a file is: by its checksum, by what is in it, and by what the user says.

FLAME 2020 and 2023 have the same keys and shapes (5023 vertices, 300 shape and 100 expression components, even the
same number of bytes), so that nothing but the numbers tells them apart, and a file's name tells nothing: the open one
is found renamed to flame2023.pkl. The published files are known by SHA-256; of any other file (the male and female
ones, one that somebody wrote anew) the version is what `tracking.head_version` says, or unknown. Whatever the version,
a head's name ends in a digest of its arrays, so that codes of two bases never meet.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

from partnerface.errors import InputError

#: SHA-256 → version. The maker publishes no checksums; each of these is stated alike by several unrelated projects.
PUBLISHED = {
    "efcd14cc4a69f3a3d9af8ded80146b5b6b50df3bd74cf69108213b144eba725b": "2020",
    "8fb1af0db1abb51053ead8fd1f2624a63d01c9602f4a4fb4ea23bd2c82017fa0": "2023",
    "e75a0990728ba038c7da2a420ae4396f7ddd7781366c13026066c5b24f127623": "2023-open",
}
VERSIONS = ("2017", "2019", "2020", "2023", "2023-no-jaw", "2023-open")
#: Of FLAME's mesh. Files of the same layout and another mesh are taken, too, and called flame-shaped.
VERTICES, TRIANGLES = 5023, 9976
DIGITS = 12


def content_digest(arrays: Sequence[np.ndarray]) -> str:
    """The first hexadecimal digits of the SHA-256 of arrays: shapes, and values as little-endian doubles."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(repr(array.shape).encode())
        digest.update(np.ascontiguousarray(array, "<f8").data)
    return digest.hexdigest()[:DIGITS]


def version_of(sha256: str, stated: str | None, is_flames_mesh: bool, path: object) -> str:
    """The first part of a head's name: `flame-2020`; `flame-2023-as-stated`; `flame-unknown`; `flame-shaped`.

    Raises:
        InputError: the user states another version than the checksum tells.
    """
    known = PUBLISHED.get(sha256)
    if known:
        if stated and stated != known:
            raise InputError(
                f"{path} is FLAME {known} by its SHA-256, but tracking.head_version says {stated}; leave it out"
            )
        return f"flame-{known}"
    if not is_flames_mesh:
        return "flame-shaped"
    return f"flame-{stated}-as-stated" if stated else "flame-unknown"
