"""Runs are found, averaged over frames and seeds, and kept apart where they were measured differently."""

import csv
import io
import json

import pytest

from partnerface.artefacts.files import read_json, write_json
from partnerface.artefacts.layout import RunFolder, SubjectFolder
from partnerface.errors import ArtefactError
from partnerface.reporting import long
from partnerface.reporting.results import (
    Run,
    differences,
    find_runs,
    group_runs,
    method_of,
    read_run,
    run_names,
    run_order,
    subjects,
)

PROTOCOL = {"comparable": {"size": [8, 8], "splits": {"tail": {}, "train": {}}}, "seed": 0}


def made_up(tmp_path, name: str, values: dict, protocol: dict = PROTOCOL, subject: str = "anna") -> Run:
    return Run(subject, name, RunFolder(tmp_path / subject / name), values, protocol)


def test_method_of():
    assert method_of("partnerface/seed12") == "partnerface"
    assert method_of("parts_4") == "parts_4"


def test_subjects_and_runs_are_found_in_order(results):
    (results / "tables").mkdir(exist_ok=True)
    (results / "logs").mkdir()
    assert [subject.name for subject in subjects(results)] == ["anna"]
    names = run_names(SubjectFolder(results / "anna"), "metrics.csv")
    assert names == ["partnerface", "partnerface/seed1", "retrieval"]
    assert [run.name for run in find_runs(results)] == names
    assert subjects(results / "nowhere") == []


def test_mean_over_frames_then_over_seeds(tmp_path):
    key = ("tail", "full", "psnr")
    runs = [
        made_up(tmp_path, "partnerface", {key: {1: 20.0, 2: 24.0}}),
        made_up(tmp_path, "partnerface/seed1", {key: {1: 25.0, 2: 27.0}}),
        made_up(tmp_path, "retrieval", {key: {1: 19.0, 2: 20.0}}),
    ]
    (group,) = group_runs(runs)
    ours, trivial = group.means()
    assert (ours.method, ours.value, ours.n_frames) == ("partnerface", 24.0, 2)
    assert ours.spread == pytest.approx(2 * 2**0.5)  # of 22 and 26
    assert (trivial.method, trivial.value, trivial.spread) == ("retrieval", 19.5, None)


def test_rows_come_in_the_order_of_the_names(tmp_path):
    keys = [("train", "full", "psnr"), ("tail", "eyes", "l1"), ("tail", "full", "ssim"), ("tail", "full", "psnr")]
    (group,) = group_runs([made_up(tmp_path, "partnerface", {key: {1: 1.0} for key in keys})])
    assert [(m.split, m.region, m.metric) for m in group.means()] == [keys[3], keys[2], keys[1], keys[0]]


def test_methods_come_in_the_order_of_the_comparison():
    names = [
        "hard",
        "retrieval",
        "skinning",
        "parts_16",
        "global/seed2",
        "global",
        "parts_2",
        "partnerface",
        "conditioned",
    ]
    assert sorted(names, key=run_order) == [
        *("partnerface", "global", "global/seed2", "skinning", "conditioned"),
        *("hard", "parts_2", "parts_16", "retrieval"),
    ]


def test_other_protocols_stand_in_other_groups(tmp_path):
    values = {("tail", "full", "psnr"): {1: 1.0}}
    other = {**PROTOCOL, "comparable": {**PROTOCOL["comparable"], "size": [4, 4]}}
    runs = [
        made_up(tmp_path, "partnerface", values),
        made_up(tmp_path, "partnerface/seed1", values, other),
        made_up(tmp_path, "retrieval", values, {**PROTOCOL, "seed": 5}),  # a seed makes no other protocol
    ]
    first, second = group_runs(runs)
    assert list(first.runs) == ["partnerface", "retrieval"]
    assert list(second.runs) == ["partnerface/seed1"]  # not by the method's name, which the first group has
    rows = long.metrics([first, second]).splitlines()
    assert rows[0] == "subject,method,split,region,metric,value,n_frames"
    assert rows[-1] == "anna,partnerface/seed1,tail,full,psnr,1,1"


def test_differences():
    one = {"size": [8, 8], "splits": {"tail": {"frames": 3}}, "truth": {"rgb.npy": "a"}, "same": 1}
    two = {"size": [4, 4], "splits": {"tail": {"frames": 4}}, "truth": {"rgb.npy": "b"}, "same": 1, "new": True}
    assert differences(one, two) == [
        "size: [8, 8] / [4, 4]",
        "splits.tail.frames: 3 / 4",
        "truth.rgb.npy: another file",
        "new: null / true",
    ]


def test_long_table_quotes_what_it_must(tmp_path):
    run = made_up(tmp_path, "partnerface", {("tail", "full", "psnr"): {1: 1 / 3}}, subject='a,"b')
    rows = list(csv.reader(io.StringIO(long.metrics(group_runs([run])))))
    assert rows[1] == ['a,"b', "partnerface", "tail", "full", "psnr", "0.333333", "1"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "frame,split\n",
        "frame,split,region,metric,value\n1,tail,full,psnr,x\n",
        "frame,split,region,metric,value\n1\n",
    ],
)
def test_a_table_of_another_form_names_its_stage(subject, text):
    from partnerface.artefacts.files import write

    with write(subject.run("partnerface").metrics, "evaluate") as temporary:
        temporary.write_text(text)
    with pytest.raises(ArtefactError, match="partnerface evaluate"):
        read_run(subject, "partnerface")


def test_a_protocol_of_another_form_names_its_stage(subject):
    write_json(subject.run("partnerface").protocol, {"format": 0}, "evaluate")
    with pytest.raises(ArtefactError, match="partnerface evaluate"):
        read_run(subject, "partnerface")


def test_read_run_reads_what_evaluate_wrote(subject):
    run = read_run(subject, "partnerface/seed1")
    assert run.method == "partnerface"
    assert len(run.values["tail", "full", "psnr"]) == 12
    assert run.protocol == read_json(run.folder.protocol, "evaluate")
    assert json.loads(run.comparable) == run.protocol["comparable"]
