"""Snakemake as a child process: started without a shell, listened to, and its failures told in one line."""

import re
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from partnerface.artefacts.failures import last_line

#: `rule train:` and `localrule tables:`, as Snakemake announces a job.
RULE = re.compile(r"^(?:local)?rule (\w+):$")
WILDCARDS = re.compile(r"^ +wildcards: (.*)$")
FAILED_RULE = re.compile(r"^Error in rule (\w+)\b")
FAILED_LOG = re.compile(r"^ +log: (.+?) \(check log file")
STEPS = re.compile(r"^(\d+) of (\d+) steps \(.*\) done$")


@dataclass
class Listener:
    """Reads what Snakemake says; shows when a job starts, and keeps what failed."""

    rule: str = ""
    failures: dict[str, str] = field(default_factory=dict)
    failing: str = ""
    locked: bool = False
    told_to_stop: bool = False
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=50))

    def hear(self, line: str) -> str | None:
        """Take in one line; return what to show for it, if anything."""
        line = line.rstrip("\n")
        if line.strip():
            self.tail.append(line)
        if "cannot be locked" in line:
            self.locked = True
        if line.startswith("Will exit after finishing"):
            self.told_to_stop = True
        if match := FAILED_RULE.match(line):
            self.failing = match[1]
            self.failures.setdefault(self.failing, "")
        elif (match := FAILED_LOG.match(line)) and self.failing:
            self.failures[self.failing] = match[1]
        elif match := RULE.match(line):
            self.rule = match[1]
        elif (match := WILDCARDS.match(line)) and self.rule:
            names = " ".join(item.partition("=")[2] for item in match[1].split(", "))
            shown, self.rule = f"-- {self.rule} {names}", ""
            return shown
        elif match := STEPS.match(line):
            return f"-- {match[1]} of {match[2]} steps done"
        return None


def snakemake(arguments: Sequence[str], dry: bool = False) -> tuple[int, Listener]:
    """Run Snakemake; what the jobs print goes to standard error as it comes.

    Args:
        arguments: Snakemake's command line.
        dry: show all that Snakemake says.

    Returns:
        Its exit status and what was heard.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", "snakemake", *arguments],
        stdout=sys.stderr.fileno(),
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    previous = signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    listener = Listener()
    try:
        assert child.stderr is not None
        for line in child.stderr:
            shown = line.rstrip("\n") if dry else listener.hear(line)
            if shown is not None:
                print(shown, file=sys.stderr, flush=True)
        return child.wait(), listener
    except KeyboardInterrupt:
        # The terminal has told Snakemake as well; it ends its jobs and clears its lock.
        child.wait()
        raise
    finally:
        signal.signal(signal.SIGTERM, previous)


def told_by_stage(listener: Listener) -> bool:
    """Whether every failed stage ended with a line for the user (which was shown when it came)."""
    return bool(listener.failures) and all(_is_told(log, rule) for rule, log in listener.failures.items())


def _is_told(log: str, rule: str) -> bool:
    stage = rule.partition("_")[0]  # import_pictures is the stage import as well
    return last_line(Path(log)).startswith(f"partnerface {stage}: ")
