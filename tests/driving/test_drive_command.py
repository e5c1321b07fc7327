"""`partnerface drive` on the toy avatar: videos come out right, and what can't be is refused in one line."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from partnerface import cli
from partnerface.acting import tracked
from partnerface.acting.actor import Actor
from partnerface.artefacts import SubjectFolder, read_npz, write_npz
from partnerface.conventions import MOTION_NAMES
from partnerface.video.decode import decode
from partnerface.video.probe import probe
from tests.avatar.toy import toy_head, toy_motion
from tests.driving.conftest import header, write_driver
from tests.training.toy_dataset import write_toy_subject

COARSE = ("--step-mm", "16")


def frames_of(path: Path) -> np.ndarray:
    return np.stack([frame.image for frame in decode(path, probe(path))]).astype(float)


def drive(*words: object) -> int:
    return cli.main(["drive", *map(str, words), *COARSE])


@pytest.fixture
def avatar(toy_subject) -> Path:
    return toy_subject.run("partnerface").avatar


def test_a_tracking_drives(avatar, toy_driver, tmp_path, capsys):
    out = tmp_path / "new" / "out.mp4"
    assert drive(avatar, toy_driver.tracking, "-o", out, "--size", 40) == 0
    info, seen = probe(out), frames_of(out)
    assert (info.width, info.height, info.fps, info.has_audio) == (40, 40, 10.0, False)
    assert len(seen) == 10
    assert np.abs(np.diff(seen, axis=0)).mean((1, 2, 3)).min() > 0.2, "it moves in every frame"
    said = capsys.readouterr()
    assert "10 frames, 1.0 s, silent" in said.out
    assert "drive: 10/10 frames (100 %)" in said.err


def test_its_own_motion_gives_its_own_pictures(avatar, toy_subject, tmp_path):
    """What the avatar was trained on drives it to the very pictures that the stage render makes of it."""
    actor = Actor.read(avatar, 16.0)
    from partnerface.driving.transfer import away, onto

    relative = away(actor.known.motion, actor.neutral)
    limited = actor.reach.limited(relative)
    for name in MOTION_NAMES:
        again = onto(limited, actor.neutral)[name]
        np.testing.assert_allclose(again, actor.known.motion[name], atol=2e-6)
    some = {name: value[:3] for name, value in limited.items()}
    ours = np.stack(list(actor.pictures(some)))
    import torch

    as_trained = {name: value[:3] for name, value in actor.known.motion.items()}
    theirs = np.stack(list(actor.rendered(as_trained, torch.tensor(actor.facts["camera"]), 48, 48)))
    assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_side_by_side_shows_the_driver(avatar, toy_driver, tmp_path):
    out = tmp_path / "both.mp4"
    assert drive(avatar, toy_driver.root, "-o", out, "--side-by-side", "--size", 48) == 0
    seen = frames_of(out)
    assert seen.shape == (10, 48, 96, 3)
    np.testing.assert_allclose(seen[:, 20, 20, 0], np.linspace(0, 255, 10), atol=6)


@pytest.mark.parametrize("pose", ["own", "fixed"])
def test_poses(avatar, toy_driver, tmp_path, pose):
    out = tmp_path / "out.mp4"
    assert drive(avatar, toy_driver.root, "-o", out, "--pose", pose, "--size", 32) == 0
    assert len(frames_of(out)) == 10


def test_a_table_drives(avatar, tmp_path, capsys):
    table, out = tmp_path / "take.csv", tmp_path / "out.mp4"
    table.write_text("time_s,roll,jawOpen,mouthSmileLeft\n0,0,0,0\n0.2,25,1,0\n0.4,0,0,0\n")
    assert drive(avatar, table, "-o", out) == 0
    seen = frames_of(out)
    assert len(seen) == 3, "at the table's own rate"
    np.testing.assert_allclose(seen[0], seen[2], atol=16)
    assert np.abs(seen[1] - seen[0]).mean() > 1
    assert "no such movement: mouthSmileLeft (--convert" in capsys.readouterr().err


def test_held_out_frames(avatar, toy_subject, tmp_path):
    out = tmp_path / "self.mp4"
    assert drive(avatar, "--heldout", toy_subject.root, "-o", out, "--side-by-side") == 0
    seen = frames_of(out)
    heldout = read_npz(toy_subject.dataset / "dataset.npz", "dataset")["heldout"].any(0)
    truth = np.load(toy_subject.dataset / "rgb.npy")[heldout]
    assert seen.shape == (len(truth), 48, 96, 3)
    assert np.abs(seen[:, :, :48] - truth).mean() < 6, "the truth stands beside"
    assert np.abs(seen[:, :, 48:] - truth).mean() < 30


def test_what_an_avatar_holds(avatar, capsys):
    assert cli.main(["drive", "--about", str(avatar.parent)]) == 0
    said = capsys.readouterr().out
    for words in ("partnerface-avatar-4", "toy, 3 expression components", "19 training frames", "48x48 px",
                  "head toy: unknown", "jaw_open", "up, side, front"):  # fmt: skip
        assert words in said


def test_much_is_said_to_be_held_back(avatar, toy_driver, tmp_path, capsys):
    arrays = dict(read_npz(toy_driver.tracking, "tracking"))
    arrays["expression"] = arrays["expression"] * 20
    write_npz(toy_driver.tracking, arrays, "tracking")
    assert drive(avatar, toy_driver.root, "-o", tmp_path / "out.mp4", "--size", 16) == 0
    assert "the motion goes well beyond what the avatar saw in training (expression)" in capsys.readouterr().err
    assert drive(avatar, toy_driver.root, "-o", tmp_path / "out.mp4", "--size", 16, "--beyond", "90") == 0
    assert "goes well beyond" not in capsys.readouterr().err


def test_the_neutral_may_be_named(avatar, toy_driver, tmp_path, capsys):
    assert drive(avatar, toy_driver.root, "-o", tmp_path / "a.mp4", "--neutral-at", "0.3", "--size", 32) == 0
    assert drive(avatar, toy_driver.root, "-o", tmp_path / "b.mp4", "--neutral-at", "7") == 2
    assert "--neutral-at is 7 s, where the driver has no frame" in capsys.readouterr().err


def other_head(folder: SubjectFolder) -> None:
    """The driver tracked with a head of another name that is otherwise the same."""
    dataclasses.replace(toy_head(), name="toy-2").save(folder.head)
    arrays = dict(read_npz(folder.tracking, "tracking")) | {"head_name": np.array("toy-2")}
    write_npz(folder.tracking, arrays, "tracking")


def test_another_head_is_refused_and_converted_when_asked(avatar, toy_driver, tmp_path, capsys):
    other_head(toy_driver)
    out = tmp_path / "out.mp4"
    assert drive(avatar, toy_driver.root, "-o", out) == 2
    assert "is of the head toy-2, the avatar of toy" in capsys.readouterr().err
    assert not out.exists()
    assert drive(avatar, toy_driver.root, "-o", out, "--convert") == 2
    assert "the avatar's head toy is needed; --set tracking.head=PATH" in capsys.readouterr().err
    toy_head().save(tmp_path / "head.npz")
    words = ("--convert", "--set", f"tracking.head={tmp_path / 'head.npz'}", "--size", 16)
    assert drive(avatar, toy_driver.root, "-o", out, *words) == 0
    assert "codes of toy-2 are converted to toy, missing 0.00 mm on average" in capsys.readouterr().err


def test_a_video_is_refused_before_it_is_tracked_with_another_head(avatar, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tracked, "track_video", lambda *_: pytest.fail("it was tracked"))
    video = tmp_path / "video.mp4"
    video.write_bytes(b"never looked at")
    assert drive(avatar, video, "-o", tmp_path / "out.mp4") == 2
    assert "tracking.head" in capsys.readouterr().err


def test_an_older_file_is_driven_with_a_line_or_refused_with_one(avatar, tmp_path, capsys):
    """Without the tensors that format 3 added; of a head that is not the built-in one, whose landmarks nobody knows."""
    old = tmp_path / "old.safetensors"
    kept = {name: value for name, value in load_file(avatar).items() if not name.startswith(("motion.", "neutral."))}
    text = header(avatar)["__metadata__"]["partnerface"]
    save_file(kept, old, {"partnerface": text.replace("partnerface-avatar-4", "partnerface-avatar-2")})
    assert cli.main(["drive", "--about", str(old)]) == 2
    assert "too old to be driven with the head toy; train it again" in capsys.readouterr().err
    save_file(kept, old, {"partnerface": text.replace("partnerface-avatar-4", "partnerface-avatar-1")})
    assert cli.main(["drive", "--about", str(old)]) == 2
    assert "has format partnerface-avatar-1, this version reads partnerface-avatar-4" in capsys.readouterr().err


def test_retrieval_is_refused(toy_subject, toy_driver, tmp_path, capsys):
    from types import SimpleNamespace

    from partnerface.stages import train
    from tests.driving.conftest import QUICK

    train.run(SimpleNamespace(subject=toy_subject.root, run="retrieval", seed=0, processes=1), QUICK)  # type: ignore[arg-type]
    assert drive(toy_subject.run("retrieval").root, toy_driver.root, "-o", tmp_path / "out.mp4") == 2
    assert "is the baseline `retrieval`, which only shows training frames" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("{avatar}", "-o", "{tmp}/o.mp4"), "give one driver"),
        (("{avatar}", "{driver}", "--heldout", "{tmp}", "-o", "{tmp}/o.mp4"), "give one driver"),
        (("{avatar}", "{driver}"), "say where to write to"),
        (("{avatar}", "{driver}", "-o", "{tmp}/o.txt"), "allowed endings: .mp4"),
        (("{avatar}", "{tmp}/none.mp4", "-o", "{tmp}/o.mp4"), "there is no file"),
        (("{tmp}/none", "{driver}", "-o", "{tmp}/o.mp4"), "does not exist; give results"),
        (("{tmp}", "{driver}", "-o", "{tmp}/o.mp4"), "holds no avatar.safetensors"),
        (("{driver}/head.npz", "{driver}", "-o", "{tmp}/o.mp4"), "is not an avatar file"),
        (("{avatar}", "{driver}", "-o", "{tmp}/o.mp4", "--size", "2"), "--size is 2; allowed: a number from 16"),
        (("{avatar}", "{driver}", "-o", "{tmp}/o.mp4", "--beyond=-1"), "--beyond is -1"),
        (("{avatar}", "{driver}", "-o", "{tmp}/o.mp4", "--set", "train.steps=3"), "allowed here: frames.key=value"),
        (("{avatar}", "{driver}", "-o", "{tmp}/o.mp4", "--set", "frames.sice=3"), "did you mean size"),
        (("{avatar}", "{driver}/head.npz", "-o", "{tmp}/o.mp4"), "lacks"),
        (("{avatar}", "--heldout", "{tmp}", "-o", "{tmp}/o.mp4"), "partnerface dataset"),
    ],
)
def test_faults_are_one_line(avatar, toy_driver, tmp_path, capsys, words, line):
    names = {"avatar": avatar, "driver": toy_driver.root, "tmp": tmp_path}
    assert drive(*(word.format(**names) for word in words)) == 2
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1
    assert not list(tmp_path.glob("o.*"))


def test_somebody_elses_held_out_frames_are_refused(avatar, tmp_path, capsys):
    other = write_toy_subject(tmp_path / "other", frames=20)
    assert drive(avatar, "--heldout", other.root, "-o", tmp_path / "out.mp4") == 2
    assert "was not trained on" in capsys.readouterr().err


def test_side_by_side_without_pictures_is_refused(avatar, toy_driver, tmp_path, capsys):
    alone = tmp_path / "alone" / "tracking.npz"
    alone.parent.mkdir()
    shutil.copy2(toy_driver.tracking, alone)
    shutil.copy2(toy_driver.head, alone.parent)
    assert drive(avatar, alone, "-o", tmp_path / "out.mp4", "--size", "16", "--fps", "5") == 0
    assert probe(tmp_path / "out.mp4").fps == 5
    assert drive(avatar, alone, "-o", tmp_path / "out.mp4", "--side-by-side") == 2
    assert "wants frames.json and frames.npy" in capsys.readouterr().err


def test_a_failed_picture_leaves_nothing(avatar, toy_driver, tmp_path, monkeypatch):
    def fails(self, relative, size=None, start=0):
        yield np.zeros((16, 16, 3), np.uint8)
        raise KeyboardInterrupt

    monkeypatch.setattr(Actor, "pictures", fails)
    assert drive(avatar, toy_driver.root, "-o", tmp_path / "out" / "o.mp4") == 130
    assert not list((tmp_path / "out").iterdir())


def test_motion_of_one_frame(avatar, tmp_path):
    motion = {name: value for name, value in toy_motion(1, seed=3).items() if name != "shape"}
    folder = write_driver(tmp_path / "one", motion, np.zeros(1), 10.0)
    assert drive(avatar, folder.root, "-o", tmp_path / "out.mp4", "--size", "16") == 0
    assert len(frames_of(tmp_path / "out.mp4")) == 1
