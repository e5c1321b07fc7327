"""Which head model tracking will use, and what lies in the place for others."""

import hashlib

from partnerface.config.settings import TrackingSettings
from partnerface.doctor.finding import Finding
from partnerface.errors import InputError
from partnerface.head.flame.versions import PUBLISHED
from partnerface.head.licence import FLAME, FLAME_OPEN
from partnerface.head.places import BUILTIN, OURS, head_files

#: Where a FLAME model is looked for while the setting names none.
FOLDER = "weights/flame"
SOURCE = "flame.is.tue.mpg.de, after registration"
LICENCE = f"{FLAME}; FLAME 2023 Open: {FLAME_OPEN}"


def head_model(tracking: TrackingSettings) -> Finding:
    """One line: the model that tracking.head names, or the one that could be named; version, path and digest."""
    chosen = tracking.head != BUILTIN
    place = tracking.head if chosen else FOLDER
    absent = f"get: {SOURCE}; {LICENCE}"
    try:
        file, *beside = head_files(place)
        with open(file, "rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
    except InputError as error:
        if chosen:
            return Finding("head", f"{error}; FLAME: {absent}")
        return Finding(
            "head", f"built-in; FLAME: absent, optional; put it into {FOLDER} and set tracking.head; {absent}"
        )
    except OSError as error:
        return Finding("head", f"{file} can't be read ({error.strerror})")
    if file.suffix == OURS:
        return Finding("head", f"a head.npz of ours: {file}, SHA-256 {digest}, for tracking")
    known = PUBLISHED.get(digest)
    version = known or (f"{tracking.head_version} as stated" if tracking.head_version else "of unknown version")
    names = ", ".join(path.name for path in beside) or "nothing"
    use = "for tracking" if chosen else f"not used: set tracking.head to {file}"
    return Finding("head", f"FLAME {version}: {file}, SHA-256 {digest}, {use}; beside it: {names}")
