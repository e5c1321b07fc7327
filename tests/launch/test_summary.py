"""The last lines of a run."""

import pytest

from partnerface.artefacts.files import write_json
from partnerface.config.document import read_config
from partnerface.launch.summary import metric_table, summary

TABLE = """\
subject,method,split,region,metric,value,n_frames
me,partnerface,tail,full,psnr,24.567,70
me,partnerface,tail,face,psnr,30.0,70
me,partnerface,tail,full,ssim,0.91234,70
me,partnerface,train,full,psnr,30.1,24
me,retrieval,tail,full,psnr,22.0,70
me,retrieval,tail,full,lpips_alex,,70
other,partnerface,tail,full,psnr,99.0,70
"""


@pytest.fixture
def results(tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "metrics.csv").write_text(TABLE)
    for name in ("report.html", "me/partnerface/avatar.safetensors", "me/partnerface/heldout.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    return tmp_path


def test_table(results):
    lines = [line.split() for line in metric_table(results / "tables" / "metrics.csv", ["me"])]
    assert lines == [
        ["subject", "split", "method", "psnr", "ssim"],
        ["me", "tail", "partnerface", "24.57", "0.9123"],
        ["me", "train", "partnerface", "30.10", "-"],
        ["me", "tail", "retrieval", "22.00", "-"],
    ]


def test_places_that_exist_are_named(results):
    config = read_config({"subjects": {"me": "me.mp4"}})
    lines = summary(config, str(results))
    assert lines[0].split() == ["report", str(results / "report.html")]
    assert any("avatar of me partnerface" in line for line in lines)
    assert not any("retrieval  " in line and "avatar" in line for line in lines)


def test_the_verdict_on_the_clip_is_told(results):
    config = read_config({"subjects": {"me": "me.mp4", "you": "you.mp4"}})
    before = summary(config, str(results))
    assert not any("clip of" in line for line in before)
    write_json(results / "me" / "capture.json", {"line": "usable: film 20 s more"}, "capture")
    (told,) = set(summary(config, str(results))) - set(before) - {""}
    assert told.split(maxsplit=3)[:3] == ["clip", "of", "me"]
    assert told.endswith("  usable: film 20 s more")
    (results / "me" / "capture.json").write_text("{")
    assert summary(config, str(results)) == before


def test_without_a_table(tmp_path):
    assert summary(read_config({"subjects": {"me": "me.mp4"}}), str(tmp_path)) == []
