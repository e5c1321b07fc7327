"""A video tracked in a folder of its own, by the stages frames, landmarks and tracking; what is done is not redone."""

import argparse
import dataclasses
import importlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from partnerface import __version__
from partnerface.artefacts import SubjectFolder
from partnerface.artefacts.files import digest, read_stamp, stamp_path
from partnerface.errors import ArtefactError

STAGES = ("frames", "landmarks", "tracking")


def track_video(video: Path, root: Path, settings: Mapping[str, Any]) -> SubjectFolder:
    """Leave in `root` what the three stages make of a video.

    Each is run unless its files are there, whole, of this version, and made from the same bytes with the same settings.
    A killed call goes on with the stage that it was in.

    Args:
        video: the video.
        root: the folder, made if it is not there.
        settings: of the sections STAGES.

    Raises:
        PartNerFaceError: as the stages.
    """
    folder = SubjectFolder(root)
    # What a stage leaves that the next ones or a driver need, and what it depends on.
    steps = {
        "frames": ((folder.frames, folder.frame_index, folder.sound, folder.camera), (video,)),
        "landmarks": ((folder.landmarks,), (folder.frames, folder.camera)),
        "tracking": ((folder.tracking, folder.head), (folder.landmarks, folder.camera)),
    }
    for stage, (outputs, inputs) in steps.items():
        if is_done(outputs, inputs, dataclasses.asdict(settings[stage])):
            continue
        args = argparse.Namespace(subject_dir=folder.root, video=[video])
        importlib.import_module(f"partnerface.stages.{stage}").run(args, settings[stage])
    return folder


def is_done(outputs: Sequence[Path], inputs: Sequence[Path], params: Mapping[str, Any]) -> bool:
    """Whether files are there, of this version, and made from these inputs with these settings."""
    wanted, known = json.loads(json.dumps(params)), {path.name: _digest(path) for path in inputs}
    for path in outputs:
        try:
            stamp = read_stamp(path)
        except ArtefactError:
            return False
        if not path.is_file() or path.stat().st_size != stamp["bytes"] or stamp["version"] != __version__:
            return False
        if any(stamp["params"].get(name, ...) != value for name, value in wanted.items()):
            return False
        if any(stamp["inputs"].get(name) != value for name, value in known.items()):
            return False
    return True


def _digest(path: Path) -> str:
    return read_stamp(path)["sha256"] if stamp_path(path).exists() else digest(path)
