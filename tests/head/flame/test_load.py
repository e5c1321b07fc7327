"""A head of FLAME's layout as a HeadModel: its own arrays as they are, what it lacks carried over within mm."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from partnerface.conventions import CLASS_NAMES
from partnerface.errors import InputError
from partnerface.head.builtin import builtin_head
from partnerface.head.flame import FlameHead, load_flame
from partnerface.head.flame.companions import read_companions
from partnerface.head.flame.layout import read_flame
from partnerface.head.skinning import head_tensors, pose_head
from tests.head.flame.shaped import EXPRESSIONS, SHAPES, Shaped, dump

LIDS = (33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173)
LIPS = (191, 80, 81, 82, 13, 312, 311, 310, 415, 95, 88, 178, 87, 14, 317, 402, 318, 324)
UPPER, LOWER = (159, 158, 160, 386, 385, 387), (145, 153, 144, 374, 380, 373)


def places(corners: np.ndarray, weights: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    return (vertices[corners] * weights[..., None]).sum(1)


def test_its_own_arrays_are_kept(loaded: FlameHead, shaped: Shaped):
    head = loaded.model
    assert head.problems() == []
    assert np.allclose(head.template, shaped.held["v_template"], atol=1e-7)
    assert np.array_equal(head.faces, shaped.held["f"])
    assert (head.n_shape, head.n_expression) == (SHAPES, EXPRESSIONS)
    assert np.allclose(head.expression_basis, shaped.held["shapedirs"][..., 300 : 300 + EXPRESSIONS], atol=1e-8)
    assert np.allclose(head.pose_basis, shaped.held["posedirs"], atol=1e-8)
    assert np.allclose(head.joint_regressor @ head.template, shaped.joints, atol=1e-5)
    assert loaded.version == "flame-shaped"
    assert head.name.startswith(f"flame-shaped-s{SHAPES}e{EXPRESSIONS}-")


def test_mediapipes_points_are_carried_over(loaded: FlameHead, shaped: Shaped):
    own, head = builtin_head(), loaded.model
    found = places(head.mediapipe_faces, head.mediapipe_weights, head.template)
    truth = places(own.mediapipe_faces, own.mediapipe_weights, shaped.warped)
    error = 1000 * np.linalg.norm(found - truth, axis=1)
    print(f"mm: median {np.median(error):.2f}, mean {error.mean():.2f}, worst {error.max():.2f}")
    assert np.median(error) < 1.0
    assert error[list(LIDS)].mean() < 0.8
    assert error[list(LIPS)].mean() < 1.0
    assert error[468:].max() < 2.0
    # The outline of the face has nothing to hold on to, and slides along the cheeks.
    assert error.max() < 6.0


def test_no_point_lies_on_the_other_lip(loaded: FlameHead):
    head = loaded.model
    jaw = (head.skinning_weights[head.mediapipe_faces][..., 2] * head.mediapipe_weights).sum(1)
    assert jaw[list(LIPS[2:7])].max() < 0.35
    assert jaw[list(LIPS[11:16])].min() > 0.65


def test_classes_are_carried_over(loaded: FlameHead, shaped: Shaped):
    rows, weights = shaped.rows
    truth = builtin_head().regions[rows[np.arange(len(rows)), weights.argmax(1)]]
    assert (loaded.model.regions == truth).mean() > 0.95
    assert CLASS_NAMES.index("mouth_inside") not in loaded.model.regions


def test_carried_lids_close_the_eyes(loaded: FlameHead):
    head = loaded.model
    zeros = torch.zeros(1, head.n_expression)
    tensors = head_tensors(head)
    gap, balls = [], []
    for closed in (0.0, 1.0):
        posed = pose_head(tensors, None, zeros, torch.zeros(1, 3), eyelids=torch.full((1, 2), closed))
        vertices = posed.vertices[0].numpy()
        marks = places(head.mediapipe_faces, head.mediapipe_weights, vertices)
        gap.append(marks[list(UPPER), 1] - marks[list(LOWER), 1])
        centre = (head.joint_regressor @ head.template)[3]
        lid = np.linalg.norm(head.eyelid_basis[..., 0], axis=1) > 1e-3
        balls.append(np.linalg.norm(vertices[lid] - centre, axis=1).min())
    assert gap[0].min() > 0.005
    assert (gap[1] < 0.35 * gap[0]).all()
    assert balls[1] > min(balls[0], 0.0118) - 5e-4
    # Each closes its own side.
    moved = np.linalg.norm(head.eyelid_basis, axis=1) > 1e-4
    assert (head.template[moved[:, 0], 0] > 0).all()
    assert (head.template[moved[:, 1], 0] < 0).all()


def test_it_is_the_same_each_time_and_another_basis_has_another_name(
    loaded: FlameHead, file: Path, shaped: Shaped, tmp_path: Path
):
    again = load_flame(file, shapes=5, expressions=4)
    assert again.model.name == loaded.model.name.replace(f"s{SHAPES}e{EXPRESSIONS}", "s5e4")
    assert np.array_equal(again.model.mediapipe_faces, loaded.model.mediapipe_faces)
    assert np.array_equal(again.model.mediapipe_weights, loaded.model.mediapipe_weights)
    assert np.array_equal(again.model.expression_basis, loaded.model.expression_basis[..., :4])
    held = {**shaped.held, "shapedirs": shaped.held["shapedirs"] * np.where(np.arange(400) == 301, -1, 1)}
    assert read_flame(dump(held, tmp_path / "b.pkl")).sha256 != again.sha256
    assert load_flame(tmp_path / "b.pkl").model.name != loaded.model.name


def companions(folder: Path, shaped: Shaped) -> dict[str, np.ndarray]:
    """Writes all companions of a shaped head, true to it; returns what they say."""
    rng = np.random.default_rng(0)
    faces, count = shaped.held["f"].astype(np.int64), len(shaped.held["v_template"])
    rows, weights = shaped.rows
    lids = 1.04 * (builtin_head().eyelid_basis[rows] * weights[..., None, None]).sum(1)
    # In another order than the sides: the left lid is known by where it lies.
    np.save(folder / "l_eyelid.npy", lids[..., 1])
    np.save(folder / "r_eyelid.npy", lids[..., 0])
    template = shaped.held["v_template"]
    nose = np.flatnonzero(template[:, 2] > template[:, 2].max() - 0.01)
    scalp = np.flatnonzero(template[:, 1] > template[:, 1].max() - 0.03)
    dump({"nose": nose, "scalp": scalp, "face": nose}, folder / "FLAME_masks.pkl")
    own = builtin_head()
    nearest = places(own.landmark68_faces, own.landmark68_weights, shaped.warped)[17:]
    chosen = np.array([np.linalg.norm(template[faces].mean(1) - place, axis=1).argmin() for place in nearest])
    shares = rng.dirichlet(np.ones(3), 51)
    dump({"lmk_face_idx": chosen.astype(np.uint32), "lmk_b_coords": shares}, folder / "flame_static_embedding.pkl")
    index = np.array([1, 13, 14, 33, 263, 61, 291])
    truth = shaped.warped[index]
    triangle = np.array([np.linalg.norm(template[faces].mean(1) - place, axis=1).argmin() for place in truth])
    thirds = np.full((len(index), 3), 1 / 3)
    np.savez(
        folder / "mediapipe_landmark_embedding.npz",
        lmk_face_idx=triangle, lmk_b_coords=thirds, landmark_indices=index,
    )  # fmt: skip
    return {"lids": lids, "nose": nose, "scalp": scalp, "ibug": faces[chosen], "index": index,
            "mediapipe": faces[triangle], "count": np.array(count)}  # fmt: skip


def test_what_lies_beside_the_file_is_taken_as_it_is(file: Path, shaped: Shaped, tmp_path: Path):
    said = companions(tmp_path, shaped)
    (tmp_path / "model.pkl").write_bytes(file.read_bytes())
    found = load_flame(tmp_path)
    head = found.model
    assert {path.name for path in found.files} == {path.name for path in tmp_path.iterdir()}
    assert found.files[0].name == "model.pkl"
    assert np.allclose(head.eyelid_basis, said["lids"], atol=1e-7)
    assert (head.regions[said["nose"]] == CLASS_NAMES.index("nose")).all()
    assert (head.regions[said["scalp"]] == CLASS_NAMES.index("hair")).all()
    assert np.array_equal(head.landmark68_faces[17:], said["ibug"])
    assert np.array_equal(head.mediapipe_faces[said["index"]], said["mediapipe"])
    assert "461 of MediaPipe's points" in found.carried
    assert "eyelids" not in found.carried


def wrong_companions(right_lid: np.ndarray) -> tuple[tuple[str, Any, str], ...]:
    """File, what it holds, and what is said of it."""
    return (
        ("l_eyelid.npy", np.zeros((5023, 3)), "no displacement"),
        ("l_eyelid.npy", right_lid, "same eye"),
        ("FLAME_masks.pkl", {"nose": np.array([99999])}, "another mesh"),
        ("FLAME_masks.pkl", {"skin": np.array([1])}, "no vertex masks"),
        ("flame_static_embedding.pkl", {"lmk_face_idx": np.array([1]), "lmk_b_coords": np.ones((2, 3))}, "do not fit"),
        ("flame_static_embedding.pkl", {"x": 1}, "no landmark embedding"),
    )


def test_companions_of_another_mesh_are_refused(file: Path, shaped: Shaped, tmp_path: Path):
    flame = read_flame(file)
    companions(tmp_path, shaped)
    for name, value, words in wrong_companions(np.load(tmp_path / "r_eyelid.npy")):
        before = (tmp_path / name).read_bytes()
        if name.endswith(".npy"):
            np.save(tmp_path / name, value)
        else:
            dump(value, tmp_path / name)
        with pytest.raises(InputError, match=words):
            read_companions(tmp_path, flame)
        (tmp_path / name).write_bytes(before)
    (tmp_path / "r_eyelid.npy").unlink()
    with pytest.raises(InputError, match="stands alone"):
        read_companions(tmp_path, flame)


def test_what_is_no_head_is_refused(small: dict, tmp_path: Path):
    with pytest.raises(InputError, match="eyeballs"):
        load_flame(dump(small, tmp_path / "a.pkl"))


def test_landmarks_that_lie_anywhere_are_refused(file: Path, shaped: Shaped, tmp_path: Path):
    rng = np.random.default_rng(1)
    (tmp_path / "model.pkl").write_bytes(file.read_bytes())
    points = {"lmk_face_idx": rng.integers(0, len(shaped.held["f"]), 51), "lmk_b_coords": rng.dirichlet(np.ones(3), 51)}
    dump(points, tmp_path / "flame_static_embedding.pkl")
    with pytest.raises(InputError, match="can't be laid onto it"):
        load_flame(tmp_path)
