"""A clip tracked with a head of FLAME's layout from a file, by the stage itself."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from partnerface.artefacts import SubjectFolder, read_json, read_npz, write, write_json, write_npz
from partnerface.cli import main
from partnerface.conventions import FACING_CAMERA
from partnerface.geometry.camera import project
from partnerface.head.builtin import builtin_head
from partnerface.head.flame import load_flame
from partnerface.head.model import HeadModel
from partnerface.head.skinning import embed, head_tensors, pose_head
from tests.head.flame.shaped import dump, flame_shaped

SIZE, FOCAL, COUNT = 256, 420.0, 10


def clip(folder: SubjectFolder, head: HeadModel) -> np.ndarray:
    """Frames, landmarks and camera of a head that turns and opens its mouth; returns its jaw angles."""
    time = np.linspace(0, 1, COUNT)
    jaw = np.zeros((COUNT, 3), np.float32)
    jaw[:, 0] = 0.12 * (1 - np.cos(6.28 * time))
    orient = np.tile(np.array(FACING_CAMERA, np.float32), (COUNT, 1))
    neck = np.stack([0.15 * np.sin(6 * time), 0.35 * np.sin(5 * time), 0 * time], 1).astype(np.float32)
    rng = np.random.default_rng(0)
    expression = (0.4 * np.sin(4 * time[:, None] + rng.uniform(0, 6, head.n_expression))).astype(np.float32)
    middle = torch.tensor(head.template[head.mediapipe_faces[:, 0]].mean(0))
    away = torch.tensor([[0.0, 0.0, 0.75]]) - middle * torch.tensor([1.0, -1.0, -1.0])
    with torch.no_grad():
        posed = pose_head(
            head_tensors(head), None, torch.tensor(expression), torch.tensor(orient), torch.tensor(neck),
            torch.tensor(jaw), translation=away.float().expand(COUNT, 3),
        )  # fmt: skip
        points = embed(posed.vertices, torch.tensor(head.mediapipe_faces), torch.tensor(head.mediapipe_weights)).numpy()
    pixels = project(points, FOCAL, np.full((1, 2), SIZE / 2))
    depth = (points[..., 2:] - points[..., 2:].mean(1, keepdims=True)) * FOCAL / 0.75
    landmarks = {
        "points": np.concatenate([pixels, depth], -1).astype(np.float32),
        "found": np.ones(COUNT, bool),
        "confidence": np.ones(COUNT, np.float32),
        "scheme": np.array("mediapipe478"),
    }
    write_npz(folder.landmarks, landmarks, "landmarks")
    with write(folder.frames, "frames") as path:
        np.save(path, np.zeros((COUNT, SIZE, SIZE, 3), np.uint8))
    camera = {
        "size": SIZE, "fps": 25.0, "time_s": (time * (COUNT - 1) / 25).tolist(), "take": [0] * COUNT,
        "principal_point": [[SIZE / 2, SIZE / 2]] * COUNT, "clip": [0] * COUNT, "kept": list(range(COUNT)),
        "clips": [{"crop": [0, 0, SIZE, SIZE], "width": SIZE, "height": SIZE, "has_audio": False}],
    }  # fmt: skip
    write_json(folder.camera, camera, "frames")
    with write(folder.sound, "frames"):
        pass
    return jaw


def test_a_clip_is_tracked_with_a_file_of_flames_layout(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = dump(flame_shaped(builtin_head(), remesh=False).held, tmp_path / "flame" / "generic_model.pkl", chumpy=True)
    head = load_flame(file).model
    folder = SubjectFolder(tmp_path / "me")
    jaw = clip(folder, head)
    arguments = ["tracking", str(folder.root), "--head", str(file.parent), "--offset-rounds", "0"]
    assert main(arguments) == 0
    found, used = read_npz(folder.tracking, "tracking"), HeadModel.load(folder.head)
    assert str(found["head_name"]) == used.name == head.name
    assert used.n_vertices == head.n_vertices
    assert found["expression"].shape == (COUNT, head.n_expression)
    apart = np.linalg.norm(np.diff(found["landmarks_px"][:, [33, 263]], axis=1), axis=-1).mean()
    print(f"error {found['error_px'].mean():.3f} px of {apart:.1f}")
    assert found["error_px"].mean() < 0.02 * apart
    assert np.corrcoef(found["jaw_pose"][:, 0], jaw[:, 0])[0, 1] > 0.9
    assert head.name in capsys.readouterr().err
    stamp = json.loads((folder.root / "tracking.npz.stamp.json").read_text())
    assert "generic_model.pkl" in stamp["inputs"]
    assert stamp["params"]["head"] == str(file.parent)


def test_a_head_that_is_not_there_stops_the_stage(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = SubjectFolder(tmp_path / "me")
    clip(folder, builtin_head())
    assert main(["tracking", str(folder.root), "--head", str(tmp_path / "none.pkl")]) != 0
    lines = capsys.readouterr().err.strip().splitlines()
    assert "none.pkl is no file" in lines[-1]
    assert not folder.tracking.exists()


def test_a_saved_head_tracks_as_the_one_that_was_saved(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    saved = tmp_path / "mine" / "head.npz"
    builtin_head().save(saved)
    fits = {}
    for head in ("builtin", str(saved)):
        folder = SubjectFolder(tmp_path / Path(head).stem)
        clip(folder, builtin_head())
        assert main(["tracking", str(folder.root), "--head", head, "--offset-rounds", "1", "--no-outline"]) == 0
        fits[head] = read_npz(folder.tracking, "tracking") | HeadModel.load(folder.head).arrays()
        inputs = json.loads((folder.root / "tracking.npz.stamp.json").read_text())["inputs"]
        assert ("head.npz" in inputs) == (head != "builtin")
    for name, values in fits["builtin"].items():
        np.testing.assert_array_equal(fits[str(saved)][name], values, err_msg=name)
    assert f"read from {saved}" in capsys.readouterr().err
    # The stage's own output is no input.
    assert main(["tracking", str(folder.root), "--head", str(folder.head)]) == 2
    assert "give a copy of it" in capsys.readouterr().err


@pytest.mark.parametrize("has_audio", [True, False])
def test_a_clip_without_its_sound_stops_the_stage_before_the_fit(
    has_audio: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = SubjectFolder(tmp_path / "me")
    clip(folder, builtin_head())
    camera = read_json(folder.camera, "frames")
    camera["clips"][0]["has_audio"] = has_audio
    write_json(folder.camera, camera, "frames")
    folder.sound.unlink()
    assert main(["tracking", str(folder.root)]) == 2
    said = capsys.readouterr().err
    assert said == f"partnerface tracking: {folder.sound} is missing; run `partnerface frames` again\n"
    assert not folder.tracking.exists()
