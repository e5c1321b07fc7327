"""`partnerface run`: check the input in one line each, then walk the road with Snakemake."""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

import partnerface
from partnerface.artefacts.files import atomic
from partnerface.config.changes import put
from partnerface.config.document import Config, read_config, read_yaml, to_values
from partnerface.config.subjects import check_name, sanitised
from partnerface.conventions import DEMO_VIDEO, STAGES
from partnerface.errors import ConfigError, InputError
from partnerface.failures import disk_is_full, existing_parent, explain_system_error
from partnerface.launch.engine import snakemake, told_by_stage
from partnerface.launch.rules import canonical, heads
from partnerface.launch.summary import summary
from partnerface.video.pictures import SUFFIXES as PICTURES
from partnerface.video.pictures import listed

DESCRIPTION = """\
Walk the whole road for a video: frames, landmarks, tracking, masks, dataset, training, rendering, evaluation, tables,
report. What is done and unchanged is not done again; after a kill the same command goes on. It is the same DAG that
`snakemake` walks, with the settings of config.yaml.
"""
EPILOG = """\
examples:
  partnerface run                                       the subjects of config.yaml (as it comes: the demo)
  partnerface run me.mp4                                your own video, as subject `me`
  partnerface run a.mov b.mov --subject me              two videos of one person
  partnerface run clips/                                a folder of videos: each is a person, named as the file
  partnerface run two.mp4 --face-at 640,300             two people are seen: follow the one at this place
  partnerface run --import ~/data/insta/bala --set import.head=~/flame/generic_model.pkl
                                                        tracked by another program; docs/formats.md
  partnerface run me.mp4 --until tracking               stop after tracking
  partnerface run me.mp4 --set train.steps=500 --set dataset.size=128
"""
ROOT = Path(partnerface.__file__).resolve().parents[1]
#: What is a video in a folder.
VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mts", ".m2ts", ".mpg", ".mpeg", ".3gp", ".wmv", ".flv", ".ogv",
)  # fmt: skip
#: Rules that stand for a stage, where it is not its own alone: an imported subject's frames come from the import.
UNTIL = {
    "import": ("import", "import_pictures"),
    "frames": ("frames", "import", "import_pictures"),
    "tracking": ("tracking", "import"),
}


def parser() -> argparse.ArgumentParser:
    """The command line of `partnerface run`."""
    made = argparse.ArgumentParser(
        prog="partnerface run",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument(
        "videos",
        nargs="*",
        metavar="VIDEO",
        help="a video of one person (or several of the same, or the folder of its pictures), a folder of videos of "
        "one person each, or `demo`; without it, the subjects of config.yaml",
    )
    made.add_argument(
        "--import",
        metavar="DIR",
        dest="folder",
        help="in place of a video: what another program (INSTA, IMavatar, VHAP, metrical-tracker, nerfstudio) wrote",
    )
    made.add_argument("--subject", metavar="NAME", help="names the folder in results/ [default: from the file's name]")
    made.add_argument("--face-at", metavar="X,Y[,T]", help="whom to follow if several people are seen: px and s")
    made.add_argument("--results", metavar="DIR", help="folder to write to [default: `results` of config.yaml]")
    made.add_argument("--until", metavar="STAGE", choices=list(STAGES), help=f"stop after: {', '.join(STAGES)}")
    made.add_argument("--cores", type=int, metavar="N", help="cores to use [default: all]")
    made.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="changes",
        help="a setting for this run, as section.key=value; may be given several times",
    )
    made.add_argument("--config", metavar="FILE", help="configuration file [default: config.yaml here, or the shipped]")
    made.add_argument("--dry-run", "-n", action="store_true", help="only show what would be done")
    return made


def main(argv: Sequence[str]) -> int:
    """Run the command; see `partnerface.cli.main` for what it returns and how errors are told."""
    args = parser().parse_args(argv)
    if not (ROOT / "Snakefile").is_file():
        raise InputError(f"no Snakefile beside the package in {ROOT}; install from a clone with `pip install -e .`")
    if args.cores is not None and args.cores < 1:
        raise InputError(f"--cores is {args.cores}; allowed: 1 or more")
    config = resolve(args)
    results = canonical(config.results)
    check_videos(config)
    heads(config)  # raises InputError for one that isn't there
    check_writable(Path(results), "results folder")
    check_writable(Path(".snakemake"), "working folder (Snakemake keeps its notes in it)")
    file = Path(results) / "logs" / "run.yaml"
    with atomic(file) as temporary:
        temporary.write_text(
            "# What the last `partnerface run` was asked for.\n" + yaml.safe_dump(to_values(config), sort_keys=False)
        )
    status, heard = snakemake(arguments(args, file), args.dry_run)
    if not args.dry_run and (status == 0 or (heard.failures and len(config.subjects) > 1)):
        print("\n".join(summary(config, results)), flush=True)
    return 0 if status == 0 else explain(status, heard, results)


def arguments(args: argparse.Namespace, config: Path) -> list[str]:
    """Snakemake's command line."""
    cores = args.cores or len(os.sched_getaffinity(0))
    words = ["--snakefile", str(ROOT / "Snakefile"), "--configfile", str(config), "--replace-workflow-config"]
    words += ["--workflow-profile", str(ROOT / "workflow" / "profiles" / "default"), "--cores", str(cores)]
    return (
        words
        + (["--until", *UNTIL.get(args.until, (args.until,))] if args.until else [])
        + (["--dry-run", "--quiet", "rules"] if args.dry_run else [])
    )


def resolve(args: argparse.Namespace) -> Config:
    """The configuration file with what the command line changes.

    Raises:
        ConfigError: see `partnerface.config.document`; or a malformed --set.
    """
    file = Path(args.config) if args.config else Path("config.yaml")
    if not args.config and not file.exists():
        file = ROOT / "config.yaml"
    values = read_yaml(file)
    overrides: dict[str, Any] = {}
    for change in args.changes:
        put(overrides, change)
    if args.results is not None:
        overrides["results"] = args.results
    if args.face_at is not None:
        put(overrides, f"frames.face_at={args.face_at}")
    if args.videos and args.folder is not None:
        raise ConfigError("both a video and --import are given; a subject has one of them")
    if len(args.videos) == 1 and (found := videos_in(Path(args.videos[0]))):
        if args.subject is not None:
            raise ConfigError(
                f"--subject names one person, but {args.videos[0]} is a folder of videos, each of its own"
            )
        overrides["subjects"] = found
    elif args.videos or args.folder is not None:
        source = args.videos[0] if args.videos else os.path.abspath(str(args.folder))
        name = args.subject if args.subject is not None else name_of(source)
        known = values.get("subjects")
        entry = known.get(check_name(name)) if isinstance(known, dict) else None
        own = entry if isinstance(entry, dict) else {}
        kept = {key: item for key, item in own.items() if key not in ("video", "videos", "import")}
        known = own.get("import")
        imported = (known if isinstance(known, dict) else {}) | {"folder": args.folder}
        overrides["subjects"] = {name: kept | ({"videos": args.videos} if args.videos else {"import": imported})}
    elif args.subject is not None:
        known = read_config(values, overrides).subjects
        if args.subject not in known:
            raise ConfigError(f"--subject {args.subject} is not in {file}, which has {', '.join(known)}; or give VIDEO")
        subjects = values["subjects"]
        if isinstance(subjects, dict):
            overrides["subjects"] = {args.subject: subjects[args.subject]}
    return read_config(values, overrides)


def videos_in(folder: Path) -> dict[str, str]:
    """Subject → video for a folder of videos, one of each person; nothing for anything else.

    Raises:
        ConfigError: two videos' names make one subject; pictures lie among them.
    """
    if not folder.is_dir():
        return {}
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    videos = [path for path in files if path.suffix.lower() in VIDEO_SUFFIXES]
    if videos and any(path.suffix.lower() in PICTURES for path in files):
        raise ConfigError(f"{folder} holds videos and pictures; give a folder of either, or name the files")
    found: dict[str, str] = {}
    for path in videos:
        name = name_of(str(path))
        if name in found:
            raise ConfigError(f"{found[name]} and {path} would both be the subject {name}; rename one of them")
        found[name] = str(path)
    return found


def name_of(video: str) -> str:
    """A subject's name from the name of a video's file."""
    return DEMO_VIDEO if video == DEMO_VIDEO else sanitised(Path(video).stem)


def check_videos(config: Config) -> None:
    """Raise InputError for a video that isn't there, isn't a file, is empty or can't be read, or a missing folder."""
    for subject in config.subjects.values():
        if subject.is_demo:
            continue
        if subject.folder and not Path(subject.folder).expanduser().is_dir():
            raise InputError(f"there is no folder {subject.folder} (import of {subject.name}); give its path")
        for video in subject.videos:
            check_video(Path(video).expanduser(), subject.name)


def check_video(path: Path, name: str) -> None:
    """Raise InputError when there is no such video, or when it can't be one."""
    if not path.exists():
        raise InputError(f"there is no file {path} (video of {name}); give the path of a video")
    if path.is_dir():
        listed(path)
    elif not path.is_file():
        raise InputError(f"{path} (video of {name}) is no file; give the path of a video")
    elif path.stat().st_size == 0:
        raise InputError(f"{path} (video of {name}) is empty, 0 bytes; copy or record it again")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path} (video of {name}) may not be read by you; change its permissions")


def check_writable(folder: Path, what: str) -> None:
    """Make a folder and write a file in it; raise InputError in one line when that can't be done."""
    there = existing_parent(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".write-test.") as file:
            file.write(bytes(65536))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        line = explain_system_error(error, [str(there)])
        raise InputError(f"cannot write to the {what} {folder}: {line or error.strerror or error}") from None


def explain(status: int, heard: Any, results: str) -> int:
    """Turn a failure of Snakemake into an exit status, and into one line unless the stage has told it."""
    if told_by_stage(heard):
        return 2
    if disk_is_full(Path(results)):
        raise InputError(f"the disk of {results} is full; free some space and run the same command again")
    if heard.told_to_stop and not heard.failures:
        print("partnerface run: told to stop, and has; the same command goes on from here", file=sys.stderr)
        return 128 + signal.SIGTERM
    if heard.locked:
        raise InputError("another run is at work on the same files; wait for it to end, or end it")
    if heard.failures:
        rule, log = next(iter(heard.failures.items()))
        print(f"partnerface run: stage {rule} failed; its log is {log}", file=sys.stderr)
    else:
        print("\n".join(heard.tail), file=sys.stderr)
        print("partnerface run: Snakemake stopped; its last lines stand above", file=sys.stderr)
    return status if status > 0 else 1
