"""config.yaml as a whole: read, checked, and spread over the subjects."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import yaml

from partnerface.config.sections import build, check, plain
from partnerface.config.settings import SECTIONS
from partnerface.config.subjects import FOLDER, IMPORT, Subject, read_subjects
from partnerface.config.values import nearest
from partnerface.conventions import ABLATIONS, METHOD_PATTERN, METHODS_COMPARED
from partnerface.errors import ConfigError

TOP_KEYS = ("results", "subjects", "methods", "seeds", *SECTIONS)


@dataclass(frozen=True)
class Config:
    """A checked configuration.

    Args:
        results: the folder that everything is written to.
        subjects: name → video and settings.
        methods: the methods to train, in the order of the tables.
        seeds: random seeds; the first one's runs live in <method>/, a further one's in <method>/seed<N>/.
        report: settings of the report, which has no subject.
    """

    results: str
    subjects: dict[str, Subject]
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    report: Any

    def settings(self, section: str, subject: str) -> Any:
        """The settings of a stage for a subject."""
        return self.subjects[subject].settings[section]

    def runs(self) -> list[str]:
        """Names of the run folders: each method, and each trained method again for every further seed."""
        further = [
            f"{method}/seed{seed}" for seed in self.seeds[1:] for method in self.methods if method != "retrieval"
        ]
        return [*self.methods, *further]

    def seed(self, run: str) -> int:
        """The seed of a run (`partnerface/seed3` → 3)."""
        match = re.fullmatch(r".+/seed(\d+)", run)
        return int(match[1]) if match else self.seeds[0]


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file that holds a mapping.

    Raises:
        ConfigError: no such file, not YAML, or not a mapping.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text in UTF-8"
        raise ConfigError(f"cannot read {path}: {reason}") from None
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{path}{place} is not YAML: {getattr(error, 'problem', None) or error}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds no mapping of keys to values; see config.yaml of the repository")
    return values


def read_config(values: Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> Config:
    """A checked configuration from the content of config.yaml.

    Args:
        values: the content of the file.
        overrides: what a command line sets, in the same form. Its `subjects` replace those of the file rather than
            join them; its values may be text, since `snakemake --config` reads nested values as text.

    Raises:
        ConfigError: unknown key or impossible value.
    """
    overrides = overrides or {}
    for given in (values, overrides):
        for key in given:
            if key not in TOP_KEYS:
                hint = nearest(key, TOP_KEYS) or f"; known keys: {', '.join(TOP_KEYS)}"
                raise ConfigError(f"{key} is not a key of config.yaml{hint}")
    top = {key: overrides.get(key, values.get(key)) for key in ("results", "subjects", "methods", "seeds")}
    shared = {}
    for name, section in SECTIONS.items():
        settings = build(section, values.get(name), name)
        shared[name] = replace(settings, **check(section, overrides.get(name), name, from_text=True))
    subjects = read_subjects(top["subjects"], shared, from_text="subjects" in overrides)
    _detectors(subjects)
    return Config(
        results=_results(top["results"]),
        subjects=subjects,
        methods=_methods(top["methods"]),
        seeds=_seeds(top["seeds"]),
        report=shared["report"],
    )


def _results(value: Any) -> str:
    if value is None:
        return "results"
    if not isinstance(value, str) or not value.strip() or re.search(r"[{}<>\n]", value):
        raise ConfigError(f"results is {value!r}; allowed: a folder's path without any of {{ }} < >")
    return value.rstrip("/") or "/"


def _detectors(subjects: Mapping[str, Subject]) -> None:
    """The road goes on from MediaPipe's points; the stage by itself may do without them."""
    for name, subject in subjects.items():
        if subject.settings["landmarks"].detector == "face-alignment":
            raise ConfigError(
                f"landmarks.detector of the subject {name} is 'face-alignment', whose 68 points tracking can't use; "
                "write 'both', which keeps MediaPipe's 478 beside them"
            )


def _methods(value: Any) -> tuple[str, ...]:
    names = ["partnerface", "retrieval"] if value is None else value
    built = {**METHODS_COMPARED, **ABLATIONS}
    known = ", ".join(built)
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"methods is {value!r}; allowed: a list of {known}")
    for name in names:
        if (name not in built or name == "parts_K") and not re.fullmatch(METHOD_PATTERN, name):
            raise ConfigError(f"methods holds {name!r}{nearest(name, built)}; allowed: {known} (K from 1 to 64)")
    _unique("methods", names)
    return tuple(names)


def _seeds(value: Any) -> tuple[int, ...]:
    seeds = [0] if value is None else value
    message = f"seeds is {value!r}; allowed: a list of whole numbers, 0 or more"
    if not isinstance(seeds, list | tuple) or not seeds:
        raise ConfigError(message)
    numbers: list[int] = []
    for item in seeds:
        if isinstance(item, bool) or not (isinstance(item, int) or (isinstance(item, str) and item.isdigit())):
            raise ConfigError(message)
        numbers.append(int(item))
    if min(numbers) < 0:
        raise ConfigError(message)
    _unique("seeds", numbers)
    return tuple(numbers)


def _unique(key: str, items: list | tuple) -> None:
    twice = sorted({item for item in items if list(items).count(item) > 1})
    if twice:
        raise ConfigError(f"{key} holds {twice[0]!r} twice; name each once")


def _named(subject: Subject) -> dict[str, Any]:
    if subject.folder:
        return {}
    return {"video": subject.videos[0]} if len(subject.videos) == 1 else {"videos": list(subject.videos)}


def to_values(config: Config) -> dict[str, Any]:
    """A configuration in the form of config.yaml, every key written out (JSON types)."""
    subjects = {
        name: {**_named(subject), **{key: plain(item) for key, item in subject.settings.items() if fields(item)}}
        for name, subject in config.subjects.items()
    }
    for name, subject in subjects.items():
        subject.pop("report", None)
        if folder := config.subjects[name].folder:
            subject[IMPORT] = {FOLDER: folder, **subject[IMPORT]}
    return {
        "results": config.results,
        "subjects": subjects,
        "methods": list(config.methods),
        "seeds": list(config.seeds),
        "report": plain(config.report),
    }
