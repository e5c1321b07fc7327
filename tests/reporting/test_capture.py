"""The section on the clip's quality."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from partnerface.artefacts.files import read_json, write_json
from partnerface.reporting.assets import Missing, Shelf
from partnerface.reporting.capture import capture, draw_poses, number
from partnerface.reporting.report import build


@pytest.fixture
def shelf(results):
    return Shelf(results, 1e7)


def test_what_the_stage_found_is_shown(shelf, subject):
    written, found = read_json(subject.capture, "capture"), capture(shelf, subject)
    assert not isinstance(found, Missing)
    assert (found.verdict, found.line) == (written["verdict"], written["line"])
    assert found.advice == tuple(written["advice"])
    assert len(found.measures) == len(written["measures"])
    by_title = {measure.title: measure for measure in found.measures}
    dropped = by_title["frames dropped"]
    assert (dropped.value, dropped.state, dropped.good, dropped.poor) == ("11.8 %", "usable", "≤ 5 %", "≥ 30 %")
    turned = by_title["head turned left and right"]
    assert (turned.good, turned.poor) == ("≥ 25°", "≤ 5°")
    assert "opening of the mouth" in found.timeline
    assert found.timeline.count("var(--warn)") >= 4, "dropped frames are tinted in every panel"


def test_the_histogram_is_drawn_cell_by_cell(subject):
    poses = read_json(subject.capture, "capture")["poses"]
    root = ET.fromstring(draw_poses(poses))
    counts = np.array(poses["frames"])
    cells = [element for element in root.iter("rect") if element.get("class") == "cell"]
    assert len(cells) == (counts > 0).sum()
    assert sum(int(str(cell[0].text).split()[0]) for cell in cells) == counts.sum() == 60
    one = {"yaw_edges_deg": [-10, 0, 10], "pitch_edges_deg": [-10, 0, 10], "frames": [[0, 0], [0, 7]]}
    (cell,) = [element for element in ET.fromstring(draw_poses(one)).iter("rect") if element.get("class") == "cell"]
    field = ET.fromstring(draw_poses(one)).find("rect")
    assert field is not None
    assert float(cell.get("x", 0)) > float(field.get("x", 0)) + 10, "to their left is to the right"
    assert float(cell.get("y", 0)) < float(field.get("y", 0)) + 10, "up is up"


def test_numbers():
    assert [number(*pair) for pair in ((0.368, ""), (5.43, "%"), (142.4, "px"), (12.0, "°"), (30, "s"))] == [
        "0.37", "5.43 %", "142 px", "12°", "30 s",
    ]  # fmt: skip


def test_missing_and_foreign_files_are_named(shelf, subject):
    written = read_json(subject.capture, "capture")
    foreign = [
        [], {**written, "verdict": "splendid"}, {**written, "measures": [{"title": "x"}]},
        {**written, "poses": {**written["poses"], "frames": [[1]]}},
        {**written, "timeline": {**written["timeline"], "sharpness": [1.0]}},
    ]  # fmt: skip
    for value in foreign:
        write_json(subject.capture, value, "capture")
        assert capture(shelf, subject) == Missing("capture.json is of another form; run `partnerface capture` again")
    subject.capture.unlink()
    found = capture(shelf, subject)
    assert isinstance(found, Missing)
    assert "anna/capture.json is missing" in found.reason


def test_hostile_words_stay_words(results, subject):
    written = read_json(subject.capture, "capture")
    row = {**written["measures"][0], "title": "<script>1</script>", "unit": "<b>"}
    changed = {**written, "advice": ["<img src=x onerror=alert(1)>"], "measures": [row]}
    write_json(subject.capture, changed, "capture")
    text, _ = build(results, 25)
    assert "<script>1" not in text
    assert "<img src=x" not in text
    assert "<b>" not in text.split('class="lamps"')[1].split("</table>")[0]
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
