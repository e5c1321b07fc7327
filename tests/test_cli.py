"""The command line: help that teaches, errors in one line, exit statuses."""

import argparse
import errno
import subprocess
import sys
import types
from dataclasses import dataclass

import pytest

from partnerface import cli
from partnerface.config.fields import setting
from partnerface.conventions import STAGES
from partnerface.errors import InputError, StoppedError


@dataclass(frozen=True)
class ToySettings:
    """Of a stage that exists for these tests alone."""

    rays_per_step: int = setting(64, "rays in a step", "rays", 1, 4096)
    soft: bool = setting(True, "soft weights")


def toy_stage(run):
    """What stands in for a stage's module."""
    return types.SimpleNamespace(
        HELP="Reads nothing, writes nothing.",
        SETTINGS=ToySettings,
        add_arguments=lambda parser: parser.add_argument("subject", metavar="SUBJECT_DIR"),
        run=run,
    )


@pytest.fixture
def stage(monkeypatch):
    """Put a stage `toy` in place; returns a function that sets what it does."""

    def put(run):
        monkeypatch.setitem(STAGES, "toy", "a toy")
        monkeypatch.setitem(sys.modules, "partnerface.stages.toy", toy_stage(run))

    return put


def test_help_shows_every_stage_and_command(capsys):
    assert cli.main([]) == 0
    out = capsys.readouterr().out
    for name in (*STAGES, *cli.COMMANDS):
        assert f"\n  {name} " in out


@pytest.mark.parametrize("name", STAGES)
def test_each_stage_has_help_and_flags(name, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([name, "--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert "writes" in out.lower()
    assert "DIR" in out


def test_flags_come_from_the_settings(stage, capsys):
    seen = {}

    def run(args: argparse.Namespace, settings: ToySettings) -> None:
        seen.update(folder=args.subject, settings=settings)

    stage(run)
    assert cli.main(["toy", "here", "--rays-per-step", "128", "--no-soft"]) == 0
    assert seen == {"folder": "here", "settings": ToySettings(128, False)}
    with pytest.raises(SystemExit):
        cli.main(["toy", "--help"])
    out = " ".join(capsys.readouterr().out.split())
    assert "--rays-per-step RAYS rays in a step [a whole number from 1 to 4096 (rays); default 64]" in out


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InputError("no face in any frame\nof the clip"), "partnerface toy: no face in any frame of the clip"),
        (OSError(errno.ENOSPC, "No space left", "/d/x"), "partnerface toy: the disk is full while writing /d/x"),
        (PermissionError(errno.EACCES, "Permission denied", "/d/x"), "partnerface toy: no permission for /d/x"),
    ],
)
def test_what_the_user_can_mend_is_one_line(stage, capsys, error, line):
    def run(args, settings):
        raise error

    stage(run)
    assert cli.main(["toy", "here"]) == 2
    err = capsys.readouterr().err
    assert err.startswith(line)
    assert err.count("\n") == 1


def test_an_impossible_flag_is_one_line(stage, capsys):
    stage(lambda args, settings: None)
    assert cli.main(["toy", "here", "--rays-per-step", "0"]) == 2
    assert capsys.readouterr().err == (
        "partnerface toy: --rays-per-step is 0; allowed: a whole number from 1 to 4096 (rays)\n"
    )


def test_a_bug_keeps_its_trace(stage):
    def run(args, settings):
        raise ZeroDivisionError

    stage(run)
    with pytest.raises(ZeroDivisionError):
        cli.main(["toy", "here"])


def test_interrupt(stage, capsys):
    def run(args, settings):
        raise KeyboardInterrupt

    stage(run)
    assert cli.main(["toy", "here"]) == 130
    assert "the same command" in capsys.readouterr().err


def test_told_to_stop(stage, capsys):
    def run(args, settings):
        raise StoppedError("told to stop at step 5 of 9; the same command goes on from there")

    stage(run)
    assert cli.main(["toy", "here"]) == 75
    assert capsys.readouterr().err.endswith("told to stop at step 5 of 9; the same command goes on from there\n")


def test_unknown_command(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["trian"])
    assert stop.value.code == 2
    assert "train" in capsys.readouterr().err


@pytest.mark.parametrize("words", ["", "--help", "tables --help"])
def test_a_closed_pipe_is_quiet(words):
    command = f"({sys.executable} -m partnerface {words}; echo status $? >&2) | sleep 0"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stderr == "status 0\n"
