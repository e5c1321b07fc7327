"""What the rules need to know: inputs, flags and targets, computed from the checked configuration."""

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from partnerface.config.document import Config, read_config, read_yaml
from partnerface.config.flags import to_flags
from partnerface.errors import InputError
from partnerface.launch import guard
from partnerface.launch.sources import digest

#: Names the python that the stages run with, where Snakemake has another.
PYTHON = "PARTNERFACE_PYTHON"


class Road:
    """The configuration as the rules see it.

    Args:
        root: the folder of the Snakefile, which holds the package.
        files: the configuration files that the workflow names.
        overrides: what the command line sets.
    """

    def __init__(self, root: str | Path, files: Sequence[str | Path], overrides: Mapping[str, Any]):
        self.root = Path(root)
        values: dict[str, Any] = {}
        for file in files:
            values.update(read_yaml(Path(file)))
        self.config: Config = read_config(values, overrides)
        self.results = canonical(self.config.results)
        self.heads = heads(self.config)

    def videos(self, subject: str) -> list[str]:
        """The videos of a subject."""
        entry = self.config.subjects[subject]
        return [f"{self.results}/{subject}/clip.mp4"] if entry.is_demo else [canonical(path) for path in entry.videos]

    def folder(self, subject: str) -> str:
        """The folder of an imported subject."""
        return canonical(self.config.subjects[subject].folder)

    def who(self, imported: bool | None = None, tracked: bool | None = None) -> str:
        """A wildcard constraint: the subjects that are imported or filmed, and tracked elsewhere or by us.

        It chooses which rule makes a subject's frames and which its tracking.
        """
        names = [
            name
            for name, subject in self.config.subjects.items()
            if (imported is None or bool(subject.folder) == imported)
            and (tracked is None or subject.is_tracked == tracked)
        ]
        return "|".join(names) or "(?!)"

    def flags(self, stage: str, subject: str | None = None) -> str:
        """The flags of a stage, quoted for a shell."""
        settings = self.config.report if subject is None else self.config.settings(stage, subject)
        return shlex.join(to_flags(settings))

    def source(self, stage: str) -> str:
        """What changes with the code of a stage, and with nothing else."""
        return digest(self.root, stage)

    def each(self, pattern: str) -> list[str]:
        """A path for each subject and run: `{subject}` and `{run}` are filled in, under the results folder."""
        paths = [
            f"{self.results}/{pattern}".format(subject=subject, run=run)
            for subject in self.config.subjects
            for run in self.config.runs()
        ]
        return list(dict.fromkeys(paths))


def heads(config: Config) -> dict[str, list[str]]:
    """Subject → the files of the head that it is tracked with, or that its imported codes are for.

    Empty for the built-in head. A head.npz below the results may be another rule's to make.

    Raises:
        InputError: there is no such file.
    """
    found: dict[str, list[str]] = {}
    for name, subject in config.subjects.items():
        head = config.settings("import" if subject.is_tracked else "tracking", name).head
        if head == "builtin":
            found[name] = []
        elif head.endswith(".npz") and canonical(head).startswith(f"{canonical(config.results)}/"):
            found[name] = [canonical(head)]
        else:
            from partnerface.head.places import head_files

            found[name] = [canonical(str(path)) for path in head_files(head)]
    return found


def canonical(path: str) -> str:
    """One spelling for a path: relative below the working folder, absolute elsewhere.

    Snakemake takes another spelling for another file, and would redo all that depends on it.
    """
    full = Path(os.path.abspath(os.path.expanduser(path)))
    here = Path.cwd()
    below = str(full.relative_to(here)) if full.is_relative_to(here) else ""
    return str(full) if not below or below.startswith("-") else below  # a leading dash would read as a flag


def prepare_environment(root: str | Path) -> None:
    """Let the rules' `python` be the one that runs Snakemake, and their package the one beside the Snakefile.

    Where the launcher has an environment of its own, PYTHON names the stages'. Conda environments, when asked for, put
    themselves in front of it.

    Raises:
        InputError: PYTHON names no program.
    """
    python = Path(os.environ.get(PYTHON) or sys.executable)
    if not os.access(python, os.X_OK) or python.is_dir():
        raise InputError(f"{PYTHON} is {str(python)!r}, which is no program; name the stages' python, .venv/bin/python")
    os.environ["PATH"] = os.pathsep.join([str(python.absolute().parent), os.environ.get("PATH", "")])
    paths = [str(root), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))


def take_over(workflow: Any) -> None:
    """Share the folder's guard, so that a run after a kill -9 needs no `--unlock`; see `guard`."""
    if workflow.is_main_process:
        guard.hold(Path.cwd())


def redo_incomplete(workflow: Any) -> None:
    """Redo what a killed run was writing without being asked to, as `--rerun-incomplete` does.

    The default profile asks for it too, but Snakemake does not find a profile under workflow/ by itself.
    """
    if workflow.dag_settings is not None:
        workflow.dag_settings.force_incomplete = True
