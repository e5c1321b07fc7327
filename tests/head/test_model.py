import dataclasses
from pathlib import Path

import numpy as np
import pytest

from partnerface.errors import ArtefactError
from partnerface.head.model import HeadModel


def toy_head() -> HeadModel:
    """Five vertices, each standing on one joint: small enough to work with by hand."""
    joints = np.array([[0.0, 0, 0], [0, 1, 0], [0, 2, 0], [1, 2, 0], [-1, 2, 0]], dtype=np.float32)
    template = joints + np.array([0, 0, 1], dtype=np.float32)
    back = joints - np.array([0, 0, 1], dtype=np.float32)
    vertices = np.concatenate([template, back])
    regressor = np.concatenate([np.eye(5), np.eye(5)], 1).astype(np.float32) / 2
    weights = np.concatenate([np.eye(5), np.eye(5)]).astype(np.float32)
    landmark = np.zeros((478, 3), dtype=np.int32) + np.array([0, 1, 2], dtype=np.int32)
    share = np.zeros((478, 3), dtype=np.float32) + np.array([1, 0, 0], dtype=np.float32)
    shape = np.zeros((10, 3, 1), dtype=np.float32)
    shape[:, 1, 0] = vertices[:, 1]  # taller
    expression = np.zeros((10, 3, 2), dtype=np.float32)
    expression[0, 0, 0], expression[2, 2, 1] = 1, 0.5
    lids = np.zeros((10, 3, 2), dtype=np.float32)
    lids[3, 1, 0] = -0.25
    return HeadModel(
        name="toy",
        template=vertices,
        shape_basis=shape,
        expression_basis=expression,
        eyelid_basis=lids,
        pose_basis=np.zeros((10, 3, 36), dtype=np.float32),
        joint_regressor=regressor,
        skinning_weights=weights,
        faces=np.array([[0, 1, 2], [5, 6, 7]], dtype=np.int32),
        regions=np.ones(10, dtype=np.uint8),
        mediapipe_faces=landmark,
        mediapipe_weights=share,
        landmark68_faces=landmark[:68],
        landmark68_weights=share[:68],
        shape_names=("height",),
        expression_names=("aside", "forward"),
    )


def test_the_toy_head_is_sound():
    assert toy_head().problems() == []


def test_save_and_load_give_the_same_model(tmp_path: Path):
    head = toy_head()
    head.save(tmp_path / "head.npz")
    again = HeadModel.load(tmp_path / "head.npz")
    for field in dataclasses.fields(HeadModel):
        before, after = getattr(head, field.name), getattr(again, field.name)
        if isinstance(before, np.ndarray):
            assert before.dtype == after.dtype
            assert np.array_equal(before, after)
        else:
            assert before == after


def test_the_file_holds_no_pickles(tmp_path: Path):
    toy_head().save(tmp_path / "head.npz")
    with np.load(tmp_path / "head.npz", allow_pickle=False) as data:
        assert {data[name].dtype.kind for name in data.files} <= set("fiuU")


def test_another_npz_is_refused(tmp_path: Path):
    with pytest.raises(ArtefactError, match="no head model of this version"):
        HeadModel.from_arrays({"template": np.zeros((3, 3))}, "x.npz")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("faces", np.array([[0, 1, 99]], dtype=np.int32), "outside"),
        ("skinning_weights", np.ones((10, 5), dtype=np.float32), "sum to 1"),
        ("template", np.full((10, 3), np.nan, dtype=np.float32), "not finite"),
        ("shape_names", ("height", "width"), "shape_basis has shape"),
        ("regions", np.full(10, 200, dtype=np.uint8), "unknown class"),
    ],
)
def test_inconsistent_models_are_refused(name: str, value: object, words: str):
    head = dataclasses.replace(toy_head(), **{name: value})
    assert words in " ".join(head.problems())
    with pytest.raises(ArtefactError, match="inconsistent"):
        HeadModel.from_arrays(head.arrays())


def test_an_offset_moves_the_surface_and_leaves_the_skeleton():
    head = toy_head()
    # Rows with more than one vertex each, so that the regressor has room.
    head.joint_regressor[:] = 0.1
    offset = np.zeros((10, 3), dtype=np.float32)
    offset[1], offset[8] = [0.1, 0.2, -0.3], [0.0, 0.0, 0.4]
    moved = head.with_offset(offset)
    assert np.allclose(moved.template - head.template, offset)
    before, after = (model.joint_regressor @ model.template for model in (head, moved))
    assert np.allclose(before[:3], after[:3], atol=1e-5)
    assert not np.allclose(before[3:], after[3:], atol=1e-3)
    assert moved.problems() == []


def test_components_are_found_by_name():
    assert toy_head().expression_index("forward") == 1
    with pytest.raises(KeyError, match="toy has no expression component 'grin'"):
        toy_head().expression_index("grin")
