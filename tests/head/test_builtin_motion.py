"""How the built-in head moves: correctives, components at their ends, what is seen of eyes and teeth."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.spatial import KDTree

from partnerface.conventions import CLASS_NAMES
from partnerface.geometry.mesh import edges
from partnerface.geometry.rasterize import rasterize
from partnerface.head.builtin import builtin_head, builtin_parts, correctives
from partnerface.head.builtin.assembly import assemble
from partnerface.head.builtin.weights import joint_regressor, skinning_weights
from partnerface.head.model import HeadModel
from partnerface.head.picture import View
from partnerface.head.points import INNER_LIP_CHAINS
from partnerface.head.sheet import posed
from partnerface.head.skinning import head_tensors

FLIPPED_MM2 = 15  # at twice a clear movement a few triangles in a mouth's corner fold over
SIDES = ("left", "right")


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return builtin_head()


def jaw(head: HeadModel, x: float, y: float = 0.0, corrected: bool = True) -> np.ndarray:
    given = head if corrected else replace(head, pose_basis=np.zeros_like(head.pose_basis))
    return posed(head_tensors(given), pose={"jaw_pose": (x, y, 0.0)})


def skin_faces(head: HeadModel) -> np.ndarray:
    first_part = int(builtin_parts()["left_eye"].min())
    return head.faces[(head.faces < first_part).all(1)]


def normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(F, 3) twice the area long."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    return np.cross(b - a, c - a)


def seen(head: HeadModel, vertices: np.ndarray, view: View, size: int = 300) -> np.ndarray:
    """(F,) how many pixels show each triangle."""
    places = (vertices - view.middle) @ view.turn().T
    pixels = np.stack([size / 2 + size / view.height * places[:, 0], size / 2 - size / view.height * places[:, 1]], 1)
    face = rasterize(pixels, 1 - places[:, 2], head.faces, size, size, perspective=False)[0]
    return np.bincount(face[face >= 0], minlength=len(head.faces))


def seen_of(head: HeadModel, part: str, vertices: np.ndarray, view: View) -> int:
    inside = np.isin(head.faces, builtin_parts()[part]).all(1)
    return int(seen(head, vertices, view)[inside].sum())


MOUTH = View(height=0.08, middle=(0.0, -0.055, 0.05))


def test_the_correctives_are_those_of_this_mesh():
    assembly = assemble()
    regressor = joint_regressor(assembly)
    made = correctives.make(assembly, skinning_weights(assembly), regressor @ assembly.vertices)
    with np.load(correctives.DATA, allow_pickle=False) as kept:
        assert set(kept.files) == set(made)
        for name in ("neck", "jaw"):
            again, file = (np.zeros((len(assembly.vertices), 3, 9)) for _ in range(2))
            again[made[f"{name}_vertices"]], file[kept[f"{name}_vertices"]] = made[f"{name}_map"], kept[f"{name}_map"]
            assert np.abs(again - file).max() < 0.01 * np.abs(file).max()


def test_correctives_of_another_mesh_are_refused(monkeypatch):
    assembly = assemble()
    assembly.vertices[7] += 0.001
    with pytest.raises(correctives.PartNerFaceError, match="make it again"):
        correctives.pose_basis(assembly)


def test_skinning_is_undone():
    generator = np.random.default_rng(0)
    places, share = generator.normal(size=(20, 3)), generator.random(20)
    turn, joint = correctives.rotation(np.array([0.4, -0.2, 0.1])), np.array([0.1, 0.2, 0.3])
    moved = correctives.skinned(places, share, turn, joint)
    assert np.allclose(correctives.unskinned(moved, share, turn, joint), places)
    assert np.allclose(turn @ turn.T, np.eye(3))
    assert np.allclose(correctives.rotation(np.array([0, 0, np.pi / 2])) @ [1, 0, 0], [0, 1, 0])


def test_at_rest_the_correctives_do_nothing(head: HeadModel):
    assert np.allclose(jaw(head, 0.0), head.template, atol=1e-7)
    assert np.abs(head.pose_basis[..., 9:18]).max() > 0.005
    assert np.abs(head.pose_basis[..., 18:]).max() == 0  # eyes turn without the skin


def test_an_opening_jaw_stretches_the_skin_less_than_skinning_does(head: HeadModel):
    faces, share = skin_faces(head), head.skinning_weights[:, 2]
    pairs = edges(faces)
    pairs = pairs[(share[pairs].max(1) > 0.02) & (share[pairs].min(1) < 0.98) & (head.template[pairs, 1] > -0.1).all(1)]

    def lengths(vertices: np.ndarray) -> np.ndarray:
        return np.linalg.norm(vertices[pairs[:, 0]] - vertices[pairs[:, 1]], axis=1)

    for angle in (0.15, 0.35, 0.6):
        plain, better = (lengths(jaw(head, angle, corrected=on)) / lengths(head.template) for on in (False, True))
        worst = np.percentile(plain, 99), np.percentile(better, 99)
        assert worst[1] - 1 < 0.75 * (worst[0] - 1)


def test_cheeks_and_lips_keep_their_thickness(head: HeadModel):
    inside = np.unique(builtin_parts()["lining"])
    faces, share = skin_faces(head), head.skinning_weights[:, 2]
    near_inside = np.unique(faces[np.isin(faces, inside).any(1)])
    outside = np.setdiff1d(np.flatnonzero((share > 0.1) & (share < 0.9)), near_inside)
    found: Any = KDTree(head.template[inside]).query(head.template[outside])
    away, near = found
    through = (away < 0.02) & (np.abs(share[outside] - share[inside[near]]) < 0.3)
    outside, near, away = outside[through], inside[near[through]], away[through]
    assert len(outside) > 100

    def thinnest(vertices: np.ndarray) -> float:
        return float(np.percentile(np.linalg.norm(vertices[outside] - vertices[near], axis=1) / away, 5))

    assert thinnest(jaw(head, 0.35, corrected=False)) < 0.88
    assert thinnest(jaw(head, 0.35)) > 0.93


def test_the_skin_does_not_fold_over_when_the_mouth_opens(head: HeadModel):
    faces = skin_faces(head)
    share = head.skinning_weights[:, 2][faces].mean(1)
    rest = normals(head.template, faces)
    on_skin = ~np.isin(head.regions, [CLASS_NAMES.index(name) for name in ("lips", "mouth_inside")])[faces].any(1)
    for x, y in ((0.1, 0.0), (0.35, 0.0), (0.25, 0.15), (0.25, -0.15)):
        turned = rest @ correctives.rotation(np.array([x, y, 0.0])).T
        expected = rest + share[:, None] * (turned - rest)
        folded, plainly = ((normals(jaw(head, x, y, on), faces) * expected).sum(1) < 0 for on in (True, False))
        assert not (folded & on_skin).any()
        # In the mouth's corners the lips lie on each other: less folds than with skinning alone.
        assert np.linalg.norm(rest[folded], axis=1).sum() <= 0.5 * np.linalg.norm(rest[plainly], axis=1).sum()


def test_the_mouth_opens_like_a_mouth(head: HeadModel):
    open_ = jaw(head, 0.35)
    moved = open_ - head.template
    assert 0.025 < open_[13, 1] - open_[14, 1] < 0.035
    # Its corners come in, and go down by less than half of what the lower lip does.
    assert moved[61, 0] > 0.0015
    assert moved[291, 0] < -0.0015
    assert 0 < -moved[61, 1] < 0.6 * -moved[14, 1]
    # The condyles slide: the chin stays farther forward than a hinge would leave it.
    assert moved[152, 2] - (jaw(head, 0.35, corrected=False) - head.template)[152, 2] > 0.005
    for part in ("upper_teeth", "lower_teeth", "tongue"):
        assert seen_of(head, part, open_, MOUTH) > 300, part


def test_sideways_is_the_mirror_image(head: HeadModel):
    left, right = jaw(head, 0.2, 0.12), jaw(head, 0.2, -0.12)
    for a, b in ((61, 291), (40, 270), (91, 321), (205, 425), (152, 152), (176, 400)):
        assert np.allclose(left[a] * [-1, 1, 1], right[b], atol=2e-5)


def test_closed_lips_touch_and_hide_the_teeth(head: HeadModel):
    upper, lower = (head.template[list(chain[1:-1])] for chain in INNER_LIP_CHAINS)
    gap = upper[:, 1] - lower[:, 1]
    assert (gap > 0).all()
    assert gap.max() < 2e-4
    for view in (MOUTH, replace(MOUTH, yaw=0.6), replace(MOUTH, yaw=-0.6)):
        assert sum(seen_of(head, part, head.template, view) for part in ("upper_teeth", "lower_teeth", "tongue")) < 30


def test_a_closed_lid_hides_the_eyeball(head: HeadModel):
    closed = posed(head_tensors(head), pose={"eyelids": (1.0, 1.0)})
    for side, part in ((1, "left_eye"), (-1, "right_eye")):
        for yaw in (0.0, 0.6, -0.6):
            view = View(yaw, 0.0, 0.05, (side * 0.032, 0.02, 0.05))
            assert seen_of(head, part, head.template, view) > 1500
            assert seen_of(head, part, closed, view) < 80, (part, yaw)


def test_no_component_turns_the_skin_inside_out(head: HeadModel):
    rest = normals(head.template, head.faces)

    def flipped(field: np.ndarray, amount: float) -> float:
        over = (normals(head.template + amount * field, head.faces) * rest).sum(1) < 0
        return 5e5 * np.linalg.norm(rest[over], axis=1).sum()

    for amount in (-2.0, 2.0):
        for k, name in enumerate(head.shape_names):
            assert flipped(head.shape_basis[..., k], amount) == 0, name
        for k, name in enumerate(head.expression_names):
            assert flipped(head.expression_basis[..., k], amount) < FLIPPED_MM2, name


def test_components_that_faces_have_on_each_side(head: HeadModel):
    wanted = ("lip_corner_up", "lip_corner_down", "lip_corner_wide", "dimple", "upper_lip_raise", "lower_lip_down")
    wanted += ("lip_press", "pucker", "funnel", "brow_inner_up", "brow_outer_up", "brow_down", "squint", "wide_eye")
    wanted += ("cheek_raise", "cheek_puff", "nose_wrinkle", "nostril_flare")
    assert {f"{name}_{side}" for name in wanted for side in SIDES} <= set(head.expression_names)
    both = ("upper_lip_in", "lower_lip_in", "lips_toward", "chin_raise", "jaw_forward", "mouth_left", "tongue_out")
    assert set(both) <= set(head.expression_names)
    assert 50 <= head.n_expression <= 64


def test_halves_overlap_only_at_the_midline(head: HeadModel):
    for name in ("pucker", "funnel", "lip_press", "nostril_flare"):
        left, right = (head.expression_basis[..., head.expression_index(f"{name}_{side}")] for side in SIDES)
        assert np.abs(left[head.template[:, 0] < -0.0101]).max() == 0
        assert np.abs(right[head.template[:, 0] > 0.0101]).max() == 0
        # On the midline each half is half of the whole.
        assert np.allclose(left[[0, 13, 14, 17], 1:], right[[0, 13, 14, 17], 1:], atol=1e-6)


def test_the_tongue_comes_out_of_an_open_mouth(head: HeadModel):
    index = head.expression_index("tongue_out")
    tongue = builtin_parts()["tongue"]
    others = np.setdiff1d(np.arange(head.n_vertices), tongue)
    assert np.abs(head.expression_basis[others, :, index]).max() == 0
    out = posed(head_tensors(head), expression={index: 1.5}, pose={"jaw_pose": (0.3, 0.0, 0.0)})
    assert out[tongue, 2].max() > out[14, 2] + 0.002


def test_a_turned_neck_stays_as_thick_as_a_neck(head: HeadModel):
    neck = np.flatnonzero((head.regions == CLASS_NAMES.index("neck")) & (head.skinning_weights[:, 0] > 0.2))
    bare = replace(head, pose_basis=np.zeros_like(head.pose_basis))
    hinge = (head.joint_regressor @ head.template)[1]

    def shrunk(given: HeadModel, pose: tuple[float, float, float]) -> float:
        away = np.linalg.norm(posed(head_tensors(given), pose={"neck_pose": pose})[neck] - hinge, axis=1)
        return float(np.abs(away / np.linalg.norm(head.template[neck] - hinge, axis=1) - 1).max())

    for pose in ((0.0, 0.7, 0.0), (0.45, 0.0, 0.0), (-0.45, 0.0, 0.0), (0.0, 0.0, 0.3)):
        assert shrunk(head, pose) < 0.5 * shrunk(bare, pose), pose
