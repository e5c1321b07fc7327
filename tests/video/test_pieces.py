"""A long video is written piece by piece, and a killed writer goes on."""

from collections.abc import Iterator

import numpy as np
import pytest

from partnerface.errors import PartNerFaceError
from partnerface.video import pieces
from partnerface.video.decode import decode
from partnerface.video.pieces import encode_in_pieces
from partnerface.video.probe import probe
from tests.video.test_sound import EVENTS, STEADY, beeps, clip

FPS, COUNT = 25.0, 150


@pytest.fixture(autouse=True)
def short_pieces(monkeypatch):
    monkeypatch.setattr(pieces, "PIECE", 40)


class Film:
    """Frames whose grey grows by one each; may end in an error. Remembers where it was begun."""

    def __init__(self, ends_at: int = COUNT, error: BaseException | None = None):
        self.ends_at, self.error, self.begun = ends_at, error, []

    def __call__(self, start: int) -> Iterator[np.ndarray]:
        self.begun.append(start)
        for k in range(start, COUNT):
            if k == self.ends_at and self.error is not None:
                raise self.error
            yield np.full((32, 48, 3), 40 + k, np.uint8)


def grey(path) -> list[float]:
    return [float(frame.image.mean()) for frame in decode(path, probe(path))]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("broken")])
def test_a_killed_writer_goes_on_with_its_piece(tmp_path, error):
    whole, out = tmp_path / "whole.mp4", tmp_path / "it's.mp4"
    encode_in_pieces(whole, Film(), COUNT, FPS, "a", "film")
    with pytest.raises(type(error)):
        encode_in_pieces(out, Film(95, error), COUNT, FPS, "a", "film")
    assert not out.exists()
    again = Film()
    encode_in_pieces(out, again, COUNT, FPS, "a", "film")
    assert again.begun == [80]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["it's.mp4", "whole.mp4"]
    assert grey(out) == grey(whole)
    np.testing.assert_allclose(grey(out), 40 + np.arange(COUNT), atol=1.5)
    assert probe(out).duration_s == pytest.approx(COUNT / FPS, abs=0.05)


def test_pieces_of_something_else_are_made_anew(tmp_path):
    out = tmp_path / "out.mp4"
    with pytest.raises(KeyboardInterrupt):
        encode_in_pieces(out, Film(95, KeyboardInterrupt()), COUNT, FPS, "a", "film")
    again = Film()
    encode_in_pieces(out, again, COUNT, FPS, "b", "film")
    assert again.begun == [0]


def test_what_fails_at_once_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError):
        encode_in_pieces(tmp_path / "out.mp4", Film(3, RuntimeError("broken")), COUNT, FPS, "a", "film")
    assert not list(tmp_path.iterdir())


def test_a_folder_of_somebody_else_is_left_alone(tmp_path):
    folder = tmp_path / "out.mp4.pieces"
    folder.mkdir()
    (folder / "precious.txt").write_text("mine")
    with pytest.raises(PartNerFaceError, match="in the way"):
        encode_in_pieces(tmp_path / "out.mp4", Film(), COUNT, FPS, "a", "film")
    assert (folder / "precious.txt").read_text() == "mine"


def test_sound_lies_under_all_pieces(tmp_path):
    source, out = clip(tmp_path, STEADY), tmp_path / "out.mp4"
    encode_in_pieces(out, Film(), COUNT, FPS, "a", "film", source, 0.2)
    np.testing.assert_allclose(beeps(out), np.array(EVENTS) - 0.2, atol=0.03)
    assert len(grey(out)) == COUNT
