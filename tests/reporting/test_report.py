"""The page as a whole: complete, self-contained, safe, under its size, whatever is missing."""

import argparse
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest

from partnerface.artefacts.files import check, read_stamp, write, write_npz
from partnerface.artefacts.layout import DatasetFolder
from partnerface.config.settings import ReportSettings
from partnerface.errors import ArtefactError
from partnerface.reporting.report import build
from partnerface.stages import report, tables

VOID = {"meta", "img", "link", "br", "hr", "input"}


class Page(HTMLParser):
    """Tags with their attributes, text, and whether tags are closed in order."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text, self.open = "", []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.text += data

    def values(self, *names: str) -> list[str]:
        return [value for _, attributes in self.tags for name, value in attributes.items() if name in names]

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def assert_self_contained(text: str) -> None:
    page = Page(text)
    for value in page.values("src", "href", "xlink:href", "poster", "data", "action", "srcset"):
        assert value.startswith(("data:", "#")) or re.fullmatch(r"[\w%./-]+\.mp4", value), value[:80]
    style = re.search(r"<style>(.*?)</style>", text, re.S)
    assert style
    assert not re.search(r"url\(|@import|https?:", style[1])
    assert not re.search(r"https?://|//[a-z]+\.[a-z]", re.sub(r"base64,[A-Za-z0-9+/=]+", "", text))
    (policy,) = [a["content"] for tag, a in page.tags if tag == "meta" and "http-equiv" in a]
    assert policy.startswith("default-src 'none'; img-src data:; media-src data:;")


def test_the_page_is_whole_and_self_contained(results):
    text, left_out = build(results, 25)
    assert left_out == []
    assert_self_contained(text)
    page = Page(text)
    assert page.count("video") == 3  # tracking, and one per method
    assert page.count("img") == 4 + 2 * 3 * (1 + 2 * 2) + 2  # sheets, examples, colour scales
    assert "Not here" not in page.text
    words = " ".join(page.text.split())
    for part in (
        "60 of 68 source frames were kept; dropped: 5 too blurred, 3 no face found",
        "Is the clip good enough?",
        "eyes shut",
        "no face above 0.5",
        "bridged from their neighbours",
        "Guard bands, 4 frames",
        "400 steps in 0:50",
        "LPIPS (alex): absent, its weights are not on disk.",
        "mask policy head+neck",
        "peak memory",
        "once per method and seed: 3",
    ):
        assert part in words
    ids = page.values("id")
    assert len([name for name in ids if name.startswith("subject")]) == 10
    for link in page.values("href"):
        if link.startswith("#subject"):
            assert link[1:] in ids


def test_what_failed_stands_on_the_page(results):
    assert "What failed" not in build(results, 25)[0]
    log = results / "logs" / "bad" / "frames.log"
    log.parent.mkdir(parents=True)
    log.write_text("partnerface frames: no face in <b>bad.mp4</b>; record it again\n")
    page = Page(build(results, 25)[0])
    assert "no face in <b>bad.mp4</b>; record it again" in page.text
    assert "logs/bad/frames.log" in page.text


def test_script_is_the_one_that_the_policy_allows(results):
    import base64
    import hashlib

    text, _ = build(results, 25)
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.S)
    checksum = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{checksum}'" in text.replace("&#39;", "'").replace("&#43;", "+")


HOSTILE = '"><script>alert(1)</script>{{7*7}}'


def test_hostile_names_stay_text(results, subject):
    hostile = results / HOSTILE.replace("/", "_")
    shutil.move(subject.root, hostile)
    run = hostile / "retrieval"
    shutil.copytree(run, hostile / "<img src=x onerror=alert(2)>")
    index = hostile / "frames.csv"
    lines = index.read_text().replace("no face above 0.5", "<svg onload=alert(3)>")
    with write(index, "frames") as temporary:
        temporary.write_text(lines)
    (hostile / "masks.jpg").unlink()
    text, _ = build(results, 25)
    assert_self_contained(text)
    page = Page(text)
    assert page.count("script") == 1
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert "{{7*7}}" in page.text
    assert "<svg onload=alert(3)>" in page.text
    assert "<img src=x onerror=alert(2)>" in page.text


def test_hostile_text_inside_artefacts_stays_text(results, subject):
    from partnerface.artefacts.files import read_json, read_npz, write_json

    camera = read_json(subject.camera, "frames")
    write_json(subject.camera, {**camera, "video": "<script>1</script>.mp4"}, "frames")
    arrays = read_npz(subject.tracking, "tracking")
    write_npz(subject.tracking, {**arrays, "head_name": np.array("<script>2</script>")}, "tracking")
    dataset = DatasetFolder(subject.dataset)
    write_npz(
        dataset.parameters,
        {**read_npz(dataset.parameters, "dataset"), "mask_policy": np.array("<script>3</script>")},
        "dataset",
    )
    protocol = read_json(subject.run("retrieval").protocol, "evaluate")
    protocol["head_model"] = "<script>4</script>"
    write_json(subject.run("retrieval").protocol, protocol, "evaluate")
    text, _ = build(results, 25)
    page = Page(text)
    assert page.count("script") == 1
    for number in "1234":
        assert f"<script>{number}</script>" in page.text


def test_videos_beyond_the_size_are_named_the_first_ones_embedded(results, subject):
    for name in ("partnerface", "retrieval"):
        with write(subject.run(name).video, "render") as temporary:
            temporary.write_bytes(b"\x00\x00\x00\x20ftypisom" + bytes(300_000))
    text, left_out = build(results, 1.5)
    assert left_out == ["anna/retrieval/heldout.mp4"]
    assert len(text) < 1.5e6
    assert 'href="anna/retrieval/heldout.mp4"' in text
    assert Page(text).count("video") == 2
    assert_self_contained(text)


@pytest.mark.parametrize(
    "name",
    [
        "frames.csv",
        "frames.json",
        "frames.jpg",
        "tracking.npz",
        "tracking.jpg",
        "tracking.mp4",
        "masks.jpg",
        "masks.npz",
    ],
)
@pytest.mark.parametrize("damage", ["gone", "torn"])
def test_a_missing_or_torn_piece_is_named(results, subject, name, damage):
    path = subject.root / name
    path.unlink() if damage == "gone" else path.write_bytes(path.read_bytes()[:20])
    text, _ = build(results, 25)
    assert f"anna/{name} is {'missing' if damage == 'gone' else 'damaged'}" in Page(text).text
    assert str(results) not in text


def test_only_the_first_stages_have_run(results, subject):
    for path in subject.root.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif not path.name.startswith("frames"):
            path.unlink()
    shutil.rmtree(results / "benchmarks")
    text, _ = build(results, 25)
    words = Page(text).text
    for part in (
        "tracking.npz is missing",
        "masks.jpg is missing",
        "no run has been evaluated yet",
        "no benchmark files",
    ):
        assert part in words
    assert_self_contained(text)


def test_a_damaged_run_does_not_take_the_others_down(results, subject):
    subject.run("retrieval").metrics.write_text("torn")
    words = Page(build(results, 25)[0]).text
    assert "anna/retrieval/metrics.csv is damaged" in words
    assert "no method has been measured beside retrieval yet" in words


def test_runs_measured_differently_are_apart_and_said_so(results, subject):
    from partnerface.artefacts.files import read_json, write_json

    file = subject.run("retrieval").protocol
    protocol = read_json(file, "evaluate")
    protocol["comparable"]["mask_policy"] = "head"
    write_json(file, protocol, "evaluate")
    words = " ".join(Page(build(results, 25)[0]).text.split())
    assert "anna, measured differently: retrieval" in words
    assert 'mask_policy: "head+neck" / "head"' in words


def test_stages_write_their_files(results, capsys):
    tables.run(argparse.Namespace(results=results))
    report.run(argparse.Namespace(results=results), ReportSettings())
    for name in ("metrics.csv", "intervals.csv", "differences.csv", "metrics.md", "metrics.tex", "protocols.json"):
        check(results / "tables" / name, "tables")
    lines = (results / "tables" / "metrics.csv").read_text().splitlines()
    assert lines[0] == "subject,method,split,region,metric,value,n_frames"
    # Methods, splits, regions, metrics; flicker only of held-out splits. In the drawn heads a detector may see faces.
    metrics = [line.split(",")[4] for line in lines[1:]]
    assert len(metrics) - metrics.count("landmark_error") == 2 * 3 * 4 * 7 + 2 * 2 * 4
    assert read_stamp(results / "report.html")["stage"] == "report"


def test_nothing_there_says_what_to_do(tmp_path):
    with pytest.raises(ArtefactError, match="partnerface frames"):
        build(tmp_path, 25)
    with pytest.raises(ArtefactError, match="partnerface evaluate"):
        tables.run(argparse.Namespace(results=tmp_path))
