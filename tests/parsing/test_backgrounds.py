"""Real clips before difficult backgrounds, labelled by hand: no patch of the background stays, and the head does."""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from partnerface.artefacts import SubjectFolder, read_json, write, write_json
from partnerface.artefacts.arrays import open_npy
from partnerface.config.settings import FramesSettings, LandmarksSettings, ParsingSettings, TrackingSettings
from partnerface.parsing.policy import policy_alpha
from partnerface.stages import frames, landmarks, parsing, tracking

cv2 = pytest.importorskip("cv2")
pytest.importorskip("mediapipe")

LABELS = Path(__file__).with_name("labels")
VIDEOS = Path(__file__).resolve().parents[3] / "shared" / "videos"
#: The greatest patch of background with alpha > 0.5 that may stay, and the sum of alpha over all of it, both in % of
#: the image.
LARGEST_PATCH, SUM = 0.5, 1.0
#: How much of the head's alpha has to be kept, in %.
KEPT = 99.0


def neighbourhoods(video: Path, wanted: list[int], root: Path) -> SubjectFolder:
    """A tracked and parsed subject of the wanted source frames and one neighbour on either side, each a take."""
    whole, part = SubjectFolder(root / "whole"), SubjectFolder(root / "part")
    frames.run(argparse.Namespace(video=[video], subject_dir=whole.root), FramesSettings())
    camera, pictures = read_json(whole.camera, "frames"), open_npy(whole.frames, "frames")
    place = {number: index for index, number in enumerate(camera["kept"])}
    chosen = [
        (take, place[n]) for take, number in enumerate(wanted) for n in range(number - 1, number + 2) if n in place
    ]
    indices = [index for _, index in chosen]
    count = len(camera["kept"])
    camera = {
        name: [value[index] for index in indices] if isinstance(value, list) and len(value) == count else value
        for name, value in camera.items()
    } | {"take": [take for take, _ in chosen]}
    with write(part.frames, "frames") as path:
        np.save(path, np.stack([pictures[index] for index in indices]))
    write_json(part.camera, camera, "frames")
    with write(part.sound, "frames") as path:
        shutil.copyfile(whole.sound, path)
    stages = {landmarks: LandmarksSettings(), tracking: TrackingSettings(), parsing: ParsingSettings()}
    for stage, settings in stages.items():
        stage.run(argparse.Namespace(subject_dir=part.root), settings)
    return part


def filled(polygons: list, camera: dict) -> np.ndarray:
    """(s, s) bool: inside polygons of source pixels."""
    left, top, right, _ = camera["clips"][0]["crop"]
    scale, bits = camera["size"] / (right - left), 4
    # OpenCV puts pixel centres at whole numbers.
    points = [np.round(((np.array(each) - [left, top]) * scale - 0.5) * 2**bits).astype(np.int32) for each in polygons]
    out = np.zeros((camera["size"], camera["size"]), np.uint8)
    cv2.fillPoly(out, points, [1], shift=bits)
    return out > 0


@pytest.mark.parametrize("name", ["d13", "d20"])
def test_no_background_stays_and_all_of_the_head_does(name: str, tmp_path: Path) -> None:
    labels = json.loads((LABELS / f"{name}.json").read_text())
    video = VIDEOS / labels["clip"]
    if not video.is_file():
        pytest.skip(f"{video} is not there; it comes from the examples of the LivePortrait repository")
    numbers = [row["frame"] for row in labels["frames"]]
    folder = neighbourhoods(video, numbers, tmp_path)
    camera = read_json(folder.camera, "frames")
    alphas, classes = open_npy(folder.alpha, "parsing"), open_npy(folder.classes, "parsing")
    judged = 0
    for row in labels["frames"]:
        if row["frame"] not in camera["kept"]:
            continue
        judged += 1
        index = camera["kept"].index(row["frame"])
        background, head = filled(row["background"], camera), filled(row["person"], camera)
        # The person as such, and what training sees; without the neck a little less of the chin may stay.
        for policy in ("full", "head+neck"):
            alpha = policy_alpha(alphas[index], classes[index], policy) / 255
            patches = cv2.connectedComponentsWithStats((background & (alpha > 0.5)).astype(np.uint8))[2][1:]
            largest = 100 * patches[:, cv2.CC_STAT_AREA].max(initial=0) / alpha.size
            total = 100 * alpha[background].sum() / alpha.size
            kept = 100 * alpha[head].mean()
            words = f"{name}, frame {row['frame']}, policy {policy}"
            print(f"{words}: largest patch {largest:.3f} %, sum {total:.3f} %, head kept {kept:.2f} %")
            assert largest <= LARGEST_PATCH, words
            assert total <= SUM, words
            assert kept >= KEPT, words
    assert judged >= 12
