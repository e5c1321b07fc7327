"""Stage tables: all subjects and methods in one table."""

import argparse
import sys
from pathlib import Path

from partnerface.artefacts.files import write, write_json
from partnerface.errors import ArtefactError

HELP = """Put the metrics of all subjects and methods together. Reads <subject>/<run>/metrics.csv and protocol.json,
writes tables/metrics.csv, intervals.csv and differences.csv (long form), metrics.md and metrics.tex (for readers, with
the protocol beneath) and protocols.json.

Values are means over frames, then over the seeds of a method, with their spread over seeds and a 95 % interval over
frames; differences are partnerface's from every other method, frame by frame. docs/metrics.md says how. Runs that were
measured in different ways (another mask, size, split, other true frames) never stand in one table."""

SETTINGS = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The results folder."""
    parser.add_argument(
        "results", type=Path, metavar="RESULTS_DIR", help="results, the folder of the subjects' folders"
    )


def run(args: argparse.Namespace, settings: None = None) -> None:
    """Read all runs and write the tables."""
    from partnerface.reporting import long
    from partnerface.reporting.markup import latex, markdown
    from partnerface.reporting.results import find_runs, group_runs
    from partnerface.reporting.sections import mean_tables, sections

    runs = find_runs(args.results)
    if not runs:
        raise ArtefactError(f"no run in {args.results} has been evaluated; run `partnerface evaluate` first")
    groups = group_runs(runs)
    parts, means = sections(groups), mean_tables(groups)
    for warning in (warning for part in parts for warning in part.warnings):
        print(f"tables: {warning}", file=sys.stderr)

    folder = Path(args.results) / "tables"
    texts = {
        "metrics.csv": long.metrics(groups),
        "intervals.csv": long.intervals(groups),
        "differences.csv": long.differences(groups),
        "metrics.md": markdown(parts, means),
        "metrics.tex": latex(parts, means),
    }
    for name, text in texts.items():
        with write(folder / name, "tables") as temporary:
            temporary.write_text(text, encoding="utf-8")
    protocols = {f"{run.subject}/{run.name}": run.protocol for run in runs}
    write_json(folder / "protocols.json", protocols, "tables")
