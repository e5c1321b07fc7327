import numpy as np
import pytest
import torch

from partnerface.conventions import CLASS_NAMES
from partnerface.geometry.mesh import boundary_loops, mirror_partners
from partnerface.head.builtin import builtin_head, builtin_parts
from partnerface.head.builtin.skin import EYEBALL_RADIUS
from partnerface.head.model import HeadModel
from partnerface.head.points import INNER_LIP_CHAINS, OUTER_EYE_CORNERS, OVAL, RIGHT_LID_CHAINS
from partnerface.head.skinning import head_tensors, pose_head

INNER, OUTER = (133, 362), OUTER_EYE_CORNERS


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return builtin_head()


def posed(head: HeadModel, **given: list[float]) -> np.ndarray:
    """(V, 3) in metres; expression components by name, or jaw_pose, eye_pose, eyelids."""
    expression = torch.zeros(1, head.n_expression)
    pose = {}
    for name, value in given.items():
        if name in ("jaw_pose", "eye_pose", "eyelids", "neck_pose"):
            pose[name] = torch.tensor([value])
        else:
            expression[0, head.expression_index(name)] = value[0]
    return pose_head(head_tensors(head), None, expression, torch.zeros(1, 3), **pose).vertices[0].numpy()


def test_is_sound_and_of_flames_form(head: HeadModel):
    assert head.problems() == []
    assert 3000 <= head.n_vertices <= 6000
    assert head.n_shape >= 40
    assert head.n_expression >= 50
    assert head.pose_basis.shape == (head.n_vertices, 3, 36)
    assert len(set(head.expression_names)) == head.n_expression
    assert len(set(head.shape_names)) == head.n_shape


def test_is_the_same_each_time_and_read_only(head: HeadModel):
    assert builtin_head() is head
    with pytest.raises(ValueError, match="read-only"):
        head.template[0] = 0


def test_has_human_size(head: HeadModel):
    face = head.template[[10, 152]]
    corners = head.template[list(OUTER)]
    skin = head.template[~np.isin(head.regions, [CLASS_NAMES.index("neck"), CLASS_NAMES.index("ears")])]
    assert np.isclose(np.linalg.norm(corners[0] - corners[1]), 0.09, atol=0.002)
    assert 0.15 < face[0, 1] - face[1, 1] < 0.19
    assert 0.22 < np.ptp(skin[:, 1]) < 0.25
    assert 0.14 < np.ptp(skin[:, 0]) < 0.17


def test_left_and_right_are_mirror_images(head: HeadModel):
    partner = mirror_partners(head.template.astype(np.float64))
    assert np.allclose(head.skinning_weights, head.skinning_weights[partner][:, [0, 1, 2, 4, 3]], atol=1e-5)
    assert (head.regions == head.regions[partner]).all()
    flip = np.array([-1, 1, 1], dtype=np.float32)
    names = head.expression_names
    for name in names:
        if name.endswith("_left") and name != "mouth_left":
            left = head.expression_basis[..., names.index(name)]
            right = head.expression_basis[..., names.index(name[: -len("_left")] + "_right")]
            assert np.allclose(left, right[partner] * flip, atol=1e-6), name
    assert np.allclose(head.eyelid_basis[..., 0], head.eyelid_basis[partner][..., 1] * flip, atol=1e-6)


def test_left_is_the_subjects_left(head: HeadModel):
    moved = np.abs(head.expression_basis[..., head.expression_index("lip_corner_up_left")]).sum(1)
    assert head.template[moved.argmax(), 0] > 0.01
    joints = head.joint_regressor @ head.template
    assert joints[3, 0] > 0.02
    assert joints[4, 0] < -0.02


def test_the_skin_is_one_surface_open_at_the_neck_and_behind_the_lids(head: HeadModel):
    loops = boundary_loops(head.faces)
    parts = builtin_parts()
    lids = {int(v) for side in ("left_lid", "right_lid") for v in parts[side].ravel()}
    closed = [loop for loop in loops if not lids & set(loop)]
    neck = [loop for loop in closed if (head.regions[loop] == CLASS_NAMES.index("neck")).all()]
    pieces = np.concatenate([parts[name] for name in ("upper_teeth", "lower_teeth", "left_ear", "right_ear")])
    assert len(neck) == 1
    assert all(set(loop) <= set(pieces.tolist()) for loop in closed if loop not in neck)


def test_landmarks_sit_exactly_on_their_vertices(head: HeadModel):
    places = (head.template[head.mediapipe_faces] * head.mediapipe_weights[..., None]).sum(1)
    assert np.allclose(places[:468], head.template[:468], atol=1e-6)
    centres = (head.joint_regressor @ head.template)[3:]
    for middle, centre in ((468, centres[1]), (473, centres[0])):
        iris = places[middle : middle + 5]
        assert iris[0, 2] > centre[2] + 0.9 * EYEBALL_RADIUS
        assert np.allclose(np.linalg.norm(iris[1:] - iris[0], axis=1), np.linalg.norm(iris[1] - iris[0]), rtol=1e-3)
        assert iris[1, 0] > iris[3, 0]  # the subject's left before its right, as MediaPipe has them
        assert iris[2, 1] > iris[4, 1]


def test_68_points_run_as_ibugs_do(head: HeadModel):
    places = (head.template[head.landmark68_faces] * head.landmark68_weights[..., None]).sum(1)
    assert (np.diff(places[:17, 0]) > 0).all()  # the jaw, from the subject's right to the left
    assert places[8, 1] == places[:17, 1].min()
    assert places[36:42, 0].max() < 0 < places[42:48, 0].min()
    assert places[57, 1] < places[51, 1] < places[30, 1] < places[27, 1]


def test_irises_turn_with_the_eyes(head: HeadModel):
    vertices = posed(head, eye_pose=[0, 0.3, 0, 0, 0.3, 0])
    places = (vertices[head.mediapipe_faces] * head.mediapipe_weights[..., None]).sum(1)
    rest = (head.template[head.mediapipe_faces] * head.mediapipe_weights[..., None]).sum(1)
    moved = places[[468, 473]] - rest[[468, 473]]
    assert np.allclose(moved[:, 0], EYEBALL_RADIUS * np.sin(0.3), atol=2e-4)
    assert np.allclose(vertices[:468], head.template[:468], atol=1e-6)


def test_a_quarter_radian_of_the_jaw_opens_the_mouth(head: HeadModel):
    vertices = posed(head, jaw_pose=[0.25, 0, 0])
    assert vertices[13, 1] - vertices[14, 1] > 0.015
    upper = list(INNER_LIP_CHAINS[0][3:-3])
    assert np.abs(vertices[upper] - head.template[upper]).max() < 0.001
    lower = head.skinning_weights[list(INNER_LIP_CHAINS[1][3:-3]), 2]
    assert (lower > 0.9).all()
    assert head.template[14, 1] - vertices[14, 1] > 0.012
    # Teeth below go along, those above stay.
    parts = builtin_parts()
    assert np.allclose(vertices[parts["upper_teeth"]], head.template[parts["upper_teeth"]])
    assert (vertices[parts["lower_teeth"], 1] < head.template[parts["lower_teeth"], 1]).all()


def test_closed_lids_touch_over_the_eyeball(head: HeadModel):
    open_, closed, half = posed(head), posed(head, eyelids=[1, 1]), posed(head, eyelids=[0.5, 0.5])
    upper, lower = (list(chain[1:-1]) for chain in RIGHT_LID_CHAINS)
    opening = open_[159, 1] - open_[145, 1]
    assert 0.006 < opening < 0.013
    # At the same place across the eye the margins meet; their points need not be opposite.
    order = np.argsort(closed[lower, 0])
    meet = np.interp(closed[upper, 0], closed[lower, 0][order], closed[lower, 1][order])
    # At the inner corner the upper lid's last point hangs over the lower lid's.
    assert np.abs(closed[upper, 1] - meet)[:-1].max() < 0.06 * opening
    assert 0.3 < (half[159, 1] - half[145, 1]) / opening < 0.7
    centre = (head.joint_regressor @ head.template)[4]
    for vertices in (closed, half):
        assert np.linalg.norm(vertices[upper + lower] - centre, axis=1).min() > EYEBALL_RADIUS - 1e-4


def test_each_lid_moves_alone_and_leaves_brow_and_cheek(head: HeadModel):
    moved = np.linalg.norm(posed(head, eyelids=[1, 0]) - head.template, axis=1)
    assert (moved[head.template[:, 0] < 0] < 1e-6).all()
    assert moved[[282, 295, 334, 280, 425]].max() < 5e-4


def test_weights_run_from_shoulders_to_skull(head: HeadModel):
    weights = head.skinning_weights
    hair = head.regions == CLASS_NAMES.index("hair")
    assert (weights[hair, 1] > 0.5).mean() > 0.95
    assert (weights[head.template[:, 1] > 0.02][:, 0] == 0).all()
    lowest = head.template[:, 1] < head.template[:, 1].min() + 0.005
    assert (weights[lowest, 0] > 0.95).all()
    assert (weights >= 0).all()


def test_weights_have_no_cliffs_but_at_the_lips(head: HeadModel):
    triangles = head.faces[(head.faces < 4400).all(1)]
    jaw = head.skinning_weights[:, 2]
    size = np.linalg.norm(head.template[triangles] - head.template[triangles[:, [1, 2, 0]]], axis=2).max(1)
    steep = np.ptp(jaw[triangles], axis=1) / np.maximum(size, 0.004)
    assert np.percentile(steep, 99) < 90  # from 0 to 1 within no less than a centimetre


def test_expressions_move_what_they_name(head: HeadModel):
    def moved(name: str, point: int) -> np.ndarray:
        return head.expression_basis[point, :, head.expression_index(name)] * 1000

    assert moved("lip_corner_up_left", 291)[1] > 2
    assert moved("lip_corner_up_left", 291)[0] > 1
    assert np.abs(moved("lip_corner_up_left", 61)).max() < 0.3
    assert moved("brow_outer_up_right", 63)[1] > 2
    assert moved("pucker_right", 61)[0] > 2
    assert moved("pucker_left", 291)[0] < -2
    assert moved("mouth_left", 13)[0] > 2
    assert moved("cheek_puff_left", 411)[0] > 1
    # Upper and lower lip part: raising one leaves the other.
    assert moved("upper_lip_raise_left", 310)[1] > 1.5
    assert abs(moved("upper_lip_raise_left", 318)[1]) < 0.6


def test_expressions_leave_skull_eyeballs_and_teeth(head: HeadModel):
    still = np.concatenate([builtin_parts()[name] for name in ("left_eye", "right_eye", "upper_teeth", "lower_teeth")])
    still = np.concatenate([still, np.flatnonzero(head.regions == CLASS_NAMES.index("hair"))])
    assert np.abs(head.expression_basis[still]).max() < 5e-4


def test_eyeballs_stay_round_under_every_shape(head: HeadModel):
    for name in ("left_eye", "right_eye"):
        ball = head.shape_basis[builtin_parts()[name]]
        assert np.allclose(ball, ball[:1], atol=1e-7)


def test_shapes_are_of_human_size(head: HeadModel):
    spread = np.linalg.norm(head.shape_basis, axis=1).max(0)
    assert (spread < 0.012).all()
    assert (spread > 0.0005).all()


def test_every_class_of_a_head_is_labelled(head: HeadModel):
    present = {CLASS_NAMES[number] for number in np.unique(head.regions)}
    assert present == set(CLASS_NAMES) - {"background", "cloth", "glasses"}
    assert (head.regions[list(OVAL)] != CLASS_NAMES.index("hair")).all()
    assert np.isin(head.regions[list(INNER)], [CLASS_NAMES.index("skin"), CLASS_NAMES.index("nose")]).all()
