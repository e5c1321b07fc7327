"""The stage on files, and clips at the edge of what there is: still, slow, very short."""

import argparse
import json
import math

import numpy as np
import pytest

from partnerface.artefacts import read_json, read_npz, write_npz
from partnerface.cli import main
from partnerface.errors import ArtefactError
from partnerface.stages import capture as stage
from tests.capture.clip import assess_frames, states, values, write_clip
from tests.capture.test_coverage import turned
from tests.faces import swaying
from tests.parsing.subject import SIZE

pytest.importorskip("cv2")


def no_constant(name: str) -> None:
    raise AssertionError(f"{name} in capture.json")


def test_stage(tmp_path, capsys):
    folder = write_clip(tmp_path / "me")
    assert main(["capture", str(folder.root)]) == 0
    found = json.loads(folder.capture.read_text(), parse_constant=no_constant)
    assert read_json(folder.capture, "capture") == found
    out = capsys.readouterr().out.splitlines()
    assert out == [f"capture: me is {found['line']}"]
    assert found["line"].startswith("poor: ")
    assert found["more"]["frames_dropped"] == {"no_face": 2}
    assert found["dropped_s"] == [[pytest.approx(15 / 25), pytest.approx(17 / 25)]]
    measured = values(found)
    assert measured["length_s"] == pytest.approx(30 / 25, abs=0.05), "the gap does not count"
    assert measured["dropped_percent"] == pytest.approx(100 * 2 / 32, rel=1e-4)
    assert measured["not_found_percent"] == pytest.approx(100 / 30, rel=1e-4)
    assert 60 < measured["face_height_px"] < 120
    assert folder.capture_sheet.read_bytes()[:2] == b"\xff\xd8"
    course = found["timeline"]
    assert {len(course[name]) for name in ("time_s", "mouth_percent", "eyes_percent")} == {30}
    assert {len(course[name]) for name in ("looked_at_s", "sharpness", "light_percent", "strange_percent")} == {30}
    assert np.sum(found["poses"]["frames"]) == 30


def test_files_of_different_clips_are_refused_in_one_line(tmp_path, capsys):
    folder = write_clip(tmp_path / "me", 12)
    arrays = read_npz(folder.landmarks, "landmarks")
    short = {name: value if name == "scheme" else value[:-1] for name, value in arrays.items()}
    write_npz(folder.landmarks, short, "landmarks")
    with pytest.raises(ArtefactError, match=r"have \[11, 12\] frames; run `partnerface landmarks`"):
        stage.run(argparse.Namespace(subject_dir=folder.root))
    folder.tracking.unlink()
    assert main(["capture", str(folder.root)]) == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith("run `partnerface tracking` again")
    assert not folder.capture.exists()


def test_other_landmarks_leave_it_to_the_fitted_head(tmp_path):
    folder = write_clip(tmp_path / "me", 12)
    arrays = read_npz(folder.landmarks, "landmarks")
    other = {**arrays, "scheme": np.array("ibug68"), "points": arrays["points"][:, :68]}
    stage.run(argparse.Namespace(subject_dir=folder.root))
    before = values(read_json(folder.capture, "capture"))
    write_npz(folder.landmarks, other, "landmarks")
    stage.run(argparse.Namespace(subject_dir=folder.root))
    after = values(read_json(folder.capture, "capture"))
    assert after["face_height_px"] == pytest.approx(before["face_height_px"], rel=1e-4)


def test_a_still_clip_lacks_poses_and_expressions():
    found = assess_frames(swaying(50, SIZE))
    state = states(found)
    assert state["yaw_range_deg"] == state["pitch_range_deg"] == state["mouth_motion_mm"] == "poor"
    assert found["verdict"] == "poor"
    assert "turn the head 20° to each side" in found["advice"]
    assert values(found)["blinks"] == 0
    phase = np.arange(50) / 50 * 2 * np.pi
    poses = turned(20 * np.sin(phase), 10 * np.cos(phase), 5 * np.sin(2 * phase)).astype(np.float32)
    moving = assess_frames(swaying(50, SIZE), global_orient=poses)
    assert states(moving)["yaw_range_deg"] == states(moving)["pitch_range_deg"] == "good"
    assert "turn the head 20° to each side" not in moving["advice"]


@pytest.mark.parametrize(("count", "fps"), [(1, 25.0), (2, 25.0), (3, 25.0), (40, 5.0)])
def test_few_frames_and_low_rates_give_numbers_everywhere(count, fps):
    found = assess_frames(swaying(count, SIZE), fps=fps)
    json.loads(json.dumps(found), parse_constant=no_constant)
    measured = values(found)
    assert {name for name, value in measured.items() if value is None} <= {"blinks"}
    assert all(math.isfinite(value) for value in measured.values() if value is not None)
    if fps < 10:
        assert measured["blinks"] is None, "blinks fall between the frames"
        assert measured["length_s"] == pytest.approx(8, rel=0.01)


def test_a_clip_without_a_visible_face_is_measured_all_the_same():
    """Black frames: nothing to see, and no NaN."""
    found = assess_frames([np.zeros((SIZE, SIZE, 3), np.uint8)] * 10)
    json.loads(json.dumps(found), parse_constant=no_constant)
    assert values(found)["sharpness"] == 0
    assert states(found)["brightest_percent"] == "poor"
