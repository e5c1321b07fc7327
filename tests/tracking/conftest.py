"""A small head for the tests: a smooth surface with smooth random bases, and clips of it with known parameters."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from partnerface.geometry.rotations import axis_angle_to_matrix
from partnerface.head.model import HeadModel
from partnerface.tracking.landmark_head import LandmarkHead, landmark_head
from partnerface.tracking.projection import project
from partnerface.tracking.state import ClipState, neutral_state

SIZE = 400
FOCAL = 600.0


def toy_model(n_shape: int = 6, n_expression: int = 5, seed: int = 0) -> HeadModel:
    """A face-sized piece of an ellipsoid, 30 x 30 vertices, with a jaw below and two eyeballs' worth of vertices."""
    rng = np.random.default_rng(seed)
    side = 30
    u, v = np.meshgrid(np.linspace(-1.2, 1.2, side), np.linspace(-1.1, 1.1, side))
    u, v = u.ravel(), v.ravel()
    bump = 0.025 * np.exp(-(u**2 + (v + 0.1) ** 2) / 0.05)
    template = np.stack([0.075 * np.sin(u), 0.1 * np.sin(v), 0.09 * np.cos(u) * np.cos(v) + bump], axis=1)
    count = len(template)

    def smooth(columns: int, scale: float) -> np.ndarray:
        centres = rng.uniform(-1, 1, (columns, 3, 2))
        field = np.exp(-((u[:, None, None] - centres[..., 0]) ** 2 + (v[:, None, None] - centres[..., 1]) ** 2) / 0.3)
        return (scale * rng.choice([-1.0, 1.0], (columns, 3)) * field).transpose(0, 2, 1)

    def near(x: float, y: float, width: float) -> np.ndarray:
        return np.exp(-((u - x) ** 2 + (v - y) ** 2) / width)

    lids = np.zeros((count, 3, 2))
    lids[:, 1] = -0.008 * np.stack([near(0.45, 0.35, 0.02), near(-0.45, 0.35, 0.02)], axis=1)
    weights = np.zeros((count, 5))
    weights[:, 2] = 1 / (1 + np.exp(8 * (v + 0.45)))
    weights[:, 3], weights[:, 4] = 0.9 * (near(0.45, 0.25, 0.01) > 0.5), 0.9 * (near(-0.45, 0.25, 0.01) > 0.5)
    weights[:, 0] = 0.3 * (v < -0.9)
    weights[:, 1] = 0
    weights /= np.maximum(weights.sum(1, keepdims=True), 1)
    weights[:, 1] = 1 - weights.sum(1)
    regressor = np.zeros((5, count))
    for joint, (x, y) in enumerate([(0, -1.1), (0, -0.9), (0, -0.2), (0.45, 0.25), (-0.45, 0.25)]):
        blob = near(x, y, 0.02)
        regressor[joint] = blob / blob.sum()
    a = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    faces = np.concatenate([np.stack([a, a + 1, a + side], 1), np.stack([a + 1, a + side + 1, a + side], 1)])
    chosen = rng.permutation(len(faces))[:478]
    barycentric = rng.dirichlet(np.ones(3), 478)
    f32, i32 = np.float32, np.int32
    return HeadModel(
        name="toy",
        template=template.astype(f32),
        shape_basis=smooth(n_shape, 0.004).astype(f32),
        expression_basis=smooth(n_expression, 0.004).astype(f32),
        eyelid_basis=lids.astype(f32),
        pose_basis=smooth(36, 0.001).astype(f32),
        joint_regressor=regressor.astype(f32),
        skinning_weights=weights.astype(f32),
        faces=faces.astype(i32),
        regions=np.ones(count, np.uint8),
        mediapipe_faces=faces[chosen].astype(i32),
        mediapipe_weights=barycentric.astype(f32),
        landmark68_faces=faces[:68].astype(i32),
        landmark68_weights=np.full((68, 3), 1 / 3, f32),
        shape_names=tuple(f"shape{i}" for i in range(n_shape)),
        expression_names=tuple(f"expression{i}" for i in range(n_expression)),
    )


def toy_clip(head: LandmarkHead, count: int = 24, seed: int = 1) -> tuple[ClipState, np.ndarray]:
    """A smoothly moving head; returns the true state and its landmarks (T, 478, 3) in pixels, z relative."""
    generator = torch.Generator().manual_seed(seed)
    time = torch.linspace(0, 1, count, dtype=torch.float64)

    def curves(columns: int, scale: float) -> torch.Tensor:
        phase = torch.rand(columns, generator=generator, dtype=torch.float64) * 6.28
        speed = 1 + 2 * torch.rand(columns, generator=generator, dtype=torch.float64)
        return scale * torch.sin(6.28 * speed * time[:, None] + phase)

    facing = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64))
    rotation = facing @ axis_angle_to_matrix(curves(3, 0.3))
    depth = torch.log(torch.tensor(0.6 / FOCAL, dtype=torch.float64)) + curves(1, 0.05)
    focal = torch.tensor([FOCAL], dtype=torch.float64).log()
    state = neutral_state(rotation, torch.cat([curves(2, 0.02), depth], 1), facing.expand(count, 3, 3), head, focal)
    state.jaw = curves(3, 1.0) * torch.tensor([0.15, 0.01, 0.01]) + torch.tensor([0.15, 0.0, 0.0])
    state.left_eye = curves(3, 1.0) * torch.tensor([0.1, 0.15, 0.0])
    state.right_eye = state.left_eye.clone()
    state.eyelids = curves(2, 0.4) + 0.4
    state.expression = curves(head.n_expression, 1.0)
    state.shape = torch.randn(head.n_shape, generator=generator, dtype=torch.float64)
    seen = project(head, state)
    points = torch.cat([seen.pixels + SIZE / 2, seen.depth[..., None]], -1)
    return state, points.numpy()


@pytest.fixture(scope="session")
def toy() -> SimpleNamespace:
    """The toy head: `model`, its landmarks `head`, the maker of clips `clip`, and the camera's `size` and `focal`."""
    model = toy_model()
    head = landmark_head(model)
    return SimpleNamespace(model=model, head=head, clip=partial(toy_clip, head), size=SIZE, focal=FOCAL)
