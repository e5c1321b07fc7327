"""From frames on disk to rows, to metrics.csv and to protocol.json."""

import argparse
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from partnerface.artefacts.files import check
from partnerface.artefacts.layout import DatasetFolder
from partnerface.config.settings import EvaluateSettings
from partnerface.conventions import DIAGNOSTICS, METRICS, MOTION_METRICS, REGIONS
from partnerface.evaluation.frames import read_frames
from partnerface.evaluation.measure import PLAIN_METRICS, available_metrics, measure
from partnerface.stages import evaluate


@pytest.fixture
def frames(subject):
    return read_frames(DatasetFolder(subject.dataset), subject.run("partnerface"))


@pytest.fixture
def rows(frames):
    return measure(frames, PLAIN_METRICS).rows


def test_rows_by_split_and_region(rows):
    assert list(rows.columns) == ["frame", "split", "region", "metric", "value"]
    psnr = rows[rows.metric == "psnr"].groupby(["split", "region"]).frame.agg(sorted).to_dict()
    assert psnr["train", "full"] == [10, 11]
    assert psnr["tail", "full"] == psnr["tail", "face"] == [16, 17]
    assert psnr["tail", "mouth"] == psnr["tail", "eyes"] == [16]  # frame 17 has no landmarks
    assert psnr["unseen-expression", "full"] == [14, 16]  # frame 16 is in both splits
    assert 15 not in set(rows.frame)  # a guard band
    assert set(rows.region) == set(REGIONS)
    found = {"psnr", "ssim", "ms_ssim", "l1", "flip", "flicker", "psnr_image", "psnr_shifted"}
    assert set(rows.metric) == found <= {*METRICS, *MOTION_METRICS, *DIAGNOSTICS}


def test_values_by_hand(rows, frames):
    position = 6
    difference = (frames.truth[position] / 255.0) - (frames.rendered[4] / 255.0)
    face = np.zeros((96, 96), bool)
    face[20:80, 30:66] = True

    def value(region, metric):
        chosen = rows[(rows.frame == 16) & (rows.split == "tail") & (rows.region == region) & (rows.metric == metric)]
        return float(chosen.value.iloc[0])

    assert value("full", "l1") == pytest.approx(np.abs(difference).mean())
    assert value("full", "psnr") == pytest.approx(-10 * np.log10((difference**2).mean()))
    assert value("face", "psnr") == pytest.approx(-10 * np.log10((difference[face] ** 2).mean()))


def test_threads_change_nothing(rows, frames):
    pd.testing.assert_frame_equal(measure(frames, PLAIN_METRICS, workers=3).rows, rows, check_exact=True)


def test_flicker_is_of_frames_that_follow_each_other_in_one_split(rows, frames):
    flicker = rows[rows.metric == "flicker"]
    # Frame 14 and 16 are of one split, but not neighbours; 15 is a guard band; 17 has no landmarks, so no mouth.
    assert set(map(tuple, flicker[["split", "frame", "region"]].to_numpy())) == {
        *(("train", 11, region) for region in REGIONS),
        *(("tail", 17, region) for region in ("full", "face")),
    }
    truth, image = frames.truth[6:8] / 255.0, frames.rendered[4:6] / 255.0
    expected = np.abs(np.diff(image, axis=0) - np.diff(truth, axis=0)).mean()
    here = flicker[(flicker.split == "tail") & (flicker.region == "full")]
    assert float(here.value.iloc[0]) == pytest.approx(expected)


def test_psnr_under_both_area_rules(rows, frames):
    """What the protocol says is to be added for the other rule is what the other column holds."""
    values = rows[rows.split == "tail"].set_index(["frame", "region", "metric"]).value
    offset = 10 * np.log10(96 * 96 / (60 * 36))
    assert values[16, "face", "psnr_image"] == pytest.approx(values[16, "face", "psnr"] + offset)
    assert values[16, "full", "psnr_image"] == pytest.approx(values[16, "full", "psnr"])


def test_offset_to_the_image_area_rule(rows, frames):
    """Our PSNR of the face and the offset give the PSNR that divides the face's error by the image's area."""
    offset = measure(frames, {}).area_offset_db["tail"]["face"]
    assert offset == pytest.approx(10 * np.log10(96 * 96 / (60 * 36)), abs=1e-6)
    assert measure(frames, {}).coverage["tail"]["full"] == 1
    assert measure(frames, {}).area_offset_db["tail"]["full"] == 0


def test_lpips_is_absent_with_a_reason_and_not_replaced(tmp_path):
    metrics = available_metrics(tmp_path / "nowhere", 96)
    assert set(metrics.present) == set(PLAIN_METRICS)
    assert set(metrics.absent) == {"lpips_alex", "lpips_vgg"}


@pytest.fixture
def evaluated(subject, tmp_path):
    arguments = argparse.Namespace(subject=subject.root, run="partnerface")
    evaluate.run(arguments, EvaluateSettings(lpips_weights=str(tmp_path / "nowhere")))
    return subject.run("partnerface")


def test_stage_writes_table_and_protocol(evaluated, rows):
    table = pd.read_csv(check(evaluated.metrics, "evaluate"))
    assert list(table.columns) == ["frame", "split", "region", "metric", "value"]
    assert len(table) == len(rows)
    np.testing.assert_allclose(table.value, rows.value, rtol=1e-5)
    protocol = json.loads(check(evaluated.protocol, "evaluate").read_text())
    comparable = protocol["comparable"]
    assert (protocol["subject"], protocol["method"], protocol["seed"]) == ("anna", "partnerface", 3)
    assert comparable["mask_policy"] == "head+neck"
    assert comparable["background_srgb"] == [1, 1, 1]
    assert comparable["size"] == [96, 96]
    assert comparable["area_rule"] == "mask"
    assert comparable["metrics"]["ssim"]["window"] == 11
    assert comparable["metrics"]["ms_ssim"]["scales"] == 4
    assert comparable["splits"]["tail"] == {"definition": "tail:0.25", "frames": 2, "scored_frames": 2}
    assert comparable["splits"]["train"]["scored_frames"] == 2
    assert comparable["training_frames"] == 4
    assert set(comparable["truth_sha256"]) == {"rgb.npy", "classes.npy", "dataset.npz"}
    assert protocol["lpips"]["lpips_vgg"] == {"present": False, "reason": "its weights are not on disk"}
    assert protocol["head_model"] == "builtin"
    assert comparable["source_fps"] == 25
    assert comparable["metrics"]["flip"]["pixels_per_degree"] == pytest.approx(67.02, abs=0.01)
    assert comparable["metrics"]["landmark_error"]["points"] == {"face": 92, "mouth": 40, "eyes": 32}
    assert protocol["avatar"] == {"parameters": {"field": 7}, "seconds": 1.5}
    assert protocol["processor"]
    assert set(protocol["versions"]) == {"partnerface", "python", "torch", "numpy"}


def test_stage_with_lpips_weights(subject, tmp_path, write_weights):
    (tmp_path / "weights").mkdir()
    write_weights(tmp_path / "weights", "alex")
    settings = EvaluateSettings(lpips_weights=str(tmp_path / "weights"), lpips_device="cpu")
    evaluate.run(argparse.Namespace(subject=subject.root, run="partnerface"), settings)
    table = pd.read_csv(subject.run("partnerface").metrics)
    counts = table.groupby("metric").size()
    assert counts["lpips_alex"] == counts["psnr"]
    assert "lpips_vgg" not in counts
    lpips = json.loads(subject.run("partnerface").protocol.read_text())["lpips"]
    assert lpips["lpips_alex"]["present"]
    assert lpips["lpips_alex"]["device"] == "cpu"
    assert set(lpips["lpips_alex"]["sha256"]) == {"alexnet-owt-7be5be79.pth", "alex.pth"}
    assert lpips["lpips_vgg"]["present"] is False


def test_seed_of_the_folder_when_the_avatar_does_not_say(subject, tmp_path):
    source, run = subject.run("partnerface"), subject.run("partnerface/seed1")
    run.root.mkdir()
    for name in ("renders.npy", "renders.npz"):
        for suffix in ("", ".stamp.json"):
            (run.root / (name + suffix)).write_bytes((source.root / (name + suffix)).read_bytes())
    evaluate.run(argparse.Namespace(subject=subject.root, run="partnerface/seed1"), EvaluateSettings())
    protocol = json.loads(run.protocol.read_text())
    assert (protocol["run"], protocol["method"], protocol["seed"]) == ("partnerface/seed1", "partnerface", 1)


def test_evaluation_imports_without_the_stages_before_it():
    """On a GPU node there is neither OpenCV nor scipy nor scikit-image nor MediaPipe."""
    code = (
        "import sys\n"
        "for name in ('cv2', 'scipy', 'skimage', 'mediapipe', 'matplotlib', 'PIL'): sys.modules[name] = None\n"
        "import partnerface.stages.evaluate, partnerface.evaluation.measure, partnerface.evaluation.protocol\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
