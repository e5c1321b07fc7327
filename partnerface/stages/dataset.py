"""Stage dataset: everything that training, rendering and evaluation need, in one folder."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from partnerface.config.settings import DatasetSettings

HELP = (
    "reads frames, masks, landmarks and the fitted head, writes dataset/ (images over a plain background with the mask "
    "policy's alpha, parameters, camera, and which frames are held out), which training needs alone"
)
SETTINGS = DatasetSettings
#: sRGB of the plain backgrounds.
BACKGROUNDS = {"white": (1.0, 1.0, 1.0), "black": (0.0, 0.0, 0.0), "grey": (0.5, 0.5, 0.5)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `partnerface dataset`."""
    parser.add_argument("subject_dir", type=Path, metavar="SUBJECT_DIR", help="results/<subject>")


def run(args: argparse.Namespace, settings: DatasetSettings) -> None:
    """Composite, shrink, split, store.

    Raises:
        ConfigError: the splits are impossible for this clip.
        ArtefactError: an input is missing or damaged, or inputs are of different runs.
    """
    import contextlib
    import dataclasses

    import numpy as np

    from partnerface.artefacts import SubjectFolder, read_json, read_npz, write, write_npz
    from partnerface.artefacts.arrays import npy_writer, open_npy
    from partnerface.artefacts.files import read_stamp
    from partnerface.artefacts.layout import DatasetFolder
    from partnerface.errors import ArtefactError
    from partnerface.geometry.camera import crop_intrinsics, intrinsics
    from partnerface.head.convert import check_same_head
    from partnerface.head.model import HeadModel
    from partnerface.parsing.compose import compose
    from partnerface.parsing.policy import policy_alpha
    from partnerface.progress import track
    from partnerface.training.splits import make_splits, parse_splits
    from partnerface.training.unseen import expression_features

    stage, folder = "dataset", SubjectFolder(args.subject_dir)
    out, specs = DatasetFolder(folder.dataset), parse_splits(settings.splits)
    camera = read_json(folder.camera, "frames")
    tracking, landmarks = read_npz(folder.tracking, "tracking"), read_npz(folder.landmarks, "landmarks")
    frames, head = open_npy(folder.frames, "frames"), HeadModel.load(folder.head)
    check_same_head(tracking, head, folder.tracking)
    alpha, classes = open_npy(folder.alpha, "parsing"), open_npy(folder.classes, "parsing")
    count, source = len(frames), frames.shape[1]
    for path, length, maker in (
        (folder.landmarks, len(landmarks["points"]), "landmarks"),
        (folder.tracking, len(tracking["translation"]), "tracking"),
        (folder.alpha, len(alpha), "parsing"),
        (folder.classes, len(classes), "parsing"),
    ):
        if length != count:
            raise ArtefactError(f"{path} has {length} frames, frames.npy {count}; run `partnerface {maker}` again")
    size = min(settings.size, source)
    scale = size / source
    frame, time_s = np.array(camera["kept"]), np.array(camera["time_s"])
    features = expression_features(tracking["expression"], tracking["jaw_pose"], tracking["eyelids"])
    splits = make_splits(specs, frame, time_s, features, camera["video"])
    background = np.array(BACKGROUNDS[settings.background], np.float32)

    inputs = [folder.frames, folder.alpha, folder.classes, folder.tracking, folder.landmarks, folder.head]
    params = dataclasses.asdict(settings)
    with contextlib.ExitStack() as stack:
        paths = [stack.enter_context(write(path, stage, inputs, params)) for path in (out.rgb, out.alpha, out.classes)]
        shapes = [(count, size, size, 3), (count, size, size), (count, size, size)]
        append_rgb, append_alpha, append_classes = (
            stack.enter_context(npy_writer(path, shape, "uint8")) for path, shape in zip(paths, shapes, strict=True)
        )
        for index in track(range(count), stage, count):
            kept = policy_alpha(alpha[index], classes[index], settings.mask_policy) / np.float32(255)
            rgb, small, labels = compose(frames[index], kept, classes[index], background, size)
            append_rgb(rgb)
            append_alpha(small)
            append_classes(labels)
    arrays = {
        **tracking,
        "K": np.stack(
            [
                crop_intrinsics(intrinsics(float(focal), middle), 0, 0, scale)
                for focal, middle in zip(tracking["focal"], tracking["principal_point"], strict=True)
            ]
        ),
        "background": background,
        "mask_policy": np.array(settings.mask_policy),
        "frame": frame,
        "time_s": time_s,
        "fps": np.array(float(camera["fps"])),
        "landmarks": (landmarks["points"][..., :2] * scale).astype(np.float32),
        "splits": np.array(splits.names),
        "split_settings": np.array([spec.text for spec in specs]),
        "heldout": splits.heldout,
        "guard": splits.guard,
        # Where the pose is only interpolated there is nothing to learn from.
        "train": splits.train & ~tracking["bridged"],
        "twin_distance": np.array(splits.twin_distance),
        "novelty": splits.novelty,
        # For whoever has the avatar alone: where in the video the frames are from, and what else their masks hang on.
        "crop": np.array([clip["crop"] for clip in camera["clips"]]),
        "licences": np.array(_licences(read_stamp(folder.alpha)["params"]), dtype=np.str_),
    }
    write_npz(out.parameters, arrays, stage, inputs, **params)
    head.save(out.head, stage)


def _licences(parsing: Mapping[str, Any]) -> list[str]:
    """Under which terms the networks are that made the masks, a line each, from the settings in their stamp."""
    from partnerface.parsing.weights import KNOWN

    if "alpha" not in parsing:
        # Stamps are not carried by object storage.
        return ["masks: by what parsing.alpha and parsing.classes of the run name"]
    used = [KNOWN[choice] for choice in (parsing.get("alpha"), parsing.get("classes")) if choice in KNOWN]
    return [f"{file.what}: {file.licence}" for file in used] or ["MediaPipe's selfie segmentation: Apache-2.0"]
