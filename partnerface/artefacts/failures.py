"""Jobs that ended without what they should have left, and the last line of their logs, which says why."""

import re
from dataclasses import dataclass
from pathlib import Path

from partnerface.artefacts.layout import DatasetFolder, SubjectFolder

#: Stage → a file that it leaves; a failed job's are deleted.
LEAVES = {
    "demo": lambda subject, run: subject.clip,
    "import": lambda subject, run: subject.frame_index,
    "frames": lambda subject, run: subject.frame_index,
    "landmarks": lambda subject, run: subject.landmarks,
    "tracking": lambda subject, run: subject.tracking,
    "parsing": lambda subject, run: subject.masks,
    "capture": lambda subject, run: subject.capture,
    "dataset": lambda subject, run: DatasetFolder(subject.dataset).parameters,
    "train": lambda subject, run: subject.run(run).avatar,
    "render": lambda subject, run: subject.run(run).render_index,
    "evaluate": lambda subject, run: subject.run(run).protocol,
}
#: More of a line than this is no sentence.
LONGEST = 400


@dataclass(frozen=True)
class Failure:
    """A failed job.

    Attributes:
        subject, stage: whose and which. run: `partnerface/seed1`, empty for a stage without runs.
        reason: the stage's own sentence, or the last line before it ended without one.
        log: its log, relative to the results folder.
    """

    subject: str
    stage: str
    run: str
    reason: str
    log: str

    @property
    def job(self) -> str:
        """`train partnerface/seed1`."""
        return f"{self.stage} {self.run}".strip()


def last_line(log: Path) -> str:
    """The last line of a log that says anything; empty where there is none."""
    try:
        text = Path(log).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # A bar goes back to the line's start for each of its steps.
    lines = [line.strip() for line in re.split(r"[\r\n]", text) if line.strip()]
    return lines[-1] if lines else ""


def failures(results: Path) -> list[Failure]:
    """Jobs that have a log below results/logs/ and not what they leave, by subject and in the order of the road.

    Where jobs are at work, those are among them.
    """
    logs = Path(results) / "logs"
    found = [
        failure
        for folder in sorted(path for path in logs.glob("*") if path.is_dir())
        for file in sorted(folder.rglob("*.log"))
        if (failure := _failure(Path(results), folder, file)) is not None
    ]
    return sorted(found, key=lambda failure: (failure.subject, list(LEAVES).index(failure.stage)))


def _failure(results: Path, folder: Path, file: Path) -> Failure | None:
    stage, _, run = file.relative_to(folder).as_posix().removesuffix(".log").partition(".")
    if stage not in LEAVES or LEAVES[stage](SubjectFolder(results / folder.name), run).exists():
        return None
    last = last_line(file)[:LONGEST]
    own = f"partnerface {stage}: "
    reason = last.removeprefix(own) if last.startswith(own) else f"ended without a word; last it said {last!r}"
    return Failure(folder.name, stage, run, reason, file.relative_to(results).as_posix())
