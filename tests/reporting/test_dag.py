"""The drawing of the road is well formed and true to the rules."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from partnerface.reporting.dag import LEAVES, READS, ROWS, dag

RULES = Path(__file__).parents[2] / "workflow" / "rules"


def test_every_stage_and_every_edge_is_drawn():
    svg = dag({"train": "5:41", "frames": "<b>"}, runs=3, subjects=2)
    root = ET.fromstring(svg)
    texts = [element.text for element in root.iter("text")]
    assert set(READS) == set(LEAVES) == {stage for row in ROWS for stage in row}
    assert set(READS) <= set(texts)
    assert {"5:41", "<b>", "once per method and seed: 3", "once per subject: 2"} <= set(texts)
    edges = [element for element in root.iter("path") if element.get("class") == "edge"]
    assert len(edges) == sum(map(len, READS.values()))
    assert len({edge.get("d") for edge in edges}) == len(edges)


def files(text: str, section: str) -> set[str]:
    body = re.search(rf"^    {section}:\n((?:        .*\n)+)", text, re.M)
    return set(re.findall(r'<results>/([^"]+)"', body[1])) if body else set()


@pytest.mark.skipif(not RULES.is_dir(), reason="an installed package has no workflow/ beside it")
def test_edges_are_those_of_the_rules():
    # The import stands in for frames and tracking; the drawing shows the road of a video.
    texts = {path.stem: path.read_text() for path in RULES.glob("*.smk") if path.stem != "import"}
    made_by = {file: stage for stage, text in texts.items() for file in files(text, "output")}
    for stage in ("landmarks", "tracking", "parsing", "capture", "dataset", "train", "render", "evaluate"):
        assert {made_by[file] for file in files(texts[stage], "input")} == set(READS[stage]), stage
