"""A toy avatar on disk: untrained, so that it shows the head model's skin; its parts move it all the same."""

from pathlib import Path

import numpy as np
import torch

from partnerface.artefacts import write_npz
from partnerface.avatar.deformation import partition
from partnerface.avatar.methods import AvatarConfig
from partnerface.avatar.model import Avatar
from partnerface.avatar.motion import Motion, Whitening
from partnerface.avatar.retrieval import save_retrieval
from partnerface.avatar.store import KnownMotion, save_avatar
from partnerface.avatar.surface import Surface
from partnerface.conventions import MOTION_NAMES
from partnerface.head.skinning import head_tensors
from tests.avatar.toy import camera, toy_head, toy_motion

SIZE, FRAMES, PARTS = 64, 12, 4
#: How far above the camera's axis, and before it, the toy's middle lies, m: it turns to the camera about its root.
ABOVE, DISTANCE = 0.2, 0.6


def toy_avatar(parts: int = PARTS, shoulders: bool = False) -> Avatar:
    """An avatar whose local MLPs move what they weigh: each one elsewhere, by some millimetres."""
    torch.manual_seed(0)
    head, motion = toy_head(), Motion.from_arrays(toy_motion(FRAMES))
    surface = Surface(head_tensors(head), torch.zeros(1), torch.as_tensor(head.faces), 0.2)
    whitenings = Whitening.fit(motion.face_features(), 8), Whitening.fit(motion.pose_features(), 6, share=1.0)
    hull = torch.cdist(surface.box.centres(surface.resolution), surface.canonical).amin(1) < 0.02
    config = AvatarConfig(parts=parts, shoulders=shoulders, levels=4, log2_size=10)
    centres = partition(surface.canonical, torch.ones(len(surface.canonical)), max(parts, 1))
    avatar = Avatar(config, surface, *whitenings, hull.view(surface.resolution), centres)
    with torch.no_grad():
        if avatar.deformation is not None:
            avatar.deformation.biases[-1].normal_()
        if avatar.deformation is not None and avatar.deformation.assigner is not None:
            for value in avatar.deformation.assigner[-1].parameters():
                value.mul_(20)
        avatar.field.table.uniform_(-1, 1)
    return avatar.eval()


def facts(**more) -> dict:
    """What the header of such an avatar says."""
    k = camera(SIZE)
    k[1, 2] += k[1, 1] * ABOVE / DISTANCE
    return {
        "method": "partnerface",
        "settings": {"step_mm": 4.0},
        "camera": k.tolist(),
        "size": [SIZE, SIZE],
        "background": [1.0, 1.0, 1.0],
        "head": "toy",
        "expression_names": ["up_left", "up_right", "front"],
        **more,
    }


def known(neutral: int = 0) -> KnownMotion:
    """The toy's motion, at rest in one of its frames."""
    motion = {name: value for name, value in toy_motion(FRAMES).items() if name in MOTION_NAMES}
    rest = {name: value[neutral] for name, value in motion.items()}
    return KnownMotion(motion, np.arange(FRAMES) / 25, rest, 1.0)


def write_toy(root: Path, **more) -> Path:
    """Write <root>/partnerface/avatar.safetensors and <root>/tracking.npz; the folder of the run."""
    run = root / "partnerface"
    run.mkdir(parents=True)
    save_avatar(run / "avatar.safetensors", toy_avatar(), torch.as_tensor(toy_head().faces), facts(**more), known())
    write_npz(root / "tracking.npz", toy_motion(FRAMES) | {"head_name": np.array("toy")}, "tracking")
    return run


def write_toy_retrieval(path: Path) -> Path:
    """Write the table of the baseline."""
    save_retrieval(path, np.zeros((2, 4, 2)), np.arange(2), facts())
    return path
