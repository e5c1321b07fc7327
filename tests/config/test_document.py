"""config.yaml as a whole."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from partnerface.config.document import read_config, read_yaml, to_values
from partnerface.config.settings import SECTIONS
from partnerface.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
SMALLEST = {"subjects": {"demo": "demo"}}


def refused(values, overrides=None):
    with pytest.raises(ConfigError) as error:
        read_config(values, overrides)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_shipped_file_holds_the_defaults():
    shipped = read_config(read_yaml(ROOT / "config.yaml"))
    assert shipped == read_config(SMALLEST)
    assert shipped.methods == ("partnerface", "retrieval")
    assert shipped.subjects["demo"].is_demo


@pytest.mark.parametrize("name", SECTIONS)
def test_the_shipped_file_explains_every_key(name):
    text = (ROOT / "config.yaml").read_text()
    section = text.split(f"\n{name}:\n")[1].split("\n\n")[0] if f"\n{name}:\n" in text else ""
    lines = section.splitlines()
    for field in dataclasses.fields(SECTIONS[name]):
        rows = [n for n, line in enumerate(lines) if line.startswith(f"  {field.name}:")]
        assert len(rows) == 1, f"{name}.{field.name} stands in config.yaml once; see partnerface.config.template"
        comment = lines[rows[0] - 1]
        assert comment.startswith("  #"), f"{name}.{field.name} has a comment above it"
        if field.metadata["unit"]:
            above = "".join(lines[max(0, rows[0] - 3) : rows[0]])
            assert f"({field.metadata['unit']})" in above.replace("  # ", " "), f"{name}.{field.name} names its unit"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"metods": ["partnerface"]}, ("metods is not a key", "did you mean methods?")),
        ({"train": {"stepps": 3}}, ("train.stepps is not a setting", "did you mean steps?")),
        ({"train": {"zzz": 3}}, ("known keys:", "steps")),
        ({"train": {"steps": 0}}, ("train.steps is 0", "allowed: a whole number")),
        ({"train": [1]}, ("train is [1]",)),
        ({"methods": ["partnrface"]}, ("'partnrface'", "did you mean partnerface?")),
        ({"methods": ["parts_65"]}, ("'parts_65'", "K from 1 to 64")),
        ({"methods": ["parts_K"]}, ("'parts_K'", "K from 1 to 64")),
        ({"methods": []}, ("methods is []",)),
        ({"methods": [{"a": 1}]}, ("methods is",)),
        ({"methods": ["global", "global"]}, ("twice",)),
        ({"seeds": [-1]}, ("seeds is [-1]",)),
        ({"seeds": [True]}, ("seeds",)),
        ({"seeds": 3}, ("a list",)),
        ({"results": "a{b}"}, ("results is",)),
        ({"subjects": {}}, ("subjects is {}",)),
    ],
)
def test_bad_content(values, words):
    message = refused({**SMALLEST, **values})
    for word in words:
        assert word in message


def test_yaml_that_is_none(tmp_path):
    (tmp_path / "a.yaml").write_text("subjects: {demo: demo\ntrain:\n")
    with pytest.raises(ConfigError, match=r"a.yaml, line 2, column 6 is not YAML"):
        read_yaml(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").write_text("- a\n")
    with pytest.raises(ConfigError, match="no mapping"):
        read_yaml(tmp_path / "b.yaml")
    with pytest.raises(ConfigError, match="No such file"):
        read_yaml(tmp_path / "c.yaml")
    (tmp_path / "d.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        read_yaml(tmp_path / "d.yaml")


def test_runs_and_seeds():
    config = read_config({**SMALLEST, "methods": ["partnerface", "retrieval"], "seeds": [5, 7]})
    assert config.runs() == ["partnerface", "retrieval", "partnerface/seed7"]
    assert [config.seed(run) for run in config.runs()] == [5, 5, 7]


def test_a_command_line_replaces_the_subjects_and_may_be_text():
    overrides = {"subjects": {"me": "me.mp4"}, "train": {"steps": "500", "rate_grid": "1e-3"}, "seeds": ["1", "2"]}
    config = read_config({**SMALLEST, "train": {"rays": 512}}, overrides)
    assert list(config.subjects) == ["me"]
    train = config.settings("train", "me")
    assert (train.steps, train.rate_grid, train.rays) == (500, 1e-3, 512)
    assert config.seeds == (1, 2)
    assert "train.steps is 'many'" in refused(SMALLEST, {"train": {"steps": "many"}})


def test_all_written_out_reads_back_the_same(tmp_path):
    config = read_config(
        {
            "subjects": {
                "demo": "demo",
                "me": {"video": "me.mp4", "train": {"steps": 7}},
                "other": {"import": {"folder": "insta/bala", "tracking": "own"}},
            },
            "seeds": [3, 4],
            "report": {"max_size": 3},
        }
    )
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump(to_values(config)))
    assert read_config(read_yaml(file)) == config
    assert read_config({}, read_yaml(file)) == config
