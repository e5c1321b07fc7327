"""The schema in workflow/schemas is the one that the settings give, and judges as our own check does."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from partnerface.config.schema import as_text
from partnerface.config.settings import SECTIONS
from partnerface.config.template import template

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "workflow" / "schemas" / "config.schema.json"


def valid(values):
    return jsonschema.Draft202012Validator(json.loads(FILE.read_text())).is_valid(values)


def test_the_file_is_up_to_date():
    assert FILE.read_text() == as_text(), "run `make schema`"


def test_it_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(json.loads(FILE.read_text()))


@pytest.mark.parametrize("text", [(ROOT / "config.yaml").read_text(), template()], ids=["shipped", "template"])
def test_good_files(text):
    assert valid(yaml.safe_load(text))


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"subjects": {"demo": "demo"}, "metods": []},
        {"subjects": {"demo": "demo"}, "train": {"stepps": 3}},
        {"subjects": {"demo": "demo"}, "train": {"steps": 0}},
        {"subjects": {"demo": "demo"}, "train": {"steps": "1e3"}},
        {"subjects": {"demo": "demo"}, "methods": ["other"]},
        {"subjects": {"a b": "demo"}},
        {"subjects": {"a": {"train": {}}}},
        {"subjects": {"a": {"video": "x.mp4", "train": {"steps": 0}}}},
        {"subjects": {"a": {"import": {"head": "builtin"}}}},
        {"subjects": {"a": {"import": {"folder": "x", "format": "y"}}}},
        {"subjects": {"a": {"import": "x", "video": "x.mp4"}}},
    ],
)
def test_bad_files(values):
    assert not valid(values)


@pytest.mark.parametrize("entry", ["insta/a", {"folder": "insta/a", "head": "flame.pkl", "tracking": "own"}])
def test_imported_subjects(entry):
    assert valid({"subjects": {"a": {"import": entry}}})


def test_every_setting_has_a_description():
    schema = json.loads(FILE.read_text())
    for name in SECTIONS:
        assert schema["$defs"][name]["description"]
        for key, field in schema["$defs"][name]["properties"].items():
            assert len(field["description"]) > 5, f"{name}.{key}"
