"""Stage tables: all subjects and methods in one table."""

import argparse
import sys
from pathlib import Path

from partnerface.artefacts.files import write, write_json
from partnerface.errors import ArtefactError

HELP = """Put the metrics of all subjects and methods together. Reads <subject>/<run>/metrics.csv and protocol.json,
writes tables/metrics.csv (long form), tables/metrics.md and tables/metrics.tex (for readers, with the protocol
beneath) and tables/protocols.json.

Values are means over frames, then over the seeds of a method. Runs that were measured in different ways (another mask,
size, split, other true frames) never stand in one table."""

SETTINGS = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The results folder."""
    parser.add_argument(
        "results", type=Path, metavar="RESULTS_DIR", help="results, the folder of the subjects' folders"
    )


def run(args: argparse.Namespace, settings: None = None) -> None:
    """Read all runs and write the tables."""
    from partnerface.reporting.markup import latex, markdown
    from partnerface.reporting.results import find_runs, group_runs, long_table
    from partnerface.reporting.table import mean_tables, sections

    runs = find_runs(args.results)
    if not runs:
        raise ArtefactError(f"no run in {args.results} has been evaluated; run `partnerface evaluate` first")
    groups = group_runs(runs)
    parts, means = sections(groups), mean_tables(groups)
    for warning in (warning for part in parts for warning in part.warnings):
        print(f"tables: {warning}", file=sys.stderr)

    folder = Path(args.results) / "tables"
    with write(folder / "metrics.csv", "tables") as temporary:
        temporary.write_text(long_table(groups), encoding="utf-8")
    with write(folder / "metrics.md", "tables") as temporary:
        temporary.write_text(markdown(parts, means), encoding="utf-8")
    with write(folder / "metrics.tex", "tables") as temporary:
        temporary.write_text(latex(parts, means), encoding="utf-8")
    protocols = {f"{run.subject}/{run.name}": run.protocol for run in runs}
    write_json(folder / "protocols.json", protocols, "tables")
