"""The command `partnerface doctor`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from partnerface.config.document import read_config, read_yaml
from partnerface.config.settings import ParsingSettings, TrackingSettings
from partnerface.doctor import machine, packages
from partnerface.doctor.finding import Finding
from partnerface.doctor.heads import head_model
from partnerface.doctor.weights import weights

DESCRIPTION = """\
Say what this machine has: Python, packages (each is loaded), processors, graphics cards, compilers, ffmpeg, optional
weights with where to get them and under which licence, room on the disk. The last line says whether the default path
(`make avatar`) can run; the exit status is 0 if so and 1 if not.
"""


def main(argv: Sequence[str]) -> int:
    """Look at everything and print it.

    Returns:
        0 when the default path can run, else 1.
    """
    parser = argparse.ArgumentParser(
        prog="partnerface doctor", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", metavar="DIR", help="results folder to look at [default: that of config.yaml]")
    args = parser.parse_args(argv)
    findings, parsing, tracking, folders, results = configuration()
    for look in (machine.python, packages.packages, machine.processor, machine.graphics, machine.compiler):
        findings += show(look())
    findings += show(machine.kernels())
    findings += show(packages.ffmpeg())
    lpips, fan, task = folders
    findings += show(head_model(tracking))
    findings += show(weights(lpips, parsing, fan, task))
    findings += show(machine.disk(Path(args.results or results)))
    stops = [finding.stops for finding in findings if finding.stops]
    for stop in stops:
        print(f"{'mend':10} {stop}")
    print("The default path can run." if not stops else "The default path can't run until that is mended.")
    return 1 if stops else 0


def show(found: Finding | list[Finding]) -> list[Finding]:
    """Print findings as they come, since some take seconds."""
    findings = found if isinstance(found, list) else [found]
    for finding in findings:
        print(f"{finding.topic:10} {finding.text}", flush=True)
    return findings


def configuration() -> tuple[list[Finding], ParsingSettings, TrackingSettings, tuple[str, str | None, str | None], str]:
    """What config.yaml, where there is one, says about the weights for parsing, the head and the folders."""
    file = Path("config.yaml")
    config = read_config(read_yaml(file)) if file.exists() else read_config({"subjects": {"demo": "demo"}})
    subject = next(iter(config.subjects))
    found = show(Finding("config", f"{file} is in order" if file.exists() else "no config.yaml here; defaults hold"))
    points = config.settings("landmarks", subject)
    folders = (config.settings("evaluate", subject).lpips_weights, points.weights, points.task_file)
    stages = config.settings("parsing", subject), config.settings("tracking", subject)
    return found, *stages, folders, config.results
