"""docs/conventions.md and partnerface/conventions.py say the same."""

import re
from pathlib import Path

import pytest

from partnerface import conventions

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "conventions.md").read_text()
FLAT = " ".join(PAGE.split())


def listed(start: str, end: str = r"\.(?: |$)") -> list[str]:
    """The names in backticks of the sentence that starts with `start`."""
    match = re.search(re.escape(start) + r"(.*?)" + end, FLAT)
    assert match, start
    return re.findall(r"`([^`]+)`", match[1])


def table_rows(heading: str) -> list[list[str]]:
    section = re.split(r"^## ", PAGE.split(f"## {heading}\n")[1], flags=re.M)[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in row] for row in rows[2:]]


def test_parameters():
    assert [row[0] for row in table_rows("Parameters")] == list(conventions.PARAMETER_NAMES)


def test_joints():
    pairs = re.findall(r"`(\w+)` \((none|`\w+`)\)", FLAT)
    assert [name for name, _ in pairs] == list(conventions.JOINT_NAMES)
    numbers = [-1 if parent == "none" else conventions.JOINT_NAMES.index(parent.strip("`")) for _, parent in pairs]
    assert numbers == list(conventions.JOINT_PARENTS)


def test_classes():
    rows = table_rows("Classes of pixels and vertices")
    assert [(int(number), name) for number, name in rows] == list(enumerate(conventions.CLASS_NAMES))


@pytest.mark.parametrize(
    ("policy", "start", "end"),
    [
        ("head", "`head` keeps all but", ";"),
        ("head+neck", "default, keeps all but", ";"),
        ("full", "`full` keeps all but", r"\."),
    ],
)
def test_mask_policies(policy, start, end):
    left_out = set(conventions.CLASS_NAMES) - set(conventions.MASK_POLICIES[policy])
    assert set(listed(start, end)) == left_out


@pytest.mark.parametrize(
    ("start", "names"),
    [
        ("Regions:", conventions.REGIONS),
        ("Metrics:", conventions.METRICS),
        ("Metrics of motion:", conventions.MOTION_METRICS),
        ("which rank nothing:", conventions.DIAGNOSTICS),
        ("in `frames.csv`:", conventions.FRAME_STATUSES),
        ("Methods of the main comparison:", conventions.METHODS_COMPARED),
        ("Ablations:", conventions.ABLATIONS),
        ("`_` and `-`. Not", conventions.SUBJECTS_RESERVED),
        ("Stages, in order:", conventions.STAGES),
    ],
)
def test_lists(start, names):
    assert listed(start) == list(names)


def test_the_facing_head_looks_into_the_camera():
    """FACING_CAMERA turns y up to y down and z out of the face to z towards the camera (its -z)."""
    import numpy as np

    axis = np.array(conventions.FACING_CAMERA)
    angle = np.linalg.norm(axis)
    k = axis / angle
    cross = np.array([[0, -k[2], k[1]], [k[2], 0, -k[0]], [-k[1], k[0], 0]])
    rotation = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    np.testing.assert_allclose(rotation @ [0, 1, 0], [0, -1, 0], atol=1e-12)
    np.testing.assert_allclose(rotation @ [0, 0, 1], [0, 0, -1], atol=1e-12)
    assert "`FACING_CAMERA` = (π, 0, 0)" in PAGE


def test_methods_are_those_that_the_avatar_knows():
    from partnerface.avatar.methods import METHODS, method

    assert {*conventions.METHODS_COMPARED, *conventions.ABLATIONS} == {*METHODS, "retrieval", "parts_K"}
    for name, known in (("parts_1", True), ("parts_16", True), ("parts_64", True), ("parts_0", False)):
        assert bool(re.fullmatch(conventions.METHOD_PATTERN, name)) == (method(name) is not None) == known
    assert not re.fullmatch(conventions.METHOD_PATTERN, "parts_65")
