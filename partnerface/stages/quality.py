"""Command quality: how well is a clip tracked?"""

import argparse
from pathlib import Path
from typing import Any

from partnerface.artefacts import SubjectFolder

HELP = """\
reads frames.json, landmarks.npz, tracking.npz and head.npz, says how well the fit sits, and writes nothing but what
--json asks for

Landmarks that the fit has not seen cost two further fits, with the settings of the one that is there; --quick leaves
them out. docs/tracking.md says what each figure means."""
SETTINGS = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `partnerface quality`."""
    parser.add_argument("subject_dir", type=Path, metavar="SUBJECT_DIR", help="results/<subject>")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to this file")
    parser.add_argument("--truth", type=Path, metavar="FILE", help="truth.npz of a clip that was made (the demo's)")
    parser.add_argument("--quick", action="store_true", help="without the landmarks that the fit has not seen")


def run(args: argparse.Namespace, settings: None = None) -> None:
    """Measure one subject's tracking."""
    import json

    from partnerface.artefacts.files import atomic
    from partnerface.tracking.table import table

    found = measure(SubjectFolder(args.subject_dir), args.truth, args.quick)
    if args.json:
        with atomic(args.json) as temporary:
            temporary.write_text(json.dumps(found, indent=1) + "\n")
    print(table(found))


def measure(subject: SubjectFolder, truth: Path | None = None, quick: bool = False) -> dict[str, Any]:
    """All figures of a subject; see `partnerface.tracking.quality` for what stands under each name."""
    import numpy as np

    from partnerface.artefacts import read_json, read_npz
    from partnerface.errors import ArtefactError
    from partnerface.head.model import HeadModel
    from partnerface.landmarks.container import Landmarks
    from partnerface.tracking.clip import clip_time, frame_scale
    from partnerface.tracking.curves import unit_px
    from partnerface.tracking.quality import amplitudes, blink_report, error_percent, jitter_report
    from partnerface.tracking.truth import against_truth, read_truth

    landmarks = Landmarks.from_arrays(read_npz(subject.landmarks, "landmarks"), str(subject.landmarks))
    landmarks.require("mediapipe478")
    camera, head = read_json(subject.camera, "frames"), HeadModel.load(subject.head)
    tracking = read_npz(subject.tracking, "tracking")
    counts = {len(landmarks), len(tracking["translation"]), len(camera["time_s"])}
    if len(counts) > 1:
        raise ArtefactError(
            f"{subject.root}: frames, landmarks and tracking have {sorted(counts)} frames; "
            "run `partnerface landmarks` and the stages after it again"
        )
    true = None if truth is None else read_truth(truth)
    time_s, unit, fitted = clip_time(camera), unit_px(head, tracking), tracking["landmarks_px"]
    points, found = landmarks.points, landmarks.found & ~tracking["bridged"]
    out: dict[str, Any] = {
        "subject": subject.name,
        "frames": len(found),
        "bridged": int((~found).sum()),
        "fps": camera["fps"],
        "unit_px": float(np.median(unit)),
        "error_percent": float(error_percent(fitted, points, found, unit).mean()),
        "focal_px": float(np.median(tracking["focal"])),
        "focal_error": float(np.max(tracking["focal_error"])),
        "blinks": blink_report(fitted, points, found, time_s),
        "jitter": jitter_report(fitted, points, found, time_s, unit),
        "amplitude": amplitudes(fitted, points, found, time_s, unit),
    }
    if true is not None:
        index = np.asarray(camera["kept"])
        out["truth"] = against_truth(tracking, true, index, frame_scale(camera), time_s, unit)
    if not quick:
        out["held_out"] = _held_out(subject, landmarks.points, landmarks.found, camera)
    return out


def _held_out(subject: SubjectFolder, points: Any, found: Any, camera: dict[str, Any]) -> dict[str, Any]:
    """Two fits, each of one half of the landmarks, as the tracking was made."""
    import dataclasses

    from partnerface.artefacts.arrays import open_npy
    from partnerface.artefacts.files import read_stamp
    from partnerface.config.settings import TrackingSettings
    from partnerface.head.choose import choose_head
    from partnerface.progress import Progress
    from partnerface.tracking.clip import steps_of, track_clip
    from partnerface.tracking.fit import Tracking
    from partnerface.tracking.quality import held_out

    known = {field.name for field in dataclasses.fields(TrackingSettings)}
    settings = TrackingSettings(**{k: v for k, v in read_stamp(subject.tracking)["params"].items() if k in known})
    head = choose_head(settings.head, settings.head_shapes, settings.head_expressions, settings.head_version).model
    frames = open_npy(subject.frames, "frames") if settings.refine else None
    each = steps_of(settings, camera)
    bar, fits = Progress("quality", 2 * each, unit="step"), 0

    def fit(weights: Any) -> Tracking:
        nonlocal fits
        tracking = track_clip(head, settings, camera, points, found, frames, weights, bar.step)
        fits += 1
        bar.step(fits * each - bar.done)
        return tracking

    return held_out(fit, points, found)
