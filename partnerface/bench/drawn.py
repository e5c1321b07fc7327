"""A drawn head, an ellipsoid of a head's size and fineness, for machines without the packages of the stages.

It stands in for a subject where no clip is looked at, and gives the geometric ops a surface to work on.
"""

from pathlib import Path

import numpy as np

from partnerface.artefacts import write, write_npz
from partnerface.artefacts.layout import DatasetFolder, SubjectFolder
from partnerface.conventions import CLASS_NAMES, FACING_CAMERA
from partnerface.geometry.mesh import subdivide
from partnerface.head.model import HeadModel

#: Half axes and joints (global, neck, jaw, eyes), m.
AXES = (0.075, 0.11, 0.09)
JOINTS = ((0, -0.1, 0), (0, -0.05, 0), (0, 0, 0.01), (0.03, 0.03, 0.07), (-0.03, 0.03, 0.07))
#: An octahedron's triangles are split in four so many times: 4098 vertices, about as many as a head model has.
SPLITS = 5
#: As many components as move the built-in head: bumps of a few mm here and there.
EXPRESSIONS, BUMP_M, BUMP_WIDTH = 50, 0.004, 0.02
DISTANCE_M, FOCAL_WIDTHS, FPS = 0.6, 1.6, 25.0


def drawn_head() -> HeadModel:
    """The head model; its lower front follows the jaw."""
    unit = np.concatenate([np.eye(3), -np.eye(3)])
    # Right-handed corners of the eight octants, outside up.
    faces = np.array([[0, 1, 2], [1, 3, 2], [3, 4, 2], [4, 0, 2], [1, 0, 5], [3, 1, 5], [4, 3, 5], [0, 4, 5]])
    for _ in range(SPLITS):
        unit, faces, _ = subdivide(unit, faces, roundness=0.0)
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    template, count = unit * AXES, len(unit)
    random = np.random.default_rng(0)
    front = np.flatnonzero(unit[:, 2] > 0.3)
    place = template[random.choice(front, EXPRESSIONS, replace=False)]
    bump = np.exp(-((template[:, None] - place) ** 2).sum(-1) / (2 * BUMP_WIDTH**2))
    jaw = np.clip((-unit[:, 1] - 0.1) * 2, 0, 1) * np.clip(unit[:, 2] * 3, 0, 1)
    weights = np.zeros((count, len(JOINTS)))
    weights[:, 2], weights[:, 1] = jaw, 1 - jaw
    # Of all weights that give the joint and sum to 1 the smallest.
    solve = np.linalg.pinv(np.concatenate([template.T, np.ones((1, count))]))
    regressor = np.array([solve @ np.array([*joint, 1.0]) for joint in JOINTS])
    marks = np.repeat(random.choice(front, 478)[:, None], 3, 1).astype(np.int32)
    third = np.full((478, 3), 1 / 3, np.float32)
    return HeadModel(
        name="drawn",
        template=template.astype(np.float32),
        shape_basis=(0.05 * template[:, :, None]).astype(np.float32),
        expression_basis=(BUMP_M * unit[:, :, None] * bump[:, None]).astype(np.float32),
        eyelid_basis=np.zeros((count, 3, 2), np.float32),
        pose_basis=np.zeros((count, 3, 36), np.float32),
        joint_regressor=regressor.astype(np.float32),
        skinning_weights=weights.astype(np.float32),
        faces=faces.astype(np.int32),
        regions=np.full(count, CLASS_NAMES.index("skin"), np.uint8),
        mediapipe_faces=marks,
        mediapipe_weights=third,
        landmark68_faces=marks[:68],
        landmark68_weights=third[:68],
        shape_names=("size",),
        expression_names=tuple(f"bump{k}" for k in range(EXPRESSIONS)),
    )


def drawn_motion(frames: int) -> dict[str, np.ndarray]:
    """Smooth motion of the drawn head in front of the camera, under FLAME's names."""
    time, random = np.arange(frames)[:, None] / FPS, np.random.default_rng(1)

    def wave(width: int, size: float) -> np.ndarray:
        rate, phase = random.uniform(0.2, 1.5, width), random.uniform(0, 2 * np.pi, width)
        return (size * np.sin(2 * np.pi * rate * time + phase)).astype(np.float32)

    zero = np.zeros((frames, 3), np.float32)
    return {
        "shape": np.zeros(1, np.float32),
        "expression": wave(EXPRESSIONS, 1.0),
        "global_orient": np.array(FACING_CAMERA, np.float32) + zero,
        "neck_pose": wave(3, 0.15),
        "jaw_pose": np.abs(wave(1, 0.25)) * np.array([1, 0, 0], np.float32),
        "eye_pose": np.tile(zero, 2),
        "eyelids": zero[:, :2],
        "translation": np.array([0, 0, DISTANCE_M], np.float32) + wave(3, 0.01),
    }


def drawn_subject(root: Path, frames: int, size: int) -> SubjectFolder:
    """Write <root>/dataset/, as the stage dataset would: pictures of `size` px, the last tenth held out."""
    import torch

    from partnerface.avatar.motion import Motion
    from partnerface.geometry.rasterize import rasterize
    from partnerface.head.skinning import head_tensors

    head, arrays = drawn_head(), drawn_motion(frames)
    focal, middle = FOCAL_WIDTHS * size, size / 2
    posed = Motion.from_arrays(arrays).pose(head_tensors(head), torch.zeros(1)).vertices.numpy()
    colours = 0.5 + 0.4 * np.sin(150 * head.template + [0.0, 1.0, 2.0])
    rgb, alpha = np.full((frames, size, size, 3), 255, np.uint8), np.zeros((frames, size, size), np.uint8)
    landmarks = np.zeros((frames, 478, 2), np.float32)
    for k, vertices in enumerate(posed):
        pixels = vertices[:, :2] / vertices[:, 2:] * focal + middle
        face, shares, _ = rasterize(pixels, vertices[:, 2], head.faces, size, size)
        seen = face >= 0
        rgb[k][seen] = (255 * (colours[head.faces[face[seen]]] * shares[seen][..., None]).sum(1)).round()
        alpha[k][seen] = 255
        landmarks[k] = pixels[head.mediapipe_faces[:, 0]]
    subject = SubjectFolder(root)
    names, stage = DatasetFolder(subject.dataset), "dataset"
    classes = np.where(alpha > 0, CLASS_NAMES.index("skin"), 0).astype(np.uint8)
    for path, array in ((names.rgb, rgb), (names.alpha, alpha), (names.classes, classes)):
        with write(path, stage) as temporary:
            np.save(temporary, array)
    heldout = np.arange(frames) >= frames - max(2, frames // 10)
    values = {
        "K": np.tile(np.array([[focal, 0, middle], [0, focal, middle], [0, 0, 1]], np.float32), (frames, 1, 1)),
        "background": np.ones(3, np.float32),
        "mask_policy": np.array("head+neck"),
        "frame": np.arange(frames),
        "time_s": np.arange(frames) / FPS,
        "fps": np.array(FPS),
        "landmarks": landmarks,
        "splits": np.array(["last"]),
        "heldout": heldout[None],
        "train": ~heldout,
    }
    write_npz(names.parameters, arrays | values, stage)
    head.save(names.head, stage)
    return subject
