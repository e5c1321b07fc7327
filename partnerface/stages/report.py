"""Stage report: everything on one self-contained page."""

import argparse
from pathlib import Path

from partnerface.artefacts.files import write
from partnerface.config.settings import ReportSettings

HELP = """Put everything into one HTML file. Reads what the other stages left, writes report.html: the clip and its
dropped frames, tracking, masks, splits, training curves, held-out frames beside the renders, videos, metrics with their
protocol, and what each stage cost.

The page needs no other file and no network. What is missing is named on it, with the stage that makes it."""

SETTINGS = ReportSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The results folder."""
    parser.add_argument(
        "results", type=Path, metavar="RESULTS_DIR", help="results, the folder of the subjects' folders"
    )


def run(args: argparse.Namespace, settings: ReportSettings) -> None:
    """Write report.html."""
    from partnerface.reporting.report import build

    page, left_out = build(args.results, settings.max_size)
    with write(Path(args.results) / "report.html", "report") as temporary:
        temporary.write_text(page, encoding="utf-8")
    for name in left_out:
        print(f"report: {name} is named but not embedded, to stay under {settings.max_size:g} MB (report.max_size)")
