"""nerfstudio's layout, pictures and cameras; and formats that are known by their keys and not read."""

import json

import numpy as np
import pytest

from partnerface.errors import InputError
from partnerface.exchange import formats
from partnerface.exchange.place import placement
from tests.exchange.toy import SIZE, cameras, save_picture

COUNT = 3
SHARED = {"camera_model": "OPENCV", "w": SIZE, "h": SIZE, "fl_x": 90.0, "fl_y": 90.0, "cx": 30.0, "cy": 35.0}


@pytest.fixture
def made(tmp_path):
    rotation, shift = cameras(COUNT)
    frames = []
    for k in range(COUNT):
        save_picture(tmp_path / "images" / f"frame_{k + 1:05d}.png")
        # The camera's axes in the world are the rows of R; OpenGL's y and z point the other way.
        c2w = np.eye(4)
        c2w[:3, 0], c2w[:3, 1], c2w[:3, 2] = rotation[k][0], -rotation[k][1], -rotation[k][2]
        c2w[:3, 3] = -rotation[k].T @ shift[k]
        frames.append({"file_path": f"images/frame_{k + 1:05d}.png", "transform_matrix": c2w.tolist()})
    write(tmp_path, {**SHARED, "frames": frames})
    return tmp_path, rotation, shift, frames


def write(folder, data):
    (folder / "transforms.json").write_text(json.dumps(data))


def test_cameras(made):
    folder, rotation, shift, _ = made
    assert formats.detect(folder) == "nerfstudio"
    recording = formats.read(folder)
    np.testing.assert_allclose(recording.w2c[:, :3, :3], rotation, atol=1e-12)
    np.testing.assert_allclose(recording.w2c[:, :3, 3], shift, atol=1e-12)
    np.testing.assert_allclose(recording.K[0], [[90, 0, 30], [0, 90, 35], [0, 0, 1]])
    assert not recording.parameters
    assert "pictures and cameras only" in recording.notes[0]


def test_intrinsics_per_frame_win(made):
    folder, _, _, frames = made
    write(folder, {**SHARED, "frames": [{**frame, "fl_x": 80.0 + k, "cx": 20.0} for k, frame in enumerate(frames)]})
    K = formats.read(folder).K
    np.testing.assert_allclose(K[:, 0, 0], [80, 81, 82])
    np.testing.assert_allclose(K[:, 0, 2], 20)
    np.testing.assert_allclose(K[:, 1, 1], 90)


def test_oblong_pictures_of_oblong_pixels(made):
    """A point keeps its place: the square that is cut has the pixels of one focal length."""
    folder, _, _, frames = made
    for frame in frames:
        save_picture(folder / frame["file_path"], size=(SIZE, 96))
    write(folder, {**SHARED, "h": 96, "fl_y": 108.0, "frames": frames})
    recording = formats.read(folder)
    place = placement(recording.K, recording.size, 512)
    box, point = place.boxes[0], np.array([0.1, -0.2, 2.0])
    assert (box[3] - box[1]) / (box[2] - box[0]) == pytest.approx(1.2)
    pixels = np.array([90 * 0.05 + 30, 108 * -0.1 + 35])
    expected = (pixels - box[:2]) * place.size / (box[2:] - box[:2])
    np.testing.assert_allclose(point[:2] / point[2] * place.focal + place.principal_point[0], expected)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"k1": 0.05}, "distorted .k1"),
        ({"camera_model": "OPENCV_FISHEYE"}, "no pinhole"),
        ({"fl_x": "long"}, "fl_x holds no"),
        ({"fl_x": -90.0}, "not positive"),
        ({"w": 2 * SIZE}, "another crop"),
    ],
)
def test_what_is_no_pinhole_is_one_line(made, keys, words):
    write(made[0], {**SHARED, **keys, "frames": made[3]})
    with pytest.raises(InputError, match=words) as error:
        formats.read(made[0])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"expression": [0.0] * 76, "bbox": [0, 1, 0, 1]}, "NerFace"),
        ({"exp_ori": [0.0] * 46, "img_id": 0}, "NeRFBlend"),
    ],
)
def test_known_and_not_read(made, keys, words):
    write(made[0], {"frames": [{**frame, **keys} for frame in made[3]]})
    with pytest.raises(InputError, match=words):
        formats.detect(made[0])


def test_unknown_folders(tmp_path):
    with pytest.raises(InputError, match="holds none of"):
        formats.detect(tmp_path)
    with pytest.raises(InputError, match="is no folder"):
        formats.detect(tmp_path / "none")
    (tmp_path / "flame_params.json").write_text(json.dumps({"frames": [{"other": 1}]}))
    with pytest.raises(InputError, match="holds none of"):
        formats.detect(tmp_path)
