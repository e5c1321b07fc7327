"""Avatars and clips that are looked at, and what can't be, in one line."""

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from partnerface.artefacts import write_npz
from partnerface.avatar.motion import Motion
from partnerface.errors import PartNerFaceError
from partnerface.head.builtin import builtin_head
from partnerface.viewing.known import summary
from partnerface.viewing.subject import load_clip, load_subject
from tests.avatar.toy import toy_motion
from tests.training.toy_dataset import write_toy_subject
from tests.viewing.toy import FRAMES, SIZE, write_toy, write_toy_retrieval


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_toy(tmp_path_factory.mktemp("subject") / "me")


def test_a_run_s_folder_and_its_file_are_the_same(run):
    for path in (run, run / "avatar.safetensors"):
        subject = load_subject(path)
        assert subject.name == "me · partnerface"
        assert subject.size == (SIZE, SIZE)
        assert subject.expression_names == ("up_left", "up_right", "front")
        assert subject.step == 0.004


def test_names_of_the_built_in_head_are_known_where_the_file_lacks_them():
    from partnerface.viewing.subject import _names

    names = builtin_head().expression_names
    assert _names({"head": builtin_head().name}, len(names)) == names
    assert _names({"head": "flame-2020"}, 3) == ("expression_1", "expression_2", "expression_3")


def test_the_motion_that_a_file_holds_is_taken(run):
    subject, motion = load_subject(run), toy_motion(FRAMES)
    assert subject.own is not None
    np.testing.assert_allclose(subject.own.time_s, np.arange(FRAMES) / 25)
    np.testing.assert_array_equal(subject.own.motion.expression, motion["expression"])
    np.testing.assert_array_equal(subject.known.neutral.jaw_pose[0], motion["jaw_pose"][0])
    assert subject.known.neck_turns
    jaw = motion["jaw_pose"][:, 0]
    np.testing.assert_allclose(subject.known.seen["jaw_pose"][0], [jaw.min(), jaw.max()], atol=0.02)


def test_a_file_of_an_older_format_has_no_clip_and_ranges_all_the_same(run, tmp_path):
    old = tmp_path / "old.safetensors"
    with safe_open(run / "avatar.safetensors", "np") as held:
        names = [name for name in held.keys() if not name.startswith(("motion.", "neutral."))]  # noqa: SIM118 (no dict)
        kept = {name: held.get_tensor(name) for name in names}
        text = held.metadata()["partnerface"]
    save_file(kept, old, {"partnerface": text.replace("partnerface-avatar-4", "partnerface-avatar-2")})
    subject, expression = load_subject(old), toy_motion(FRAMES)["expression"]
    assert subject.own is None
    assert subject.known.neck_turns
    middle = subject.known.seen["expression"].mean(1)
    np.testing.assert_allclose(middle, expression.mean(0), atol=0.1)
    assert (subject.known.seen["expression"][:, 1].numpy() > expression.max(0)).all()


def test_frames_tell_their_range_without_the_outliers():
    motion = Motion.from_arrays(toy_motion(400))
    motion.jaw_pose[7, 0] = 40.0
    found = summary(motion, motion.take([0]))
    assert found.seen["jaw_pose"].shape == (3, 2)
    assert found.seen["jaw_pose"][0, 1] < 0.3
    turn = motion.pose_features()[:, 1]
    np.testing.assert_allclose(found.seen["head"][1], [turn.min(), turn.max()], atol=0.02)


def test_a_clip_from_a_file_a_subject_and_a_dataset(run, tmp_path):
    subject = load_subject(run)
    write_toy_subject(tmp_path / "other", frames=10)
    for path, name, frames in (
        (run.parent / "tracking.npz", "me", FRAMES),
        (run.parent, "me", FRAMES),
        (tmp_path / "other" / "dataset", "other", 10),
    ):
        clip = load_clip(path, subject)
        assert (clip.name, len(clip.motion), len(clip.time_s)) == (name, frames, frames)
        np.testing.assert_allclose(clip.time_s, np.arange(frames) / 25)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"head_name": np.array("flame-2020")}, "different heads"),
        ({"expression": np.zeros((FRAMES, 7), np.float32)}, r"expression of the shape \(12, 3\)"),
        ({"eyelids": np.zeros((3, 2), np.float32)}, "eyelids"),
        ({"jaw_pose": np.full((FRAMES, 3), np.nan, np.float32)}, "jaw_pose holds values that are no numbers"),
        ({"neck_pose": np.full((FRAMES, 3), "x")}, "neck_pose"),
        ({"expression": np.float32(1.0)}, "expression"),
        ({"time_s": np.zeros(FRAMES)}, "no rising time"),
    ],
)
def test_a_clip_that_does_not_fit_is_refused(run, tmp_path, changes, said):
    write_npz(tmp_path / "tracking.npz", toy_motion(FRAMES) | changes, "tracking")
    with pytest.raises(PartNerFaceError, match=said):
        load_clip(tmp_path / "tracking.npz", load_subject(run))


def test_what_is_no_avatar_is_refused_in_one_line(run, tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("no avatar")
    whole = (run / "avatar.safetensors").read_bytes()
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(whole[: len(whole) // 2])
    for path, said in (
        (tmp_path / "absent", "does not exist"),
        (tmp_path, "holds no avatar.safetensors"),
        (text, "is not an avatar file"),
        (cut, "is not an avatar file"),
        (write_toy_retrieval(tmp_path / "r.safetensors"), "retrieval"),
    ):
        with pytest.raises(PartNerFaceError, match=said) as error:
            load_subject(path)
        assert "\n" not in str(error.value)
    for path in (tmp_path / "absent", tmp_path, text):
        with pytest.raises(PartNerFaceError):
            load_clip(path, load_subject(run))
