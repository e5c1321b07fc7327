"""A head that is an ellipsoid: five joints, three expression components, a coloured surface; no real head needed."""

import numpy as np
import torch

from partnerface.conventions import FACING_CAMERA
from partnerface.head.model import HeadModel


def toy_head(rows: int = 16, columns: int = 24) -> HeadModel:
    """An ellipsoid of about the size of a head with FLAME's joints; the lower front follows the jaw."""
    theta = np.linspace(0, np.pi, rows + 2)[1:-1]
    phi = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    t, p = np.meshgrid(theta, phi, indexing="ij")
    ring = np.stack([np.sin(t) * np.sin(p), np.cos(t), np.sin(t) * np.cos(p)], -1).reshape(-1, 3)
    unit = np.concatenate([ring, [[0.0, 1.0, 0.0], [0.0, -1.0, 0.0]]])
    template = (unit * [0.075, 0.11, 0.09]).astype(np.float32)
    faces = []
    for r in range(rows - 1):
        for c in range(columns):
            a, b = r * columns + c, r * columns + (c + 1) % columns
            faces += [(a, a + columns, b), (b, a + columns, b + columns)]
    top, bottom = len(template) - 2, len(template) - 1
    for c in range(columns):
        d = (c + 1) % columns
        faces += [(top, c, d), (bottom, (rows - 1) * columns + d, (rows - 1) * columns + c)]
    count = len(template)
    expression = np.zeros((count, 3, 3), np.float32)
    expression[:, 1, 0] = 0.006 * np.exp(-((unit[:, 1] - 0.5) ** 2) * 20) * (unit[:, 2] > 0)
    expression[:, 0, 1] = 0.006 * np.exp(-((unit[:, 1] + 0.3) ** 2) * 20) * (unit[:, 2] > 0)
    expression[:, 2, 2] = 0.006 * np.exp(-(unit[:, 1] ** 2) * 20) * (unit[:, 2] > 0)
    jaw = np.clip((-unit[:, 1] - 0.1) * 2, 0, 1) * np.clip(unit[:, 2] * 3, 0, 1)
    weights = np.zeros((count, 5), np.float32)
    weights[:, 2], weights[:, 1] = jaw, 1 - jaw
    regressor = np.zeros((5, count), np.float32)
    for joint, target in enumerate(
        [(0, -0.1, 0), (0, -0.05, 0), (0, 0, 0.01), (0.03, 0.03, 0.07), (-0.03, 0.03, 0.07)]
    ):
        # Four vertices and least squares: rows sum to 1 and the joint lies where it should.
        near = np.argsort(((template - target) ** 2).sum(1))[:8]
        system = np.concatenate([template[near].T, np.ones((1, 8))])
        regressor[joint, near] = np.linalg.lstsq(system, np.array([*target, 1.0]), rcond=None)[0]
    landmarks = np.argsort(-template[:, 2], kind="stable")
    corners = np.repeat(landmarks[np.arange(478) % 200][:, None], 3, 1).astype(np.int32)
    thirds = np.full((478, 3), 1 / 3, np.float32)
    return HeadModel(
        name="toy",
        template=template,
        shape_basis=(template[:, :, None] * 0.05).astype(np.float32),
        expression_basis=expression,
        eyelid_basis=np.zeros((count, 3, 2), np.float32),
        pose_basis=np.zeros((count, 3, 36), np.float32),
        joint_regressor=regressor,
        skinning_weights=weights,
        faces=np.array(faces, np.int32),
        regions=np.ones(count, np.uint8),
        mediapipe_faces=corners,
        mediapipe_weights=thirds,
        landmark68_faces=corners[:68],
        landmark68_weights=thirds[:68],
        shape_names=("size",),
        expression_names=("up", "side", "front"),
    )


def toy_motion(frames: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Smooth random motion of the toy head, 0.6 m in front of the camera."""
    t = np.linspace(0, 2 * np.pi, frames, endpoint=False)[:, None]
    random = np.random.default_rng(seed)

    def wave(width: int, size: float) -> np.ndarray:
        rate, phase = random.integers(1, 4, width), random.random(width) * 6
        return (size * np.sin(t * rate + phase)).astype(np.float32)

    zeros = np.zeros((frames, 3), np.float32)
    jaw = zeros.copy()
    jaw[:, 0] = np.abs(wave(1, 0.25))[:, 0]
    return {
        "shape": np.zeros(1, np.float32),
        "expression": wave(3, 1.0),
        "global_orient": np.tile(np.array(FACING_CAMERA, np.float32), (frames, 1)),
        "neck_pose": wave(3, 0.15),
        "jaw_pose": jaw,
        "eye_pose": np.zeros((frames, 6), np.float32),
        "eyelids": np.zeros((frames, 2), np.float32),
        "translation": np.array([0, 0, 0.6], np.float32) + wave(3, 0.01),
    }


def toy_colours(template: np.ndarray) -> np.ndarray:
    """(V, 3) a colour that changes over the surface."""
    scaled = template / np.abs(template).max(0)
    return (0.5 + 0.4 * np.sin(scaled * 4 + [0, 1, 2])).astype(np.float32)


def camera(size: int) -> torch.Tensor:
    """K of a square picture that the toy head fills."""
    return torch.tensor([[1.6 * size, 0, size / 2], [0, 1.6 * size, size / 2], [0, 0, 1.0]])
