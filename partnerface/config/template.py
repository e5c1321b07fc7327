"""config.yaml with all defaults, a comment for each; `python -m partnerface.config.template FILE` writes it."""

import dataclasses
import sys
import textwrap
from pathlib import Path
from typing import Any

from partnerface.config.settings import SECTIONS
from partnerface.config.values import allowed, kinds, yaml_float
from partnerface.conventions import ABLATIONS, METHODS_COMPARED

WIDTH = 118
HEAD = """\
# yaml-language-server: $schema=workflow/schemas/config.schema.json
# What PartNerFace does: the one file to edit. Every key below a section is optional and stands here with its default;
# `partnerface <stage> --help` lists the same keys as flags. Write small numbers with a point: 1.0e-3, not 1e-3.

# Folder that everything is written to.
results: results

# Who: name (letters, digits, _ and -; it names the folder) -> video. `demo` as a video stands for a clip that is made
# on the spot. A subject may have settings of its own: the sections below, nested under it.
#   me: /videos/me.mp4
#   you:
#     video: /videos/you.mp4
#     frames: {size: 384}
#   both:
#     videos: [/videos/a.mov, /videos/b.mov]   # several clips of one person; a folder of pictures is a clip, too
#   other:
#     import: /data/insta/bala   # tracked by another program (INSTA, IMavatar, VHAP, ...); docs/formats.md
# Or the path of a CSV file with the columns subject,video and optional columns such as train.steps.
subjects:
  demo: demo

# Methods to train and compare:
"""
METHODS = "methods: [partnerface, retrieval]\n"
SEEDS = """\

# Random seeds. The first one's runs lie in <subject>/<method>/, each further one's in <subject>/<method>/seed<N>/.
seeds: [0]
"""


def template() -> str:
    """The whole file."""
    width = max(map(len, (*METHODS_COMPARED, *ABLATIONS)))
    methods, ablations = (
        "".join(f"#   {name:{width}}  {what}\n" for name, what in listed.items())
        for listed in (METHODS_COMPARED, ABLATIONS)
    )
    return (
        HEAD
        + methods
        + "# and what partnerface is without a part of it:\n"
        + ablations
        + METHODS
        + SEEDS
        + "".join(section_text(name) for name, section in SECTIONS.items() if dataclasses.fields(section))
    )


def section_text(name: str) -> str:
    """One section: a comment above each key says what it does and what is allowed."""
    section = SECTIONS[name]
    lines = ["", f"# {(section.__doc__ or name).strip()}", f"{name}:"]
    types_of = kinds(section)
    for field in dataclasses.fields(section):
        comment = f"{field.metadata['help']}; {allowed(types_of[field.name], field.metadata)}"
        lines += textwrap.wrap(comment, WIDTH, initial_indent="  # ", subsequent_indent="  # ", break_on_hyphens=False)
        lines.append(f"  {field.name}: {yaml_value(field.default)}")
    return "\n".join(lines) + "\n"


def yaml_value(value: Any) -> str:
    """A default as YAML reads it back."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return yaml_float(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(map(yaml_value, value)) + "]"
    if isinstance(value, str):
        plain = value.replace("/", "").replace("-", "").replace("_", "").replace("+", "").isalnum()
        return value if plain and value[0].isalpha() and value not in ("null", "true", "false") else f'"{value}"'
    return str(value)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(template())
