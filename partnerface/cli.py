"""`partnerface <stage>`: parse, call one stage, and say in one line what a person can mend."""

import argparse
import contextlib
import importlib
import os
import signal
import sys
import textwrap
from collections.abc import Sequence
from types import ModuleType

from partnerface import __version__
from partnerface.config.flags import add_flags, from_namespace
from partnerface.conventions import ASIDE, STAGES
from partnerface.errors import PartNerFaceError, StoppedError
from partnerface.failures import explain_system_error
from partnerface.launch import guard
from partnerface.stopping import STOPPED

#: Commands that are no stage: the module that defines each, and its line.
COMMANDS = {
    "run": ("partnerface.launch.run", "walk the whole road for a video, redoing only what changed"),
    "drive": ("partnerface.acting.drive", "move an avatar by another person's video, a tracking, or a table"),
    "export": ("partnerface.stages.export", "write a tracked subject as INSTA, IMavatar or nerfstudio read it"),
    "view": ("partnerface.viewing.command", "look at an avatar in the browser and move it with sliders"),
    "doctor": ("partnerface.doctor.command", "say what this machine has and whether the road can be walked"),
    "bench": ("partnerface.bench.command", "measure how fast the stages and the model are on this machine"),
}

#: What else a stage's command does when a flag of its own asks for it: the module that adds the flags and does it.
BESIDES = {"render": "partnerface.acting.views"}

PICTURE = """\
from a video of one person to a head avatar that can be driven

  video --> frames --> landmarks --> tracking --> parsing --> dataset
                                                     |           |
                                                  capture        |
  report <-- tables <-- evaluate <-- render <-- train <----------+
                                               (once per method and seed)

`partnerface run me.mp4` walks the road and redoes only what changed. Each stage is a command of its own, too; it
reads what the stages before it left in results/<subject>/ and leaves its own files there. What can be set stands
in config.yaml, with units; `partnerface <stage> --help` explains one stage.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit status: 0 done, 2 something the user can mend (one line says what), 75 told to stop (start it again),
        130 interrupted. Anything else that goes wrong is a bug of ours and leaves as an exception with its trace.
    """
    # Threads that wait give their core away. By default they spin, and two processes on the same cores, as a scheduler
    # or another program brings them, then take six times as long; alone it costs nothing. Read when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    words = list(sys.argv[1:] if argv is None else argv)
    command = words[0] if words and words[0] in {**STAGES, **ASIDE, **COMMANDS} else None
    name = f"partnerface {command}" if command else "partnerface"
    try:
        try:
            return _dispatch(command, words)
        finally:
            sys.stdout.flush()  # here, where a closed pipe can still be handled, and not at the interpreter's end
    except StoppedError as error:
        if argv is None:
            # A scheduler says it more than once, and the exit status must not tell of a kill in the last moment.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _fail(name, str(error))
        return STOPPED
    except PartNerFaceError as error:
        return _fail(name, str(error))
    except KeyboardInterrupt:
        print(f"\n{name}: stopped; the same command goes on from here", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Nobody reads any more (`| head`); the interpreter's last flush must not complain either.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        line = explain_system_error(error, words[1:])
        if line is None:
            raise
        return _fail(name, line)


def _dispatch(command: str | None, words: list[str]) -> int:
    if command is None:
        return _top_level(words)
    if command in COMMANDS:
        return importlib.import_module(COMMANDS[command][0]).main(words[1:])
    return _run_stage(command, words[1:])


def _fail(name: str, message: str) -> int:
    print(f"{name}: {' '.join(message.split())}", file=sys.stderr)
    return 2


def _top_level(words: list[str]) -> int:
    width = max(map(len, {**STAGES, **ASIDE, **COMMANDS}))
    stages = "\n".join(f"  {name:{width}}  {line}" for name, line in STAGES.items())
    lines = {**{name: line for name, (_, line) in COMMANDS.items()}, **ASIDE}
    others = "\n".join(f"  {name:{width}}  {line}" for name, line in lines.items())
    parser = argparse.ArgumentParser(
        prog="partnerface",
        description=PICTURE,
        epilog=f"commands:\n{others}\n\nstages:\n{stages}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"partnerface {__version__}")
    parser.add_argument(
        "command", metavar="COMMAND", nargs="?", choices=[*COMMANDS, *ASIDE, *STAGES], help="one of those below"
    )
    parser.parse_args(words)
    parser.print_help()
    return 0 if not words else 2


def stage_parser(name: str, module: ModuleType) -> argparse.ArgumentParser:
    """The parser of one stage, from its HELP, its arguments and its settings."""
    parser = argparse.ArgumentParser(
        prog=f"partnerface {name}",
        description=module.HELP,
        epilog=getattr(module, "EPILOG", None),
        formatter_class=_HelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    if name in BESIDES:
        importlib.import_module(BESIDES[name]).add_arguments(parser)
    if module.SETTINGS is not None:
        add_flags(parser, module.SETTINGS, name)
    return parser


def _run_stage(name: str, words: list[str]) -> int:
    guard.join()
    module = importlib.import_module(f"partnerface.stages.{name}")
    args = stage_parser(name, module).parse_args(words)
    settings = None if module.SETTINGS is None else from_namespace(module.SETTINGS, args)
    beside = importlib.import_module(BESIDES[name]) if name in BESIDES else None
    (beside if beside is not None and beside.asked(args) else module).run(args, settings)
    return 0


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Fills the paragraphs of description and epilog, but keeps their breaks and what is set in (examples)."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n\n".join(
            part if "\n  " in part else textwrap.fill(" ".join(part.split()), width, break_on_hyphens=False)
            for part in text.split("\n\n")
        )

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)
