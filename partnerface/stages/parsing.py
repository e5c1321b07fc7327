"""Stage parsing: soft alpha and semantic classes of each stored frame."""

import argparse
from pathlib import Path

from partnerface.config.settings import ParsingSettings

HELP = (
    "reads frames.npy, landmarks.npz and the fitted head, writes alpha.npy (soft mask of the person), classes.npy "
    "(skin, brows, eyes, nose, lips, mouth, ears, hair, neck, cloth) masks.npz (how much "
    "the outline trembles) and masks.jpg (a sheet to look at)"
)
SETTINGS = ParsingSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `partnerface parsing`."""
    parser.add_argument("subject_dir", type=Path, metavar="SUBJECT_DIR", help="results/<subject>")


def run(args: argparse.Namespace, settings: ParsingSettings) -> None:
    """Mask and label every frame."""
    import dataclasses
    import sys

    import numpy as np

    from partnerface.artefacts import SubjectFolder, read_json, read_npz, write, write_npz
    from partnerface.artefacts.arrays import npy_writer, open_npy
    from partnerface.head.convert import check_same_head
    from partnerface.head.model import HeadModel
    from partnerface.landmarks.container import Landmarks
    from partnerface.parsing.parse import ClipParser
    from partnerface.parsing.preview import TILES, mask_tiles
    from partnerface.progress import Progress
    from partnerface.video.sheet import save_jpeg, sheet

    folder, stage = SubjectFolder(args.subject_dir), "parsing"
    frames, camera = open_npy(folder.frames, "frames"), read_json(folder.camera, "frames")
    landmarks = Landmarks.from_arrays(read_npz(folder.landmarks, "landmarks"), str(folder.landmarks))
    tracking, head = read_npz(folder.tracking, "tracking"), HeadModel.load(folder.head)
    check_same_head(tracking, head, folder.tracking)
    inputs = [folder.frames, folder.landmarks, folder.tracking, folder.head]
    parser = ClipParser(frames, landmarks.points, landmarks.found, head, tracking, settings)
    params = dataclasses.asdict(settings) | {"weights_read": parser.weights}
    for name, digest in parser.weights.items():
        print(f"parsing: weights {name}, SHA-256 {digest}", file=sys.stderr)
    shown = set(np.linspace(0, len(frames) - 1, min(TILES, len(frames))).round().astype(int).tolist())
    tiles: list[np.ndarray] = []
    flicker: list[float] = []
    bar = Progress(stage, len(frames))
    with (
        parser,
        write(folder.classes, stage, inputs, params) as classes_path,
        write(folder.alpha, stage, inputs, params) as alpha_path,
        npy_writer(classes_path, frames.shape[:3], "uint8") as append_classes,
        npy_writer(alpha_path, frames.shape[:3], "uint8") as append_alpha,
    ):
        parser.learn()
        for index, parsed in enumerate(parser.parse()):
            append_alpha(parsed.alpha)
            append_classes(parsed.classes)
            flicker.append(parsed.flicker)
            if index in shown:
                tiles += mask_tiles(frames[index], parsed.alpha, parsed.classes, int(camera["kept"][index]))
            bar.step()
    told = np.isfinite(flicker)
    measured = {"flicker_px": round(float(np.mean(np.array(flicker)[told])), 5) if told.any() else 0.0}
    print(
        f"parsing: the mask's outline trembles by {measured['flicker_px']:.2f} px from frame to frame", file=sys.stderr
    )
    arrays = {"flicker_px": np.array(flicker, np.float32), "image_size": np.array(frames.shape[1])}
    write_npz(folder.masks, arrays, stage, inputs, **params, **measured)
    with write(folder.masks_sheet, stage, inputs, params | measured) as path:
        save_jpeg(str(path), sheet(tiles, columns=8))
