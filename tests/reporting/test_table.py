"""Tables for readers: the right number in the right cell, the best marked, protocols beneath and never mixed."""

import copy
from dataclasses import replace

import pytest

from partnerface.reporting.bootstrap import Interval
from partnerface.reporting.budget import Budget, budget
from partnerface.reporting.paired import Difference, Gap
from partnerface.reporting.results import Mean, find_runs, group_runs, run_order
from partnerface.reporting.sections import mean_tables, sections
from partnerface.reporting.table import Cell, difference_table, gap_table, heading, number, split_table


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


def test_costs_stand_behind_the_metrics():
    budgets = {"a": Budget(1_234_567, 1500, 2048, 238.4, 2210.2), "b": Budget()}
    table = split_table([mean("a", "psnr", 23.0), mean("b", "psnr", 22.0)], "tail", "tail", ["b", "a"], budgets)
    assert table.headings == ("PSNR [dB] ↑", "parameters", "steps x rays", "training", "memory")
    assert [(labels[1], [cell.text for cell in cells]) for labels, cells in table.rows] == [
        ("b", ["22.00", "—", "—", "—", "—"]),
        ("a", ["23.00", "1 234 567", "1500 x 2048", "3:58", "2210 MB"]),
    ]


def test_an_interval_stands_beside_its_value():
    table = split_table([replace(mean("a", "psnr", 23.0), interval=Interval(21.256, 24.5))], "tail", "tail")
    assert table.rows[0][1] == (Cell("23.00", interval="[21.26, 24.50]"),)


def test_differences_are_marked_where_they_are_sure():
    def difference(rival: str, metric: str, value: float, low: float, high: float, split: str = "tail") -> Difference:
        return Difference("anna", "us", rival, split, "face", metric, value, Interval(low, high), 1, 1, 9)

    found = [
        difference("b", "psnr", 1.0, 0.5, 1.5),
        difference("b", "l1", 0.001, 0.0005, 0.0015),  # more error than the rival
        difference("c", "psnr", -0.2, -0.5, 0.1),
        difference("c", "l1", -0.001, -0.002, -0.0001),
        difference("d", "psnr", 9.0, 9.0, 9.0),  # not asked for
        difference("b", "psnr", 9.0, 9.0, 9.0, "train"),
    ]
    table = difference_table(found, "tail", "title", ["us", "b", "c"])
    assert table.headings == ("PSNR [dB] ↑", "L1 ↓")
    assert dict(table.rows) == {
        ("face", "b"): (
            Cell("+1.00", True, "[+0.50, +1.50]"),
            Cell("+0.0010", False, "[+0.0005, +0.0015]", worse=True),
        ),
        ("face", "c"): (Cell("−0.20", False, "[−0.50, +0.10]"), Cell("−0.0010", True, "[−0.0020, −0.0001]")),
    }


def test_gap_table():
    found = [
        Gap("a", "tail", "face", 30.0, 27.5, Interval(2.0, 3.0)),
        Gap("a", "tail", "full", 31.0, 31.5, Interval(-1.0, 0.0)),
        Gap("b", "last", "full", 20.0, 19.0, Interval(0.5, 1.5)),
    ]
    table = gap_table(found, "gap")
    assert table.headings == ("train", "tail", "train minus tail", "last", "train minus last")
    assert [(labels, [cell.text for cell in cells]) for labels, cells in table.rows] == [
        (("full", "a"), ["31.00", "31.50", "−0.50", "—", "—"]),
        (("full", "b"), ["20.00", "—", "—", "19.00", "+1.00"]),
        (("face", "a"), ["30.00", "27.50", "+2.50", "—", "—"]),
    ]
    assert table.rows[0][1][2].interval == "[−1.00, +0.00]"


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
        "tail: partnerface minus the others",
        "unseen-expression: partnerface minus the others",
        "training frames against held-out ones",
    ]
    text = " ".join(section.notes)
    for words in (
        "64 x 64 px",
        "mask policy head+neck",
        "area rule: mask",
        "area rule: image",
        "67.02 pixels per degree",
        "Landmarks: MediaPipe",
        "circular block bootstrap (2000 draws of blocks of 0.5 s, which is 12 frames of the source",
        "processor ",
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


def test_ablations_have_tables_of_their_own(runs):
    own = [replace(runs[0], name=name) for name in ("parts_16", "parts_2", "global")]
    runs = sorted([*runs, *own], key=lambda run: run_order(run.name))
    (section,) = sections(group_runs(runs))
    shown = {table.title: list(dict.fromkeys(labels[1] for labels, _ in table.rows)) for table in section.tables}
    assert shown["tail (12 frames)"] == ["partnerface", "global", "retrieval"]
    assert shown["ablations, tail (12 frames)"] == ["partnerface", "parts_2", "parts_16"]
    assert shown["tail: partnerface minus the others"] == ["global", "retrieval"]
    assert shown["ablations, tail: partnerface minus the others"] == ["parts_2", "parts_16"]
    assert shown["training frames against held-out ones"] == [
        *("partnerface", "global", "parts_2", "parts_16", "retrieval")
    ]


def test_a_methods_budget_comes_from_its_runs(runs):
    (group,) = group_runs(runs)
    found = {method: budget(members) for method, members in group.runs.items()}
    # Seconds of optimisation as the avatar's file tells them, memory of the process as Snakemake sampled it.
    assert found == {"partnerface": Budget(1_002_345, 400, 2048, 340.6, 2210), "retrieval": Budget()}


def test_landmarks_that_were_not_read_everywhere_are_said(runs):
    absent = {"present": False, "reason": "mediapipe is not installed"}
    runs[0] = with_protocol(runs[0], landmarks=absent)
    lost = {**runs[1].protocol["landmarks"], "renders_without_a_face": {"tail": 3, "train": 0}}
    runs[1] = with_protocol(runs[1], landmarks=lost)
    (section,) = sections(group_runs(runs))
    assert "Landmarks: absent for partnerface, mediapipe is not installed." in section.notes
    (note,) = [note for note in section.notes if note.startswith("Renders in which no face was found")]
    assert "partnerface/seed1 3 of tail" in note


def with_protocol(run, **changes):
    protocol = copy.deepcopy(run.protocol)
    for name, value in changes.items():
        part = protocol if name in ("lpips", "landmarks") else protocol["comparable"]
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
