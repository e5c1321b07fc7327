"""The doctor: what it finds, what it calls a hindrance, and its status."""

import hashlib
from pathlib import Path

import pytest

from partnerface.config.settings import ParsingSettings, TrackingSettings
from partnerface.doctor import command, machine, packages
from partnerface.doctor.finding import Finding
from partnerface.doctor.heads import head_model
from partnerface.doctor.weights import OPTIONAL, describe, describe_file, weights
from partnerface.parsing.weights import KNOWN


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """Looks that take seconds are replaced; the working folder is empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(packages, "packages", lambda: [Finding("packages", "numpy 1")])
    monkeypatch.setattr(packages, "ffmpeg", lambda: Finding("ffmpeg", "8.0"))
    monkeypatch.setattr(machine, "graphics", lambda: Finding("gpu", "none"))
    monkeypatch.setattr(machine, "disk", lambda results: Finding("disk", f"9 GiB free for {results}"))


def test_a_good_machine(quick, capsys):
    assert command.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "The default path can run."
    topics = {line.split()[0] for line in lines[:-1]}
    assert {"python", "packages", "cpu", "gpu", "compiler", "kernels", "ffmpeg", "weights", "disk"} <= topics


def test_a_hindrance_has_a_cure_and_a_status(quick, monkeypatch, capsys):
    monkeypatch.setattr(packages, "ffmpeg", lambda: Finding("ffmpeg", "none", "install ffmpeg"))
    assert command.main(["--results", "elsewhere"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "9 GiB free for elsewhere" in "\n".join(lines)
    assert lines[-2].split(maxsplit=1) == ["mend", "install ffmpeg"]
    assert "can't run" in lines[-1]


def test_a_package_is_really_loaded(monkeypatch, tmp_path):
    (tmp_path / "yaml.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')\n")
    assert packages.load("yaml").trouble == ""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    loaded = packages.load("yaml")
    assert "libGL.so.1" in loaded.trouble
    assert "apt install libgl1" in packages.cure("pyyaml", "configuration", loaded.trouble)


def test_a_package_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(packages.NEEDED, "nothing_like_it", ("nothing-like-it", "no use"))
    assert packages.load("nothing_like_it").trouble == "not installed"
    assert "make env" in packages.cure("nothing-like-it", "no use", "not installed")


def test_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "LEAST_DISK_GIB", 0.0)
    assert machine.disk(tmp_path / "results").stops == ""
    monkeypatch.setattr(machine, "LEAST_DISK_GIB", 1e9)
    assert "free some space" in machine.disk(tmp_path / "results").stops


@pytest.mark.parametrize("item", OPTIONAL, ids=lambda item: item.name)
def test_weights_say_where_from_where_to_and_under_which_licence(item, tmp_path):
    line = describe(item, str(tmp_path / "lpips"))
    for part in (item.name, "absent, optional", item.stage, item.source, item.licence):
        assert part in line


def test_weights_that_are_there(tmp_path):
    lpips = OPTIONAL[0]
    for name in ("alexnet-owt-7be5be79.pth", "alex.pth"):
        assert "absent" in describe(lpips, str(tmp_path))
        (tmp_path / name).touch()
    assert f"present in {tmp_path}" in describe(lpips, str(tmp_path))


@pytest.mark.parametrize("key", KNOWN)
def test_weights_for_parsing(key, tmp_path):
    item, folder = KNOWN[key], tmp_path / "mine"
    line = describe_file(item, ParsingSettings(weights=str(folder)))
    for part in (item.what, "absent, optional", item.setting, item.name, str(folder), item.source, item.licence):
        assert part in line
    folder.mkdir()
    (folder / item.name).write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    line = describe_file(item, ParsingSettings(weights=str(folder)))
    assert "is not the published file" in line
    assert digest in line
    line = describe_file(item, ParsingSettings(weights=str(folder), weights_sha256=(digest,)))
    assert f"present, {folder / item.name}" in line


def test_each_kind_of_weights_has_its_line(tmp_path):
    lines = [finding.text for finding in weights(str(tmp_path), ParsingSettings(weights=str(tmp_path)))]
    assert len(lines) == len(OPTIONAL) + len(KNOWN)
    assert not any("\n" in line for line in lines)


def test_weights_of_landmarks_that_are_there(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    fan, task = (next(item for item in OPTIONAL if name in item.name) for name in ("face-alignment", "MediaPipe"))
    line = describe(fan, "lpips")
    assert "absent" in line
    assert str(tmp_path / "torch" / "hub" / "checkpoints") in line
    (tmp_path / "2DFAN4-11f355bf06.pth.tar").touch()
    assert f"present in {tmp_path}" in describe(fan, "lpips", str(tmp_path))
    file = tmp_path / "face_landmarker.task"
    assert "absent" in describe(task, "lpips", None, str(file))
    file.touch()
    assert f"present in {tmp_path}" in describe(task, "lpips", None, str(file))


def test_the_head_that_tracking_will_use(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = head_model(TrackingSettings()).text
    for part in ("built-in", "absent, optional", "weights/flame", "flame.is.tue.mpg.de", "CC-BY-4.0"):
        assert part in line
    folder = tmp_path / "weights" / "flame"
    folder.mkdir(parents=True)
    (folder / "mine.pkl").write_bytes(b"flame")
    (folder / "FLAME_masks.pkl").write_bytes(b"masks")
    digest = hashlib.sha256(b"flame").hexdigest()
    line = head_model(TrackingSettings()).text
    for part in ("of unknown version", "mine.pkl", digest, "not used: set tracking.head", "FLAME_masks.pkl"):
        assert part in line
    line = head_model(TrackingSettings(head=str(folder), head_version="2023")).text
    assert "FLAME 2023 as stated" in line
    assert "for tracking" in line
    monkeypatch.setattr("partnerface.doctor.heads.PUBLISHED", {digest: "2020"})
    assert "FLAME 2020: " in head_model(TrackingSettings(head=str(folder / "mine.pkl"))).text
    assert "no file" in head_model(TrackingSettings(head=str(tmp_path / "none.pkl"))).text
    (tmp_path / "head.npz").write_bytes(b"flame")
    line = head_model(TrackingSettings(head=str(tmp_path / "head.npz"))).text
    assert line.startswith("a head.npz of ours: ")
    assert digest in line


def test_nothing_default_is_missing_from_the_list():
    """What the doctor loads is what the default installation declares, so that neither forgets the other."""
    import re
    import tomllib

    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lists = [project["dependencies"], extras["video"], extras["report"]]
    declared = {re.split(r"[\[<>=]", item)[0] for items in lists for item in items} | {"snakemake"}
    assert {distribution for distribution, _ in packages.NEEDED.values()} == declared
