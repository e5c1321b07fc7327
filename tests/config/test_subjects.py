"""The key `subjects`."""

import pytest

from partnerface.config.sections import defaults
from partnerface.config.subjects import read_subjects, sanitised
from partnerface.errors import ConfigError


def refused(value):
    with pytest.raises(ConfigError) as error:
        read_subjects(value, defaults())
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_subject_has_the_shared_settings_and_its_own():
    subjects = read_subjects({"a": "a.mp4", "b": {"video": "b.mp4", "train": {"steps": 3}}}, defaults())
    assert subjects["a"].settings["train"] == defaults()["train"]
    assert subjects["b"].settings["train"].steps == 3
    assert subjects["b"].settings["train"].rays == defaults()["train"].rays
    assert subjects["b"].videos == ("b.mp4",)


def test_an_imported_subject():
    read = read_subjects({"a": {"import": "insta/a"}, "b": "b.mp4"}, defaults())
    assert (read["a"].folder, read["a"].videos, read["a"].is_tracked) == ("insta/a", (), True)
    assert (read["b"].folder, read["b"].is_tracked) == ("", False)
    entry = {"folder": "insta/a", "head": "flame.pkl", "tracking": "own"}
    own = read_subjects({"a": {"import": entry, "dataset": {"size": 64}}}, defaults())["a"]
    assert (own.folder, own.is_tracked, own.settings["import"].head) == ("insta/a", False, "flame.pkl")
    # A filmed subject may hold the section, as run.yaml writes every section out.
    assert not read_subjects({"a": {"video": "x.mp4", "import": {"head": "builtin"}}}, defaults())["a"].folder


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": {"video": "x.mp4", "import": "insta/a"}}, ("both a video and import",)),
        ({"a": {"import": {"head": "builtin"}}}, ("subjects.a.import is None", "the path of the folder")),
        ({"a": {"import": {"folder": "x", "haed": "y"}}}, ("subjects.a.import.haed", "did you mean head?")),
        ({"a": {"import": {"folder": "x", "format": "instax"}}}, ("subjects.a.import.format", "insta")),
        ({"a": {"import": ["x"]}}, ("subjects.a.import",)),
        ({"a": {"import": "x{1}"}}, ("{ } < >",)),
        ({"a b": "x.mp4"}, ("'a b'", "letters, digits, _ and -")),
        ({"../up": "x.mp4"}, ("'../up'",)),
        ({"-a": "x.mp4"}, ("'-a'",)),
        ({"tables": "x.mp4"}, ("'tables'", "choose another")),
        ({"Logs": "x.mp4"}, ("choose another",)),
        ({"a": "x.mp4", "A": "y.mp4"}, ("one folder",)),
        ({"a": None}, ("subjects.a.video is None",)),
        ({"a": {"train": {}}}, ("subjects.a.video",)),
        ({"a": ["x.mp4"]}, ("subjects.a.video",)),
        ({"a": {"video": "x.mp4", "trian": {}}}, ("subjects.a.trian", "did you mean train?")),
        ({"a": {"video": "x.mp4", "train": {"steps": 0}}}, ("subjects.a.train.steps is 0",)),
        ({"a": {"video": "x.mp4", "report": {}}}, ("subjects.a.report",)),
        ({"a": {"videos": []}}, ("a list of paths",)),
        ({"a": {"videos": ["x.mp4", "x.mp4"]}}, ("twice",)),
        ({"a": {"videos": ["x.mp4", "demo"]}}, ("stands alone",)),
        ({"a": {"videos": ["x.mp4"], "video": "y.mp4"}}, ("both video and videos",)),
        ({"a": "x{1}.mp4"}, ("{ } < >",)),
        (None, ("subjects is None",)),
        (["x.mp4"], ("a mapping of names to videos",)),
    ],
)
def test_bad_subjects(value, words):
    message = refused(value)
    for word in words:
        assert word in message


def test_csv_with_a_subject_that_another_program_tracked(tmp_path):
    file = tmp_path / "people.csv"
    file.write_text("subject,video,import.folder,train.steps\nanna,a.mp4,,7\nbala,,insta/bala,\n")
    subjects = read_subjects(str(file), defaults())
    assert (subjects["anna"].videos, subjects["anna"].folder, subjects["anna"].settings["train"].steps) == (
        ("a.mp4",),
        "",
        7,
    )
    assert (subjects["bala"].videos, subjects["bala"].folder) == ((), "insta/bala")


def test_csv(tmp_path):
    file = tmp_path / "people.csv"
    file.write_text('subject,video,train.steps\na,"clips/a, b.mp4",500\nb,b.mp4,\n')
    subjects = read_subjects(str(file), defaults())
    assert subjects["a"].videos == ("clips/a, b.mp4",)
    assert subjects["a"].settings["train"].steps == 500
    assert subjects["b"].settings["train"] == defaults()["train"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,video\na,a.mp4\n", ("line 2", "columns subject,video")),
        ("subject,video\na,a.mp4\na,b.mp4\n", ("line 3", "twice")),
        ("subject,video\na,a.mp4,b\n", ("line 2",)),
        ("subject,video,steps\na,a.mp4,5\n", ("'steps' is not section.key",)),
        ("subject,video,train.steps\na,a.mp4,0\n", ("subjects.a.train.steps is 0",)),
        ("subject,video\n", ("no rows",)),
    ],
)
def test_bad_csv(tmp_path, text, words):
    file = tmp_path / "people.csv"
    file.write_text(text)
    message = refused(str(file))
    for word in words:
        assert word in message
    assert "No such file" in refused(str(tmp_path / "none.csv"))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Anna (1)", "Anna_1"),
        ("d9", "d9"),
        ("日本", "subject"),
        ("--x", "x"),
        ("tables", "tables_video"),
        ("a.b", "a_b"),
    ],
)
def test_names_from_file_names(text, name):
    assert sanitised(text) == name
    assert read_subjects({name: "x.mp4"}, defaults())
