"""The landmark check names the mistake that was made."""

from dataclasses import replace

import numpy as np
import pytest

from partnerface.errors import InputError
from partnerface.exchange.axes import FLIP, inverse, rigid
from partnerface.exchange.check import check, verdict
from partnerface.exchange.place import belongs, fitted, head_for, parameters_for, placement
from partnerface.exchange.recording import Recording
from partnerface.landmarks.schemes import mirror
from tests.exchange.toy import SIZE, cameras, codes, landmarks, small_head

COUNT, BOUND = 30, 8.0


@pytest.fixture(scope="module")
def head():
    return small_head()


@pytest.fixture(scope="module")
def right(head, tmp_path_factory):
    """A recording without mistake, and the landmarks that its pictures show, a little noisy."""
    values = codes(COUNT)
    del values["neck_pose"]
    recording = Recording(
        format="insta",
        folder=tmp_path_factory.mktemp("folder"),
        numbers=np.arange(COUNT),
        clip=np.zeros(COUNT, int),
        images=(),
        masks=(),
        size=(SIZE, SIZE),
        K=np.tile([[80.0, 0, 30], [0, 80, 33], [0, 0, 1]], (COUNT, 1, 1)),
        w2c=rigid(*cameras(COUNT)),
        head="flame2020",
        parameters={**values, "neck_pose": np.zeros((COUNT, 3))},
        skull_still=True,
    )
    recording = replace(recording, images=(recording.folder,) * COUNT, masks=(None,) * COUNT)
    place = placement(recording.K, recording.size, SIZE)
    points = landmarks(head, parameters_for(recording, head)[0])
    pixels = points[..., :2] / points[..., 2:] * place.focal + place.principal_point[:, None]
    return recording, place, pixels + np.random.default_rng(0).normal(0, 0.1, pixels.shape)


def test_what_is_right_fits(head, right):
    recording, place, found = right
    index = np.arange(0, COUNT, 3)
    fit = check(recording, head, place, index, found[index])
    eyes = np.linalg.norm(
        landmarks(head, recording.parameters)[:, 33] - landmarks(head, recording.parameters)[:, 263], axis=1
    )
    # The mean length of a plane error of 0.1 px each way is 0.1 sqrt(pi / 2); the head stands about a metre away.
    assert fit.percent == pytest.approx(100 * 0.1 * np.sqrt(np.pi / 2) / (80 * eyes.mean() / 1.0), rel=0.2)
    assert fit.error_px.shape == (len(index),)


def flipped(recording):
    return replace(recording, w2c=FLIP @ recording.w2c)


def exchanged(recording):
    return replace(recording, w2c=inverse(recording.w2c))


def scaled(factor):
    def change(recording):
        w2c = recording.w2c.copy()
        w2c[:, :3, 3] *= factor
        return replace(recording, w2c=w2c)

    return change


def zoomed(factor):
    return lambda recording: replace(recording, K=np.diag([factor, factor, 1.0]) @ recording.K)


def later(recording):
    return replace(recording.take(np.minimum(np.arange(COUNT) + 1, COUNT - 1)), K=recording.K)


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (flipped, "the camera's y and z axes turned round"),
        (exchanged, "world-to-camera and camera-to-world exchanged"),
        (scaled(4), "lengths divided by 4"),
        (scaled(0.25), "lengths multiplied by 4"),
        (zoomed(2), "intrinsics of pictures half as large"),
        (zoomed(0.5), "intrinsics of pictures twice as large"),
        (later, "codes of the picture before"),
    ],
)
def test_a_mistake_is_named(head, right, mistake, words):
    recording, place, found = right
    index = np.arange(1, COUNT - 1)
    wrong = mistake(recording)
    assert check(wrong, head, place, index, found[index]).percent > BOUND
    said = verdict(wrong, head, place, index, found[index], mirror("mediapipe478"), BOUND)
    assert said.startswith("it would fit")
    assert words in said


@pytest.mark.parametrize("swapped", [True, False])
def test_mirrored(head, right, swapped):
    recording, place, found = right
    index, other = np.arange(COUNT), found.copy()
    other[..., 0] = place.size - other[..., 0]
    if swapped:  # the detector names what it sees in a mirrored picture by where it stands
        other = other[:, mirror("mediapipe478")]
    said = verdict(recording, head, place, index, other, mirror("mediapipe478"), BOUND)
    assert ("the pictures mirrored" if swapped else "x mirrored (the sign") in said


def test_no_known_mistake(head, right):
    recording, place, found = right
    index = np.arange(COUNT)
    said = verdict(recording, head, place, index, found + 40.0, mirror("mediapipe478"), BOUND)
    assert said.startswith("no usual mistake")


def test_codes_of_another_head_are_refused(head, right):
    recording = right[0]
    assert head_for(recording, head) is head
    with pytest.raises(InputError, match="codes of the head model flame2023, not of flame2020"):
        head_for(replace(recording, head="flame2023"), head)
    with pytest.raises(InputError, match="can't be exchanged"):
        head_for(recording, small_head("builtin-1"))


@pytest.mark.parametrize(
    ("codes", "head", "fits"),
    [
        ("flame2020", "flame2020", True),
        ("flame2020", "flame-2020-s100e50-0123456789ab", True),
        ("flame2023", "flame-2023-as-stated-s300e100-0123456789ab", True),
        ("flame2020", "flame-unknown-s100e50-0123456789ab", True),
        ("flame2020", "flame-2023-s100e50-0123456789ab", False),
        ("flame2023", "flame-2023-open-s100e50-0123456789ab", False),
        ("flame-2020-s100e50-0123456789ab", "flame-2020-s100e50-ba9876543210", False),
        ("builtin-1", "flame-unknown-s100e50-0123456789ab", False),
        ("flame2020", "builtin-1", False),
    ],
)
def test_which_codes_go_with_which_head(codes, head, fits):
    assert belongs(codes, head) is fits


def test_codes_are_filled_up_and_what_is_cut_is_told():
    values = np.array([[1.0, 2.0, 0.5]])
    filled, notes = fitted(values, 5, "shape")
    np.testing.assert_array_equal(filled, [[1, 2, 0.5, 0, 0]])
    assert not notes
    kept, notes = fitted(values, 2, "shape")
    np.testing.assert_array_equal(kept, [[1, 2]])
    assert "1 of 3 shape codes" in notes[0]
    assert fitted(np.array([[1.0, 0.0]]), 1, "shape")[1] == []
