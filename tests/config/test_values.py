"""One value against its field."""

import dataclasses

import pytest
import yaml

from partnerface.config.fields import setting
from partnerface.config.values import Kind, check_value, kinds, nearest, yaml_float
from partnerface.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Toy:
    """All kinds of fields."""

    steps: int = setting(10, "steps", "steps", 1, 100)
    rate: float = setting(1e-3, "rate", None, 0, 1)
    device: str = setting("auto", "device", choices=("auto", "cpu", "cuda"))
    soft: bool = setting(True, "soft weights")
    end: float | None = setting(None, "end", "s", 0)
    splits: tuple[str, ...] = setting(("tail:0.2",), "splits")
    sizes: tuple[int, ...] = setting((1, 2), "sizes", minimum=1)


FIELDS = {field.name: field for field in dataclasses.fields(Toy)}
KINDS = kinds(Toy)


def check(name, value, from_text=False):
    return check_value(f"toy.{name}", value, KINDS[name], FIELDS[name].metadata, from_text)


def test_kinds():
    assert KINDS["end"] == Kind(float, many=False, optional=True)
    assert KINDS["splits"] == Kind(str, many=True)


def test_a_field_that_yaml_cannot_express_is_refused():
    wrong = dataclasses.make_dataclass("Wrong", [("table", dict, setting((), "no"))], frozen=True)
    with pytest.raises(TypeError, match="table"):
        kinds(wrong)


@pytest.mark.parametrize(
    ("name", "value", "result"),
    [
        ("steps", 100, 100),
        ("rate", 1, 1.0),
        ("end", None, None),
        ("end", 2, 2.0),
        ("splits", ["a", "b"], ("a", "b")),
        ("sizes", [], ()),
        ("soft", False, False),
    ],
)
def test_good_values(name, value, result):
    got = check(name, value)
    assert got == result
    assert type(got) is type(result)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("steps", 0, ("toy.steps is 0", "from 1 to 100 (steps)")),
        ("steps", 101, ("toy.steps is 101",)),
        ("steps", 1.5, ("a whole number",)),
        ("steps", True, ("toy.steps is true",)),
        ("steps", "1e1", ("'1e1'", "text", "write 10")),
        ("rate", "1e-3", ("'1e-3'", "text", "write 1.0e-3")),
        ("rate", float("nan"), ("nan",)),
        ("rate", -0.1, ("-0.1", "from 0 to 1")),
        ("rate", None, ("null",)),
        ("device", "cudda", ("'cudda'", "'auto', 'cpu', 'cuda'", "did you mean cuda?")),
        ("soft", 1, ("true or false",)),
        ("soft", "yes", ("true or false",)),
        ("end", -1, ("0 or more, or null (s)",)),
        ("splits", "tail:0.2", ("a list, each text",)),
        ("sizes", [1, 0], ("toy.sizes is 0",)),
    ],
)
def test_bad_values_name_the_key_the_value_and_what_is_allowed(name, value, words):
    with pytest.raises(ConfigError) as error:
        check(name, value)
    message = str(error.value)
    assert message.startswith(f"toy.{name} is ")
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("name", "text", "result"),
    [
        ("steps", "12", 12),
        ("rate", "1e-3", 1e-3),
        ("soft", "false", False),
        ("end", "none", None),
        ("end", "2.5", 2.5),
        ("splits", "a,b", ("a", "b")),
        ("splits", ["a", "b"], ("a", "b")),
        ("sizes", "[1, 2]", (1, 2)),
        ("device", "cpu", "cpu"),
    ],
)
def test_text_of_a_command_line(name, text, result):
    assert check(name, text, from_text=True) == result


def test_text_that_does_not_read_as_the_type_is_refused():
    with pytest.raises(ConfigError, match="'many'"):
        check("steps", "many", from_text=True)


@pytest.mark.parametrize("value", [1e-3, 2.5e-5, 0.0, 0.5, 0.01, 1e6, 123456.0, -1e-3, 0.99999, 3.0, 1e22])
def test_yaml_reads_our_numbers_back(value):
    assert yaml.safe_load(yaml_float(value)) == value


def test_nearest():
    assert nearest("stps", ["steps", "rate"]) == "; did you mean steps?"
    assert nearest("zzz", ["steps", "rate"]) == ""
