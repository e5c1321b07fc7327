"""A dataset folder of the toy head, drawn by the rasteriser: the truth is known and small."""

from pathlib import Path

import numpy as np

from partnerface.artefacts import write, write_npz
from partnerface.artefacts.layout import DatasetFolder, SubjectFolder
from partnerface.avatar.motion import Motion
from partnerface.conventions import CLASS_NAMES
from partnerface.geometry.rasterize import rasterize
from partnerface.head.skinning import head_tensors
from tests.avatar.toy import camera, toy_colours, toy_head, toy_motion

COAT = (20, 40, 160)


def write_toy_subject(
    root: Path, frames: int = 24, size: int = 48, policy: str = "head+neck", down: float = 0.0
) -> SubjectFolder:
    """Write <root>/dataset/ with the last fifth held out as split `tail:0.2`; the head `down` metres lower than usual,
    where its upper half is out of the picture (0.2 brings it into the middle).

    Under the policy `full` a blue coat that keeps still stands below and behind the head.
    """
    import torch

    head, arrays = toy_head(), toy_motion(frames)
    arrays["translation"][:, 1] += down
    colours, k = toy_colours(head.template), camera(size).numpy()
    posed = Motion.from_arrays(arrays).pose(head_tensors(head), torch.zeros(1)).vertices.numpy()
    rgb = np.full((frames, size, size, 3), 255, np.uint8)
    alpha = np.zeros((frames, size, size), np.uint8)
    landmarks = np.zeros((frames, 478, 2), np.float32)
    for i, vertices in enumerate(posed):
        pixels = vertices[:, :2] / vertices[:, 2:] * k[0, 0] + k[:2, 2]
        face, weights, _ = rasterize(pixels, vertices[:, 2], head.faces, size, size)
        seen = face >= 0
        shade = (colours[head.faces[face[seen]]] * weights[seen][..., None]).sum(1)
        rgb[i][seen] = (shade * 255).round()
        alpha[i][seen] = 255
        landmarks[i] = pixels[head.mediapipe_faces[:, 0]]
    classes = (alpha > 0).astype(np.uint8)
    if policy == "full":
        coat = (alpha == 0) & (np.arange(size)[:, None] >= size - size // 4)
        rgb[coat], alpha[coat], classes[coat] = COAT, 255, CLASS_NAMES.index("cloth")
    heldout = np.zeros((1, frames), bool)
    heldout[0, -frames // 5 :] = True
    subject = SubjectFolder(root)
    names = DatasetFolder(subject.dataset)
    for path, array in ((names.rgb, rgb), (names.alpha, alpha), (names.classes, classes)):
        with write(path, "dataset") as temporary:
            np.save(temporary, array)
    write_npz(
        names.parameters,
        arrays
        | {
            "K": np.tile(k, (frames, 1, 1)),
            "background": np.ones(3, np.float32),
            "mask_policy": np.array(policy),
            "frame": np.arange(frames),
            "time_s": np.arange(frames) / 25,
            "landmarks": landmarks,
            "splits": np.array(["tail:0.2"]),
            "heldout": heldout,
            "train": ~heldout[0],
            "fps": np.array(25.0),
        },
        "dataset",
    )
    head.save(names.head, "dataset")
    return subject
