"""Pickles and array files of others, read without running anything that they name.

A pickle is a program. Its operations are looked through before the first is carried out, so that what it claims about
sizes is known to be true. The names that it may hold stand in a closed list, and stand there for small records of ours:
NumPy's, SciPy's, chumpy's and torch's own functions are never called with what the file says. A name that is not listed
ends the reading, in one line.
"""

from partnerface.artefacts.foreign.files import contents, members, read_npy, read_npz, read_pickle, unpickle

__all__ = ["contents", "members", "read_npy", "read_npz", "read_pickle", "unpickle"]
