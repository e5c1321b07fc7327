"""Settings to flags and back."""

import argparse
import dataclasses
import shlex

import pytest

from partnerface.config.fields import setting
from partnerface.config.flags import add_flags, from_namespace, to_flags
from partnerface.config.settings import SECTIONS
from partnerface.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Toy:
    """All kinds of fields."""

    rays_per_step: int = setting(64, "rays, 100 % of them", "rays", 1)
    rate: float = setting(1e-3, "rate")
    name: str = setting("a", "name")
    soft: bool = setting(True, "soft")
    end: float | None = setting(None, "end", "s")
    splits: tuple[str, ...] = setting(("tail:0.2",), "splits")


def parse(words, section=Toy):
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_flags(parser, section, "toy")
    return from_namespace(section, parser.parse_args(words))


def test_no_flag_gives_the_defaults():
    assert parse([]) == Toy()


@pytest.mark.parametrize(
    "settings",
    [
        Toy(),
        Toy(7, 2.5e-9, 'it\'s $(a) "b"', False, 3.25, ("a b", "c")),
        Toy(name="-x", splits=()),
        Toy(rate=0.1 + 0.2),
    ],
)
def test_flags_and_back(settings):
    words = to_flags(settings)
    assert parse(words) == settings
    assert parse(shlex.split(shlex.join(words))) == settings


@pytest.mark.parametrize("section", SECTIONS.values(), ids=SECTIONS)
def test_each_section_goes_there_and_back(section):
    assert parse(to_flags(section()), section) == section()


def test_a_bad_value_names_the_flag():
    with pytest.raises(ConfigError, match=r"--rays-per-step is 0; allowed: a whole number, 1 or more \(rays\)"):
        parse(["--rays-per-step", "0"])


def test_help_survives_a_percent_sign():
    parser = argparse.ArgumentParser()
    add_flags(parser, Toy, "toy")
    assert "100 %" in parser.format_help()
