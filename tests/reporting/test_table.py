"""Tables for readers: the right number in the right cell, the best marked, protocols beneath and never mixed."""

import copy
from dataclasses import replace

import pytest

from partnerface.reporting.results import Mean, find_runs, group_runs
from partnerface.reporting.sections import mean_tables, sections
from partnerface.reporting.table import heading, number, split_table


def mean(method: str, metric: str, value: float, spread: float | None = None, region: str = "full") -> Mean:
    return Mean("anna", method, "tail", region, metric, value, 3, spread)


def test_heading_and_number():
    assert heading("psnr") == "PSNR [dB] ↑"
    assert heading("lpips_vgg") == "LPIPS vgg ↓"
    assert number(mean("a", "psnr", 23.456)) == "23.46"
    assert number(mean("a", "l1", 0.01234, 0.001)) == "0.0123 ± 0.0010"
    assert number(None) == "—"


def test_split_table_marks_the_best_as_it_is_printed():
    means = [
        mean("a", "psnr", 23.004),
        mean("b", "psnr", 23.001),
        mean("c", "psnr", 22.0),
        mean("a", "l1", 0.02),
        mean("b", "l1", 0.01),
        mean("a", "ssim", 0.9),
        mean("a", "psnr", 1.0, region="face"),
        replace(mean("a", "psnr", 99.0), split="train"),
    ]
    table = split_table(means, "tail", "tail")
    assert table.headings == ("PSNR [dB] ↑", "SSIM ↑", "L1 ↓")
    cells = {labels: [(cell.text, cell.best) for cell in row] for labels, row in table.rows}
    assert list(cells) == [("full", "a"), ("full", "b"), ("full", "c"), ("face", "a")]
    assert cells["full", "a"] == [("23.00", True), ("0.9000", False), ("0.0200", False)]
    assert cells["full", "b"] == [("23.00", True), ("—", False), ("0.0100", True)]
    assert cells["full", "c"] == [("22.00", False), ("—", False), ("—", False)]
    assert cells["face", "a"] == [("1.00", False), ("—", False), ("—", False)]


def test_equal_values_are_not_the_best():
    table = split_table([mean("a", "psnr", 23.0), mean("b", "psnr", 23.0)], "tail", "tail")
    assert not any(cell.best for _, row in table.rows for cell in row)


@pytest.fixture
def runs(results):
    return find_runs(results)


def test_sections_say_how_it_was_measured(runs):
    (section,) = sections(group_runs(runs))
    assert [table.title for table in section.tables] == [
        "tail (12 frames)",
        "unseen-expression (6 frames)",
        "train (8 frames)",
    ]
    text = " ".join(section.notes)
    for words in (
        "64 x 64 px",
        "mask policy head+neck",
        "area rule: mask",
        "mean of per-image values",
        "window of 11 x 11",
        "MS-SSIM: 3 scales",
        "LPIPS (alex): absent, its weights are not on disk",
        "LPIPS (vgg): absent",
        "tail = tail:0.2 (12 of 12 frames measured)",
        "Training saw 38 frames",
        "Head model: builtin",
        "partnerface not recorded, 1; retrieval not recorded",
        "torch",
    ):
        assert words in text
    assert section.warnings == ()


def with_protocol(run, **changes):
    protocol = copy.deepcopy(run.protocol)
    for name, value in changes.items():
        part = protocol if name == "lpips" else protocol["comparable"]
        part[name] = value
    return replace(run, protocol=protocol)


def test_other_masks_never_share_a_table_in_silence(runs):
    runs[-1] = with_protocol(runs[-1], mask_policy="full")
    first, second = sections(group_runs(runs))
    assert {labels[1] for labels, _ in first.tables[0].rows} == {"partnerface"}
    assert {labels[1] for labels, _ in second.tables[0].rows} == {"retrieval"}
    assert second.title == "anna, measured differently: retrieval"
    assert second.warnings == ('Not comparable with anna above. mask_policy: "head+neck" / "full".',)


def test_lpips_of_other_weights_or_of_some_runs_is_said(runs):
    present = {"present": True, "sha256": {"alex.pth": "a" * 64}}
    absent = {"present": False, "reason": "its weights are not on disk"}
    runs[0] = with_protocol(runs[0], lpips={"lpips_alex": present})
    runs[1] = with_protocol(runs[1], lpips={"lpips_alex": {"present": True, "sha256": {"alex.pth": "b" * 64}}})
    runs[2] = with_protocol(runs[2], lpips={"lpips_alex": absent})
    (section,) = sections(group_runs(runs))
    assert "LPIPS (alex): the runs used different weight files, so do not compare this column." in section.notes
    assert "LPIPS (alex): absent for retrieval, its weights are not on disk." in section.notes
    runs[1] = with_protocol(runs[1], lpips={"lpips_alex": present})
    (section,) = sections(group_runs(runs))
    assert f"LPIPS (alex): version 0.1 with alex.pth (SHA-256 {'a' * 12}…)." in section.notes


def test_mean_over_subjects(runs):
    assert mean_tables(group_runs(runs)) == []
    other = [replace(run, subject="bert", values=shifted(run.values, 2.0)) for run in runs[:2]]  # without retrieval
    tables = mean_tables(group_runs([*runs, *other]))
    assert [table.title for table in tables] == [
        "mean over subjects, tail",
        "mean over subjects, unseen-expression",
        "mean over subjects, train",
    ]
    assert {labels[1] for labels, _ in tables[0].rows} == {"partnerface"}
    alone = {
        m.region: m.value
        for m in group_runs(runs)[0].means()
        if (m.method, m.split, m.metric) == ("partnerface", "tail", "psnr")
    }
    for labels, cells in tables[0].rows:
        assert cells[0].text == f"{alone[labels[0]] + 1:.2f}"
    assert tables[0].notes == ("Mean over anna, bert; only methods and regions that all of them have.",)


def test_subjects_of_another_size_are_not_averaged(runs):
    other = [with_protocol(replace(run, subject="bert"), size=[8, 8]) for run in runs]
    assert mean_tables(group_runs([*runs, *other])) == []


def shifted(values, by):
    return {key: {frame: value + by for frame, value in frames.items()} for key, frames in values.items()}
