"""`partnerface render AVATAR`: new views and faces of the toy avatar."""

from pathlib import Path

import numpy as np
import pytest

from partnerface import cli
from partnerface.video.decode import decode
from partnerface.video.probe import probe

COARSE = ("--step-mm", "16")


def render(*words: object) -> int:
    return cli.main(["render", *map(str, words), *COARSE])


def picture(path: Path) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(path)).astype(float)


def test_orbit(toy_subject, tmp_path):
    out = tmp_path / "orbit.mp4"
    words = ("--orbit", "40", "--seconds", "0.8", "--fps", "10", "--size", "32", "-o", out)
    assert render(toy_subject.root, "--run", "partnerface", *words) == 0
    seen = np.stack([frame.image for frame in decode(out, probe(out))]).astype(float)
    assert seen.shape == (8, 32, 32, 3)
    dark = 255 - seen.mean(-1)
    columns = (dark.sum(1) * np.arange(32)).sum(1) / dark.sum((1, 2))
    assert np.abs(columns - columns[0]).max() < 2.5, "the head stays where it is"
    # The egg is deeper than wide: from both sides it is seen broader, and between as from the front.
    width = (dark > 40).any(1).sum(1)
    assert width[2] > width[0]
    assert width[6] > width[0]
    assert width[4] == pytest.approx(width[0], abs=1)


def test_edit_in_a_picture_and_in_a_video(toy_subject, tmp_path):
    avatar = toy_subject.run("partnerface").avatar
    rest, said, out = tmp_path / "rest.png", tmp_path / "said.png", tmp_path / "said.mp4"
    assert render(avatar, "-o", rest) == 0
    assert render(avatar, "--edit", "roll=25, jaw_open=1", "-o", said) == 0
    assert picture(rest).shape == (48, 48, 3)
    assert np.abs(picture(said) - picture(rest)).mean() > 1
    assert render(avatar, "--edit", "roll=25, jaw_open=1", "-o", out, "--seconds", "1", "--fps", "5") == 0
    seen = np.stack([frame.image for frame in decode(out, probe(out))]).astype(float)
    assert np.abs(seen[0] - picture(rest)).mean() < 8
    assert np.abs(seen[2] - picture(said)).mean() < 8


def test_parts_are_shown_and_told(toy_subject, tmp_path, capsys):
    out = tmp_path / "parts.png"
    assert render(toy_subject.run("partnerface").avatar, "--parts", "-o", out, "--size", "40") == 0
    seen = picture(out)
    assert seen.shape == (40 + 26, 4 * 40, 3)
    rest, first, learned, moved = np.split(seen[26:], 4, axis=1)
    for panel in (first, learned, moved):
        assert np.abs(panel - rest).max() > 20, "a colour lies over the head"
    head, *rows, last = capsys.readouterr().out.strip().splitlines()
    assert "stage 1" in head
    assert last == str(out)
    shares = np.array([[float(word.rstrip("%")) for word in row.split()[1:3]] for row in rows])
    assert len(rows) == 8
    np.testing.assert_allclose(shares.sum(0), 100, atol=4)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--orbit", "20"), "say where the new view is written to"),
        (("--orbit", "20", "-o", "{tmp}/o.png"), "--orbit makes a video"),
        (("-o", "{tmp}/o.mp4"), "nothing would move"),
        (("--parts",), "say where the new view is written to"),
        (("--parts", "-o", "{tmp}/o.mp4"), "--parts makes a picture"),
        (("-o", "{tmp}/o.gif"), "allowed endings"),
        (("--edit", "jaw_opne=1", "-o", "{tmp}/o.png"), "did you mean jaw_open"),
        (("--edit", "smile=1", "-o", "{tmp}/o.png"), "the head toy has no such movement"),
        (("--edit", "front", "-o", "{tmp}/o.png"), "allowed: name=number"),
        (("--edit", "front=much", "-o", "{tmp}/o.png"), "allowed: name=number"),
        (("--orbit", "500", "-o", "{tmp}/o.mp4"), "--orbit is 500"),
    ],
)
def test_faults_are_one_line(toy_subject, tmp_path, capsys, words, line):
    assert render(toy_subject.root, *(word.format(tmp=tmp_path) for word in words)) == 2
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())
