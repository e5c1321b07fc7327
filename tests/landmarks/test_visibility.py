"""What the mesh says of which points are seen, on the measured face turned by known angles."""

import numpy as np

from partnerface.head.builtin.face import load_face
from partnerface.landmarks.schemes import GROUPS
from partnerface.landmarks.visibility import mesh_visibility

SIZE = (400, 400)
CHEEKS = {"right": 50, "left": 280}


def seen(turn: float, shift: float = 0.0, points: np.ndarray | None = None) -> np.ndarray:
    """Visibility (478,) of the face, 200 px from eye corner to eye corner, turned by degrees to its own left."""
    face = load_face().points if points is None else points
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    face = face @ np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]).T
    picture = face * np.array([1, -1, -1]) * 200 / 0.09 + np.array([200 + shift, 180, 0])
    return mesh_visibility(picture[None].astype(np.float32), SIZE)[0]


def test_a_face_to_the_camera_is_seen_but_for_its_rim_and_covered_irises() -> None:
    found = seen(0)
    groups = GROUPS["mediapipe478"]
    assert (found[[470, 472, 475, 477]] == 0).all()  # upper and lower edges of the irises, under the lids
    for name in ("left_eye", "right_eye", "lips_outer", "left_brow", "right_brow", "nose_bridge", "left_iris_centre"):
        assert found[list(groups[name])].min() > 0.5, name
    face = load_face().points
    low, high = face.min(0), face.max(0)
    x, y = ((face[np.flatnonzero(found[:468] < 0.5)] - low) / (high - low))[:, :2].T
    assert ((x < 0.1) | (x > 0.9) | (y < 0.15)).all(), "sides and underside of the chin"
    assert len(x) < 40


def test_a_turned_head_hides_its_far_side() -> None:
    # Turned to its own left, its left side goes away from the camera.
    assert seen(60)[CHEEKS["left"]] < 0.2
    assert seen(60)[CHEEKS["right"]] == 1
    assert seen(-60)[CHEEKS["right"]] < 0.2
    assert seen(-60)[CHEEKS["left"]] == 1
    assert seen(180).max(initial=0, where=~np.isin(np.arange(478), range(468, 478))) < 1
    assert seen(180).mean() < 0.1


def test_points_beyond_the_frame_are_not_seen() -> None:
    found = seen(0, shift=150)
    assert found[CHEEKS["left"]] == 0
    assert found[CHEEKS["right"]] == 1


def test_a_closed_eye_hides_its_iris() -> None:
    face = load_face()
    points = face.points.copy()
    upper, lower = np.array([160, 159, 158]), np.array([144, 145, 153])
    points[upper, 1] = points[lower, 1] - 1e-4
    points[[161, 246, 157, 173], 1] = points[[163, 7, 154, 155], 1]
    found = seen(0, points=points)
    assert found[list(GROUPS["mediapipe478"]["right_iris_centre"])] == 0
    assert found[list(GROUPS["mediapipe478"]["left_iris_centre"])] == 1
