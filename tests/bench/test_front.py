"""The rows on a clip, run for real on a small one."""

import re

import numpy as np
import pytest

from partnerface import cli
from partnerface.artefacts import SubjectFolder
from partnerface.bench import front, rows
from partnerface.errors import InputError
from tests.bench.test_command import measured
from tests.faces import swaying

pytest.importorskip("mediapipe")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Thirty frames of the swaying portrait, 256 x 256."""
    from partnerface.video.encode import encode

    path = tmp_path_factory.mktemp("clip") / "portrait.mp4"
    encode(path, swaying(30), 25.0)
    return path


def test_every_row_on_a_clip_and_the_training_on_it(clip, tmp_path, capsys):
    file = tmp_path / "bench.json"
    names = [*rows.STAGES, *rows.FITS, "front", "train_step"]
    words = ["bench", *names, "--tiny", "--repeats", "1", "--video", str(clip), "--json", str(file)]
    assert cli.main(words) == 0
    found = measured(file)
    assert list(found) == [*rows.STAGES, *rows.FITS, "front", *rows.MODELS, "train_step"]
    assert {row["unit"] for name, row in found.items() if name != "train_step"} == {"frames/s"}
    for name, model in rows.BARE.items():
        assert found[name]["ratio_to_reference"] == pytest.approx(found[name]["rate"] / found[model]["rate"])
    assert found["tracking"]["ratio_to_reference"] is None
    assert found["front"]["ratio_to_reference"] is None
    assert found["front"]["median_s"] == pytest.approx(sum(found[name]["median_s"] for name in rows.BARE))
    assert all(row["fraction_of_peak"] is None for row in found.values())
    out = capsys.readouterr().out
    for name in rows.FITS:
        assert re.search(rf"fit +{name}: 40 frames in [0-9.]+ s, memory [0-9]+ MB at most", out)
    assert f"24 frames of {clip}, 256 x 256 px; 24 were kept" in out
    assert "22 frames of the clip at 64 px" in out


def test_a_clip_without_a_face_is_one_line_that_names_nothing_that_is_gone(tmp_path):
    from partnerface.video.encode import encode

    clip, subject = tmp_path / "grey.mp4", SubjectFolder(tmp_path / "work")
    encode(clip, [np.full((64, 64, 3), 128, np.uint8)] * 12, 25.0)
    with pytest.raises(InputError, match="no face found") as caught:
        front.run_stage("frames", clip, subject, 64, 12)
    assert str(subject.root) not in str(caught.value)
    assert f"partnerface run {clip}" in str(caught.value)


def test_the_demo_clip_is_made_at_the_size_that_is_asked_for(tmp_path):
    from partnerface.video.probe import probe

    info = probe(front.demo_clip(tmp_path / "clip.mp4", 2, 512))
    assert (info.width, info.height, info.fps, info.has_audio) == (512, 512, 25.0, True)
