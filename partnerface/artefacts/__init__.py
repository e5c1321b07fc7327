"""Files on disk: written whole or not at all, stamped with where they came from, checked when read."""

from partnerface.artefacts.files import check, read_json, read_npz, write, write_json, write_npz
from partnerface.artefacts.layout import SubjectFolder

__all__ = ["SubjectFolder", "check", "read_json", "read_npz", "write", "write_json", "write_npz"]
