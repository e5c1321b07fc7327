"""What can go wrong, as sentences for a person.

Every message says what is wrong, where, and how to mend it, in one line. The command line prints it without a
stack trace and ends with a non-zero status; anything else that is raised is a bug of ours and keeps its trace.
"""


class PartNerFaceError(Exception):
    """Base of every error that a user can mend."""


class InputError(PartNerFaceError):
    """The user's input (a video, a folder, a flag) can't be used."""


class ConfigError(PartNerFaceError):
    """A configuration key is unknown or its value is impossible."""


class ArtefactError(PartNerFaceError):
    """A file that a stage should have left is missing, truncated or of another format; names the stage to rerun."""


class TrainingError(PartNerFaceError):
    """Training can't go on (values stay non-finite after every roll-back)."""


class StoppedError(PartNerFaceError):
    """The command was told to stop (SIGTERM); what it had done is kept, and the same command goes on from there."""
