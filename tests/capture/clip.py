"""A tracked clip made by hand: the portrait, swaying, with the built-in head laid over its face."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from partnerface.artefacts import SubjectFolder, write, write_json, write_npz
from partnerface.capture.assess import assess
from partnerface.capture.face import FaceTrack
from partnerface.conventions import CLASS_NAMES
from partnerface.geometry.camera import project
from partnerface.head.builtin import builtin_head
from partnerface.head.model import HeadModel
from partnerface.head.points import OVAL
from partnerface.head.posing import posed_landmarks
from tests.faces import swaying
from tests.parsing.subject import FOCAL, SIZE, tracking

FPS = 25.0


def landmarks(head: HeadModel, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """(N, 478, 2) px of the posed head's points."""
    return project(posed_landmarks(head, arrays), FOCAL, arrays["principal_point"][:, None])


def still(count: int) -> dict[str, np.ndarray]:
    """The arrays of tracking.npz for a face at rest in `swaying(count)`."""
    head = builtin_head()
    arrays = tracking(head, count)
    arrays |= {name: np.zeros_like(arrays[name]) for name in ("expression", "jaw_pose")}
    return {**arrays, "bridged": np.zeros(count, bool), "landmarks_px": landmarks(head, arrays).astype(np.float32)}


def skin_classes(points: np.ndarray) -> np.ndarray:
    """(N, SIZE, SIZE) uint8: skin within the oval of the face, background elsewhere."""
    import cv2

    out = np.zeros((len(points), SIZE, SIZE), np.uint8)
    for image, oval in zip(out, points[:, list(OVAL)], strict=True):
        cv2.fillPoly(image, [np.round(oval).astype(np.int32)], (CLASS_NAMES.index("skin"),))
    return out


def face_track(arrays: dict[str, np.ndarray], time_s: np.ndarray) -> FaceTrack:
    """The face of a clip whose landmarks are the fitted head's."""
    count = len(time_s)
    return FaceTrack.of_clip(time_s, None, np.ones(count, bool), np.ones(count), arrays)


def assess_frames(frames: Sequence[np.ndarray], fps: float = FPS, **changes: np.ndarray) -> dict[str, Any]:
    """capture.json of frames made from `swaying`."""
    count = len(frames)
    arrays = {**still(count), **changes}
    time_s = np.arange(count) / fps
    sources = [(float(time), "kept") for time in time_s]
    classes = skin_classes(arrays["landmarks_px"])
    return assess(frames, classes, face_track(arrays, time_s), builtin_head(), arrays, sources)


def values(result: dict[str, Any]) -> dict[str, Any]:
    """Name of a measure → its value, a number or None."""
    return {row["name"]: row["value"] for row in result["measures"]}


def states(result: dict[str, Any]) -> dict[str, str | None]:
    """Name of a measure → its state."""
    return {row["name"]: row["state"] for row in result["measures"]}


def write_clip(root: Path, count: int = 30) -> SubjectFolder:
    """All that the stage capture reads; two more source frames were dropped in the middle."""
    folder, head = SubjectFolder(root), builtin_head()
    arrays = still(count)
    source = np.array([n for n in range(count + 2) if n not in (count // 2, count // 2 + 1)])
    with write(folder.frames, "frames") as path:
        np.save(path, np.stack(swaying(count, SIZE)))
    with write(folder.classes, "parsing") as path:
        np.save(path, skin_classes(arrays["landmarks_px"]))
    rows = [f"{n},{n / FPS:.6f},{'kept,' if n in source else 'no_face,no face found'}" for n in range(count + 2)]
    with write(folder.frame_index, "frames") as path:
        path.write_text("\n".join(["frame,time_s,status,reason", *rows]) + "\n")
    camera = {"size": SIZE, "fps": FPS, "kept": source.tolist(), "time_s": (source / FPS).tolist(), "video": "me.mp4"}
    write_json(folder.camera, camera, "frames")
    found = {
        "points": np.dstack([arrays["landmarks_px"], np.zeros((count, 478))]).astype(np.float32),
        "found": np.arange(count) != 3,
        "confidence": np.where(np.arange(count) != 3, 0.99, 0).astype(np.float32),
        "scheme": np.array("mediapipe478"),
    }
    write_npz(folder.landmarks, found, "landmarks")
    write_npz(folder.tracking, arrays, "tracking")
    head.save(folder.head)
    return folder
