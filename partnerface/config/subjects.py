"""The key `subjects`: a mapping, or a CSV file, to one record per subject."""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from partnerface.config.sections import check
from partnerface.config.settings import SECTIONS
from partnerface.config.values import nearest
from partnerface.conventions import DEMO_VIDEO, SUBJECT_PATTERN, SUBJECTS_RESERVED
from partnerface.errors import ConfigError

#: The report is one for all subjects, so it has no overrides.
SUBJECT_SECTIONS = {name: section for name, section in SECTIONS.items() if name != "report"}

#: Key of a subject that another program has tracked, and the key in it of the folder; its other keys are settings.
IMPORT, FOLDER = "import", "folder"


@dataclass(frozen=True)
class Subject:
    """One person: the name of the folder, the videos, and the settings of each stage.

    `folder` is what another program left of an imported subject, which has no videos; empty otherwise.
    """

    name: str
    videos: tuple[str, ...]
    settings: dict[str, Any]
    folder: str = ""

    @property
    def is_demo(self) -> bool:
        """Whether the video is the clip that the stage `demo` makes."""
        return self.videos == (DEMO_VIDEO,)

    @property
    def is_tracked(self) -> bool:
        """Whether the tracking is imported, too."""
        return bool(self.folder) and self.settings["import"].tracking == "imported"


def read_subjects(value: Any, shared: Mapping[str, Any], from_text: bool = False) -> dict[str, Subject]:
    """The subjects, each with the shared settings and its own overrides.

    Args:
        value: name → video, or name → mapping with `video`, `videos` or `import` and sections; or the path of a CSV
            file.
        shared: section → settings for all.
        from_text: the values come from a command line and may be text.

    Raises:
        ConfigError: a name that is no folder's name, a missing video, an unknown key, an impossible value.
    """
    if isinstance(value, str):
        value, from_text = read_csv(Path(value)), True
    if not isinstance(value, Mapping) or not value:
        raise ConfigError(
            f"subjects is {value!r}; allowed: a mapping of names to videos (`me: me.mp4`), or the path of a CSV file "
            "with the columns subject,video"
        )
    subjects: dict[str, Subject] = {}
    for name, entry in value.items():
        name = check_name(str(name))
        subjects[name] = _subject(name, entry, shared, from_text)
    folded: dict[str, str] = {}
    for name in subjects:
        other = folded.setdefault(name.lower(), name)
        if other != name:
            raise ConfigError(f"subjects holds {other} and {name}, one folder on some disks; rename one of them")
    return subjects


def check_name(name: str) -> str:
    """The name, if it can be a subject's; raises ConfigError otherwise."""
    if not re.match(SUBJECT_PATTERN, name) or name.startswith("-"):
        raise ConfigError(f"subjects holds the name {name!r}; allowed: letters, digits, _ and -, no - in front")
    if name.lower() in SUBJECTS_RESERVED:
        raise ConfigError(f"subjects holds the name {name!r}, a folder of our own; choose another")
    return name


def sanitised(text: str) -> str:
    """A subject's name made from a file's name: `Anna (1).mp4` → `Anna_1`."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_-")
    return f"{name}_video" if name.lower() in SUBJECTS_RESERVED else name or "subject"


def _subject(name: str, entry: Any, shared: Mapping[str, Any], from_text: bool) -> Subject:
    where = f"subjects.{name}"
    if not isinstance(entry, Mapping):
        entry = {"video": entry}
    settings = dict(shared)
    for key, values in entry.items():
        if key in ("video", "videos"):
            continue
        if key == IMPORT:
            values = {k: v for k, v in values.items() if k != FOLDER} if isinstance(values, Mapping) else {}
        if key not in SUBJECT_SECTIONS:
            known = ("video", "videos", *SUBJECT_SECTIONS)
            hint = nearest(key, known) or f"; known keys: {', '.join(known)}"
            raise ConfigError(f"{where}.{key} is not a key of a subject{hint}")
        own = check(SUBJECT_SECTIONS[key], values, f"{where}.{key}", from_text)
        settings[key] = replace(settings[key], **own)
    folder = _folder(where, entry)
    return Subject(name, () if folder else _videos(where, entry), settings, folder)


def _folder(where: str, entry: Mapping[str, Any]) -> str:
    """The folder of an imported subject (`import: DIR`, or `import: {folder: DIR, ...}`), empty for a filmed one."""
    given = entry.get(IMPORT)
    folder = given.get(FOLDER) if isinstance(given, Mapping) else given
    if folder is None and (given is None or "video" in entry or "videos" in entry):
        return ""  # settings alone say nothing of where it comes from
    if "video" in entry or "videos" in entry:
        raise ConfigError(f"{where} has both a video and import; give one of them")
    return _path(f"{where}.{IMPORT}", folder, "the path of the folder that the other program wrote")


def _videos(where: str, entry: Mapping[str, Any]) -> tuple[str, ...]:
    """The videos of a subject: `video`, or the list `videos`."""
    if "videos" in entry and "video" in entry:
        raise ConfigError(f"{where} has both video and videos; give one video, or a list of videos")
    if "videos" not in entry:
        return (_video(f"{where}.video", entry.get("video")),)
    videos = entry["videos"]
    if not isinstance(videos, list | tuple) or not videos:
        raise ConfigError(f"{where}.videos is {videos!r}; allowed: a list of paths of videos of the same person")
    checked = tuple(_video(f"{where}.videos[{number}]", video) for number, video in enumerate(videos))
    if len(set(checked)) < len(checked):
        raise ConfigError(f"{where}.videos names a video twice; name each once")
    if DEMO_VIDEO in checked and len(checked) > 1:
        raise ConfigError(f"{where}.videos holds {DEMO_VIDEO}, which stands alone; give it a subject of its own")
    return checked


def _video(where: str, video: Any) -> str:
    return _path(where, video, f"the path of a video, or {DEMO_VIDEO}")


def _path(where: str, value: Any, allowed: str) -> str:
    if not isinstance(value, str) or not value.strip() or "\n" in value:
        raise ConfigError(f"{where} is {value!r}; allowed: {allowed}")
    if re.search(r"[{}<>]", value):
        raise ConfigError(f"{where} is {value!r}; Snakemake takes no {{ }} < > in a path: rename or link the file")
    return value


def read_csv(path: Path) -> dict[str, Any]:
    """A CSV file with the columns subject,video and optional overrides (`train.steps`), in the form of the mapping.

    An empty cell leaves the shared value.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text in UTF-8"
        raise ConfigError(f"subjects: cannot read {path}: {reason}") from None
    subjects: dict[str, Any] = {}
    for number, row in enumerate(rows, start=2):
        where = f"{path}, line {number}"
        if None in row or "subject" not in row or "video" not in row:
            raise ConfigError(f"{where}: wants the columns subject,video and a value for each (commas in quotes)")
        name = str(row.pop("subject") or "").strip()
        if name in subjects:
            raise ConfigError(f"{where}: the subject {name} stands there twice")
        video = row.pop("video")
        # An imported subject has none; its row says so by import.folder.
        entry: dict[str, Any] = {"video": video} if video or not row.get(f"{IMPORT}.{FOLDER}") else {}
        for column, cell in row.items():
            section, dot, key = column.partition(".")
            if not dot:
                raise ConfigError(f"{where}: the column {column!r} is not section.key, as in train.steps")
            if cell:
                entry.setdefault(section, {})[key] = cell
        subjects[name] = entry
    if not subjects:
        raise ConfigError(f"subjects: {path} has no rows; it wants the columns subject,video")
    return subjects
