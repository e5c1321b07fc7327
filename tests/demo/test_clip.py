import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from partnerface.conventions import FACING_CAMERA, PARAMETER_NAMES
from partnerface.demo.clip import SIZE, Demo, draw, make_demo, truth, write_tone
from partnerface.demo.motion import FRAMES, NEW_PART, make_motion
from partnerface.head.builtin import builtin_head

COUNT = 6


@pytest.fixture(scope="module")
def demo() -> Demo:
    return make_demo(COUNT)


@pytest.fixture(scope="module")
def frames(demo: Demo) -> np.ndarray:
    return np.array(list(draw(demo)))


def detected(frames: np.ndarray) -> list[np.ndarray | None]:
    """MediaPipe's landmarks in px, pixel centres at +0.5, None where it finds no face."""
    from partnerface.quiet import hush_logs, quiet

    hush_logs()
    import mediapipe as mp

    out: list[np.ndarray | None] = []
    solutions: Any = mp.solutions  # type: ignore[attr-defined]
    with quiet(), solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True) as mesh:
        for frame in frames:
            found = mesh.process(frame).multi_face_landmarks
            out.append(np.array([[p.x, p.y] for p in found[0].landmark]) * SIZE if found else None)
    return out


def test_frames_are_pictures(frames: np.ndarray):
    assert frames.shape == (COUNT, SIZE, SIZE, 3)
    assert frames.dtype == np.uint8
    assert SIZE >= 256
    # The background is plain: the upper corners hardly vary.
    assert frames[:, :20, :20].std(axis=(0, 1, 2)).max() < 3
    assert np.abs(frames[0].astype(int) - frames[3]).mean() > 1


def test_the_clip_is_the_same_each_time(demo: Demo, frames: np.ndarray):
    again = make_demo(COUNT)
    for name, value in truth(demo).items():
        assert np.array_equal(value, truth(again)[name]), name
    assert np.array_equal(next(draw(again)), frames[0])


def test_mediapipe_finds_the_face_where_the_truth_has_it(demo: Demo, frames: np.ndarray):
    found = detected(frames)
    assert all(points is not None for points in found)
    eyes = np.linalg.norm(demo.landmarks[:, 33] - demo.landmarks[:, 263], axis=1)
    for points, true, size in zip(found, demo.landmarks, eyes, strict=True):
        assert points is not None
        assert np.linalg.norm(points - true, axis=1).mean() < 0.05 * size


def test_truth_has_the_names_of_the_tracking(demo: Demo):
    values = truth(demo)
    head = builtin_head()
    expected = {
        "shape": (head.n_shape,),
        "expression": (COUNT, head.n_expression),
        "global_orient": (COUNT, 3),
        "neck_pose": (COUNT, 3),
        "jaw_pose": (COUNT, 3),
        "eye_pose": (COUNT, 6),
        "eyelids": (COUNT, 2),
        "translation": (COUNT, 3),
        "focal": (COUNT,),
        "image_size": (),
        "principal_point": (2,),
        "fps": (),
        "offset": (head.n_vertices, 3),
        "landmarks_px": (COUNT, 478, 2),
        "head_name": (),
    }
    assert {name: value.shape for name, value in values.items()} == expected
    assert set(PARAMETER_NAMES) <= set(values)
    assert all(np.isfinite(value).all() for value in values.values() if value.dtype.kind == "f")


def test_truth_alone_gives_the_landmarks_back(demo: Demo):
    import torch

    from partnerface.geometry.camera import project
    from partnerface.head.skinning import embed, head_tensors, pose_head

    values = truth(demo)
    head = builtin_head().with_offset(values["offset"])
    posed = pose_head(head_tensors(head), **{name: torch.tensor(values[name]) for name in PARAMETER_NAMES})
    points = embed(posed.vertices, torch.tensor(head.mediapipe_faces), torch.tensor(head.mediapipe_weights))
    pixels = project(points, float(values["focal"][0]), values["principal_point"])
    assert np.abs(pixels.numpy() - values["landmarks_px"]).max() < 0.01


def test_the_head_faces_the_camera_within_what_is_promised(demo: Demo):
    turned = np.linalg.norm(demo.parameters["global_orient"] - np.array(FACING_CAMERA), axis=1)
    assert (turned < np.radians(40)).all()
    inside = (demo.landmarks > 0) & (demo.landmarks < SIZE)
    assert inside.all()


def test_hair_grows_on_the_head_only(demo: Demo):
    offset = np.linalg.norm(demo.parameters["offset"], axis=1)
    assert offset.max() < 0.08
    assert offset.max() > 0.02
    assert offset[:468].max() == 0


def test_the_story_has_all_that_is_promised():
    head = builtin_head()
    motion = make_motion(head)
    yaw, pitch, roll = (np.degrees(motion["global_orient"][:, axis]) for axis in (1, 0, 2))
    assert len(yaw) == FRAMES >= 320
    assert 15 < np.abs(yaw).max() < 25
    assert 6 < np.abs(pitch).max() < 12
    assert 5 < np.abs(roll).max() < 10
    assert 0.2 < motion["jaw_pose"][:, 0].max() < 0.45
    assert motion["jaw_pose"][:, 0].min() >= 0
    closed = motion["eyelids"][:, 0] > 0.8
    assert 4 <= (np.diff(closed.astype(int)) == 1).sum() <= 10
    assert closed.mean() < 0.15
    strength = np.abs(motion["expression"]).max(0)
    used = {name for name, value in zip(head.expression_names, strength, strict=True) if value > 0.5}
    for name in ("lip_corner_up_left", "brow_inner_up_right", "pucker_left", "brow_down_left", "mouth_left"):
        assert name in used
    assert np.abs(np.diff(motion["global_orient"], axis=0)).max() < 0.05


def test_the_last_fifth_combines_anew():
    head = builtin_head()
    motion = make_motion(head)
    start = int(NEW_PART * FRAMES)
    one, other = (
        motion["expression"][:, head.expression_index(name)] for name in ("brow_down_left", "lip_corner_up_right")
    )
    together = np.minimum(one, other)
    assert together[:start].max() < 0.1
    assert together[start:].max() > 0.8


def test_a_short_clip_tells_the_same_story():
    long, short = make_motion(builtin_head()), make_motion(builtin_head(), FRAMES // 4)
    for name in ("global_orient", "jaw_pose", "expression"):
        assert np.allclose(short[name], long[name][::4])


def test_the_tone_is_quiet_and_as_long_as_asked(tmp_path: Path):
    write_tone(tmp_path / "tone.wav", 0.5)
    with wave.open(str(tmp_path / "tone.wav")) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    assert len(samples) == 24000
    assert 0 < np.abs(samples).max() < 1000
