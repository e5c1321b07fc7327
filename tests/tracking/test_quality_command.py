"""`partnerface quality` on a clip of the built-in head whose parameters are known."""

import json

import numpy as np
import pytest
import torch

from partnerface.artefacts import SubjectFolder, write_json, write_npz
from partnerface.cli import main
from partnerface.config.settings import TrackingSettings
from partnerface.demo.motion import make_motion
from partnerface.head.builtin import builtin_head
from partnerface.head.skinning import embed, head_tensors, pose_head

FRAMES, SIZE, FOCAL = 60, 320, 512.0


@pytest.fixture(scope="module")
def subject(tmp_path_factory) -> SubjectFolder:
    """A tracked subject whose landmarks are those of the tracking plus noise of 0.5 px."""
    import dataclasses

    head, motion = builtin_head(), make_motion(builtin_head(), 360)
    part = {name: value[150 : 150 + FRAMES].astype(np.float32) for name, value in motion.items()}
    part["global_orient"] = part["global_orient"] * [1, -1, -1] * 0.3 + [np.pi, 0, 0]
    part["translation"] = part["translation"] + [0, 0, 0.6]
    part = {name: value.astype(np.float32, copy=True) for name, value in part.items()}
    posed = pose_head(head_tensors(head), None, **{name: torch.as_tensor(value) for name, value in part.items()})
    marks = embed(posed.vertices, torch.tensor(head.mediapipe_faces), torch.tensor(head.mediapipe_weights)).numpy()
    pixels = FOCAL * marks[..., :2] / marks[..., 2:] + SIZE / 2
    tracking = {
        **part,
        "shape": np.zeros(head.n_shape, np.float32),
        "focal": np.full(FRAMES, FOCAL, np.float32),
        "focal_error": np.full(FRAMES, 0.1, np.float32),
        "landmarks_px": pixels.astype(np.float32),
        "bridged": np.arange(FRAMES) == 7,
    }
    depth = (marks[..., 2:] - marks[..., 2:].mean(1, keepdims=True)) * FOCAL / 0.6
    points = np.concatenate([pixels + np.random.default_rng(0).normal(0, 0.5, pixels.shape), depth], axis=2)
    found = ~tracking["bridged"]
    folder = SubjectFolder(tmp_path_factory.mktemp("results") / "made")
    write_npz(
        folder.landmarks,
        {
            "points": (points * found[:, None, None]).astype(np.float32),
            "found": found,
            "confidence": found.astype(np.float32),
            "visibility": np.repeat(found[:, None], 478, axis=1).astype(np.float32),
            "scheme": np.array("mediapipe478"),
        },
        "landmarks",
    )
    clip = {"width": SIZE, "height": SIZE, "crop": [0, 0, SIZE, SIZE]}
    camera = {
        "size": SIZE,
        "fps": 25.0,
        "clips": [clip],
        "kept": list(range(FRAMES)),
        "time_s": [frame / 25 for frame in range(FRAMES)],
        "clip": [0] * FRAMES,
        "take": [0] * FRAMES,
        "principal_point": [[SIZE / 2, SIZE / 2]] * FRAMES,
    }
    write_json(folder.camera, camera, "frames")
    head.save(folder.head)
    settings = TrackingSettings(keyframes=8, offset_rounds=1, refine=False)
    write_npz(folder.tracking, tracking, "tracking", **dataclasses.asdict(settings))
    write_npz(folder.truth, tracking, "demo")
    return folder


def test_the_figures_are_printed_and_written(subject, tmp_path, capsys):
    out = tmp_path / "quality.json"
    words = ["quality", str(subject.root), "--quick", "--json", str(out), "--truth", str(subject.truth)]
    assert main(words) == 0
    found = json.loads(out.read_text())
    assert (found["frames"], found["bridged"]) == (FRAMES, 1)
    unit = found["unit_px"]
    # A Gaussian of 0.5 px in x and y lies sqrt(pi / 2) times as far away on average.
    assert found["error_percent"] == pytest.approx(100 * 0.5 * np.sqrt(np.pi / 2) / unit, rel=0.01)
    assert found["blinks"] == {"reference": 2, "fitted": 2, "recall": 1.0, "precision": 1.0}
    assert found["amplitude"]["mouth_opening"]["ratio"] == pytest.approx(1.0, abs=0.03)
    assert found["truth"]["rotation_deg"] < 1e-3
    assert abs(found["truth"]["focal"]) < 1e-6
    assert "held_out" not in found
    said = capsys.readouterr().out
    assert "blink recall" in said
    assert "true rotation" in said


def test_unseen_landmarks_are_measured_with_the_settings_of_the_tracking(subject, monkeypatch, capsys):
    from partnerface.tracking import clip

    asked = []
    real = clip.track_clip

    def spy(*args):
        asked.append((args[1], args[6]))
        return real(*args)

    monkeypatch.setattr(clip, "track_clip", spy)
    assert main(["quality", str(subject.root)]) == 0
    assert [(settings.keyframes, settings.offset_rounds) for settings, _ in asked] == [(8, 1), (8, 1)]
    assert (asked[0][1] + asked[1][1] == 1).all()
    assert "error unseen" in capsys.readouterr().out


def test_a_truth_of_another_clip_is_refused(subject, tmp_path, capsys):
    assert main(["quality", str(subject.root), "--quick", "--truth", str(tmp_path / "none.npz")]) == 2
    assert "cannot read" in capsys.readouterr().err


def test_without_a_tracking_a_line_says_what_to_run(tmp_path, capsys):
    assert main(["quality", str(tmp_path / "nobody")]) == 2
    assert "partnerface landmarks" in capsys.readouterr().err
