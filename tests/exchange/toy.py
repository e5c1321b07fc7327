"""A small head, parameters for it, and pictures to stand for frames; projections worked out anew, apart from ours."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.spatial.transform import Rotation

from partnerface.exchange.ours import Ours, Picture
from partnerface.exchange.place import Placement, parameters_for
from partnerface.exchange.recording import Recording
from partnerface.head.builtin import builtin_head
from partnerface.head.model import HeadModel
from partnerface.head.skinning import embed, head_tensors, pose_head

SIZE, SHAPES, EXPRESSIONS = 64, 6, 9


def small_head(name: str = "flame2020", vertices: int | None = None) -> HeadModel:
    """The built-in head under another name, cut to the vertices that landmarks and joints need (or to so many), with
    few components and with pose correctives."""
    head, rng = builtin_head(), np.random.default_rng(3)
    needed = np.unique(
        np.concatenate(
            [head.mediapipe_faces.ravel(), head.landmark68_faces.ravel(), np.flatnonzero(head.joint_regressor.any(0))]
        )
    )
    if vertices is not None:
        others = np.setdiff1d(np.arange(head.n_vertices), needed)
        needed = np.sort(np.concatenate([needed, others[: vertices - len(needed)]]))
    place = np.full(head.n_vertices, -1)
    place[needed] = np.arange(len(needed))
    faces = place[head.faces]
    return HeadModel(
        name=name,
        template=head.template[needed],
        shape_basis=head.shape_basis[needed][..., :SHAPES],
        expression_basis=head.expression_basis[needed][..., :EXPRESSIONS],
        eyelid_basis=head.eyelid_basis[needed],
        pose_basis=rng.normal(0, 1e-4, (len(needed), 3, 36)).astype(np.float32),
        joint_regressor=head.joint_regressor[:, needed],
        skinning_weights=head.skinning_weights[needed],
        faces=faces[(faces >= 0).all(1)].astype(np.int32),
        regions=head.regions[needed],
        mediapipe_faces=place[head.mediapipe_faces].astype(np.int32),
        mediapipe_weights=head.mediapipe_weights,
        landmark68_faces=place[head.landmark68_faces].astype(np.int32),
        landmark68_weights=head.landmark68_weights,
        shape_names=head.shape_names[:SHAPES],
        expression_names=head.expression_names[:EXPRESSIONS],
    )


def turns(count: int, scale: float, seed: int) -> np.ndarray:
    """(count, 3) axis-angle."""
    return np.random.default_rng(seed).normal(0, scale, (count, 3))


def codes(count: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Shape, expression, neck, jaw, eyes and eyelids of `count` frames."""
    rng = np.random.default_rng(seed)
    return {
        "shape": rng.normal(0, 1, SHAPES),
        "expression": rng.normal(0, 0.5, (count, EXPRESSIONS)),
        "neck_pose": turns(count, 0.2, seed + 1),
        "jaw_pose": turns(count, 0.1, seed + 2),
        "eye_pose": np.concatenate([turns(count, 0.2, seed + 3), turns(count, 0.2, seed + 4)], 1),
        "eyelids": rng.uniform(0, 1, (count, 2)),
    }


def landmarks(head: HeadModel, values: dict[str, np.ndarray], **pose: np.ndarray) -> np.ndarray:
    """(N, 478, 3) points of the head in its world; what `pose` gives replaces what `values` has."""
    given = {name: torch.tensor(np.asarray(value), dtype=torch.float64) for name, value in {**values, **pose}.items()}
    given.setdefault("global_orient", torch.zeros(len(given["expression"]), 3, dtype=torch.float64))
    vertices = pose_head(head_tensors(head, dtype=torch.float64), **given).vertices
    return embed(vertices, torch.tensor(head.mediapipe_faces), torch.tensor(head.mediapipe_weights)).numpy()


def ours_in_pixels(recording: Recording, head: HeadModel, place: Placement) -> np.ndarray:
    """(N, 478, 2) px of the stored frames, by our own conventions: x_px = f x / z + cx in camera space."""
    values, _ = parameters_for(recording, head)
    points = landmarks(head, values)
    return points[..., :2] / points[..., 2:] * place.focal + place.principal_point[:, None]


def stored(pixels: np.ndarray, place: Placement) -> np.ndarray:
    """Pixels (N, L, 2) of the source pictures in the stored frames."""
    scale = place.size / (place.boxes[:, None, 2:] - place.boxes[:, None, :2])
    return (pixels - place.boxes[:, None, :2]) * scale


def cameras(count: int, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """R (count, 3, 3) and t (count, 3) of OpenCV cameras about a metre before a head at the origin that faces them."""
    facing = np.diag([1.0, -1.0, -1.0])
    rotation = Rotation.from_rotvec(turns(count, 0.2, seed)).as_matrix() @ facing
    return rotation, np.array([0.01, -0.02, 1.0]) + turns(count, 0.02, seed + 1)


def save_picture(path: Path, value: int = 100, size: tuple[int, int] = (SIZE, SIZE), mode: str = "RGB") -> None:
    """A plain picture, width x height px."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bands = len(mode)
    Image.fromarray(np.full((size[1], size[0], bands), value, np.uint8).squeeze()).save(path)


def our_subject(head: HeadModel, count: int = 8, moving_centre: bool = False) -> Ours:
    """A tracked subject of ours: float32 values, as tracking.npz has them."""
    values = codes(count, 20)
    facing = Rotation.from_rotvec([np.pi, 0, 0])
    orient = (facing * Rotation.from_rotvec(turns(count, 0.25, 30))).as_rotvec()
    # Of the two vectors of a rotation tracking.npz has the one near that of a head which faces the camera.
    orient[orient[:, 0] < 0] *= 1 - 2 * np.pi / np.linalg.norm(orient[orient[:, 0] < 0], axis=1, keepdims=True)
    values["global_orient"] = orient
    values["translation"] = np.array([0.01, 0.02, 0.9]) + turns(count, 0.03, 31)
    values = {name: value.astype(np.float32).astype(np.float64) for name, value in values.items()}
    centre = np.full((count, 2), SIZE / 2) + (np.arange(count)[:, None] * [1.5, -1.0] if moving_centre else 0.0)
    numbers = np.array([0, 1, 2, 4, 5, 6, 9, 10, 11, 12, 13, 14][:count])

    def picture(k: int) -> Picture:
        rng = np.random.default_rng(k)
        rgb = rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
        alpha = np.zeros((SIZE, SIZE), np.uint8)
        alpha[8:-8, 8:-8], alpha[8, 8:-8] = 255, 90
        return Picture(rgb, alpha, np.where(alpha > 0, 1, 0).astype(np.uint8))

    return Ours("me", numbers, 30.0, SIZE, 90.0, centre, values, head, picture, 2)
