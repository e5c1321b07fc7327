"""The settings that end each stage's page; `python -m partnerface.config.pages docs/stages` writes them anew."""

import dataclasses
import sys
from pathlib import Path

from partnerface.config.settings import SECTIONS
from partnerface.config.template import yaml_value
from partnerface.config.values import allowed, kinds

HEADING = "\n## Settings\n"


def settings_table(stage: str) -> str:
    """The table of a stage's settings in Markdown, or a line that says that it has none."""
    fields = dataclasses.fields(SECTIONS[stage]) if stage in SECTIONS else ()
    if not fields:
        return "None.\n"
    types_of = kinds(SECTIONS[stage])
    rows = [
        f"| `{stage}.{field.name}` | `{yaml_value(field.default)}` | {field.metadata['help']} "
        f"| {allowed(types_of[field.name], field.metadata)} |"
        for field in fields
    ]
    return "\n".join(["| key | default | what | allowed |", "|---|---|---|---|", *rows]) + "\n"


def with_settings(page: str, stage: str) -> str:
    """A page with its last section, the settings, as they are now."""
    return page.partition(HEADING)[0].rstrip("\n") + f"\n{HEADING}\n{settings_table(stage)}"


if __name__ == "__main__":
    for path in sorted(Path(sys.argv[1]).glob("*.md")):
        path.write_text(with_settings(path.read_text(), path.stem))
