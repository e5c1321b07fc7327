"""metrical-tracker's `.frame` files, made by hand and projected apart from our code."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from partnerface.errors import InputError
from partnerface.exchange import formats
from partnerface.exchange.place import placement
from tests.exchange.toy import SIZE, cameras, codes, landmarks, ours_in_pixels, save_picture, small_head, stored

COUNT = 5
K = np.array([[80.0, 0, 30], [0, 80, 33], [0, 0, 1]])


def rows(axis_angle):
    """6-D form: the first two rows of the matrix."""
    return Rotation.from_rotvec(axis_angle).as_matrix()[:2].reshape(1, 6).astype(np.float32)


def frame(values, k, rotation, shift, size=SIZE):
    eyes = values["eye_pose"][k]
    return {
        "flame": {
            "exp": values["expression"][k][None].astype(np.float32),
            "shape": values["shape"][None].astype(np.float32),
            "tex": np.zeros((1, 140), np.float32),
            "sh": np.zeros((1, 9, 3), np.float32),
            "eyes": np.concatenate([rows(eyes[:3]), rows(eyes[3:])], 1),
            "eyelids": values["eyelids"][k][None].astype(np.float32),
            "jaw": rows(values["jaw_pose"][k]),
        },
        "camera": {"R": np.zeros((1, 6)), "t": np.zeros((1, 3)), "fl": np.ones((1, 1)), "pp": np.zeros((1, 2))},
        "opencv": {"R": rotation[None].astype(np.float32), "t": shift[None].astype(np.float32), "K": K[None]},
        "img_size": np.array([size, size]),
        "frame_id": f"{k:05d}",
        "global_step": 100,
    }  # fmt: skip


@pytest.fixture
def made(tmp_path):
    """A folder of COUNT frames, and what was put into it; a function that writes pictures completes it."""
    values = {**codes(COUNT), "neck_pose": np.zeros((COUNT, 3))}
    rotation, shift = cameras(COUNT)
    (tmp_path / "checkpoint").mkdir()
    for k in range(COUNT):
        torch.save(frame(values, k, rotation[k], shift[k]), tmp_path / "checkpoint" / f"{k:05d}.frame")

    def pictures(folder="input", first=0, count=COUNT, size=(SIZE, SIZE), suffix="png"):
        for k in range(count):
            save_picture(tmp_path / folder / f"{k + first:05d}.{suffix}", 10 * k, size)

    return tmp_path, values, rotation, shift, pictures


def test_points_land_where_the_foreign_camera_sees_them(made):
    folder, values, rotation, shift, pictures = made
    pictures()
    head = small_head()
    assert formats.detect(folder) == "metrical-tracker"
    recording = formats.read(folder)
    world = landmarks(head, values)  # no neck, no global rotation: the camera moves
    seen = np.einsum("nij,nlj->nli", rotation, world) + shift[:, None]
    pixels = np.einsum("ij,nlj->nli", K, seen)
    place = placement(recording.K, recording.size, SIZE)
    expected = stored(pixels[..., :2] / pixels[..., 2:], place)
    # Files hold float32: 1e-7 of a metre over a metre, 90 px of focal length.
    np.testing.assert_allclose(ours_in_pixels(recording, head, place), expected, atol=1e-3)
    assert recording.head == "flame2020"


def test_rows_are_not_columns(made):
    folder, values, *_, pictures = made
    pictures()
    recording = formats.read(folder)
    np.testing.assert_allclose(recording.parameters["jaw_pose"], values["jaw_pose"], atol=1e-6)
    np.testing.assert_allclose(recording.parameters["eye_pose"], values["eye_pose"], atol=1e-6)
    # Columns would give the inverse rotations.
    assert np.abs(recording.parameters["jaw_pose"] + values["jaw_pose"]).max() > 0.05


def test_pictures_counted_from_one(made):
    folder, *_, pictures = made
    pictures("imgs", first=1, suffix="jpg")
    recording = formats.read(folder)
    assert [image.stem for image in recording.images] == [f"{k + 1:05d}" for k in range(COUNT)]
    assert recording.numbers.tolist() == list(range(COUNT))
    assert "counted from 1" in recording.notes[0]


def test_pictures_from_one_in_another_folder_are_noticed_by_their_last(made):
    folder, *_, pictures = made
    pictures("images", first=1)
    assert formats.read(folder).images[0].stem == "00001"
    assert formats.read(folder).numbers[0] == 0


def test_missing_pictures_are_left_out_and_told(made):
    folder, values, *_, pictures = made
    pictures(count=3)
    recording = formats.read(folder)
    assert recording.numbers.tolist() == [0, 1, 2]
    np.testing.assert_allclose(recording.parameters["expression"], values["expression"][:3], atol=1e-6)
    assert recording.notes == ("2 of 5 .frame files have no picture and are left out",)


def test_intrinsics_follow_the_pictures_size(made):
    folder, *_, pictures = made
    pictures(size=(2 * SIZE, 2 * SIZE))
    np.testing.assert_allclose(formats.read(folder).K[0], np.diag([2, 2, 1]) @ K)


def test_another_crop_is_refused(made):
    folder, *_, pictures = made
    pictures(size=(2 * SIZE, SIZE))
    with pytest.raises(InputError, match="another crop"):
        formats.read(folder)


def test_no_pictures(made):
    with pytest.raises(InputError, match="no pictures in any of input/"):
        formats.read(made[0])


def test_another_trackers_frames_are_refused_by_name(tmp_path):
    data = {"flame": {"R": np.zeros((1, 6))}, "camera": {"R_base_0": np.eye(3), "t_base_0": np.zeros(3)}}
    torch.save(data, tmp_path / "00000.frame")
    with pytest.raises(InputError, match="pixel3dmm"):
        formats.detect(tmp_path)
    torch.save({"flame": {}}, tmp_path / "00000.frame")
    with pytest.raises(InputError, match="of another program"):
        formats.detect(tmp_path)


def test_a_frame_without_a_key(made):
    folder, values, rotation, shift, pictures = made
    pictures()
    data = frame(values, 3, rotation[3], shift[3])
    del data["flame"]["jaw"]
    torch.save(data, folder / "checkpoint" / "00003.frame")
    with pytest.raises(InputError, match=r"00003\.frame lacks flame\.jaw"):
        formats.read(folder)


@pytest.mark.parametrize("exp", [np.array(["a"]), np.array([{}, None], object), [0.0]])
def test_a_frame_with_no_numbers_under_a_key(exp, tmp_path):
    torch.save({"flame": {"exp": exp}, "opencv": {}}, tmp_path / "00000.frame")
    with pytest.raises(InputError, match=r"lacks flame\.exp"):
        formats.detect(tmp_path)
