"""INSTA's folders: matrices that look like OpenGL's and are OpenCV's, codes from where they are, paths that stay in."""

import json
import shutil

import numpy as np
import pytest
import torch

from partnerface.errors import InputError
from partnerface.exchange import formats
from partnerface.exchange.place import placement
from tests.exchange.test_metrical import K, frame
from tests.exchange.toy import SIZE, cameras, codes, landmarks, ours_in_pixels, save_picture, small_head, stored

COUNT = 5


@pytest.fixture
def made(tmp_path):
    """A stock folder: expression alone; its JSON lists the frames in no order."""
    values = {**codes(COUNT), "neck_pose": np.zeros((COUNT, 3))}
    rotation, shift = cameras(COUNT)
    frames = []
    for k in range(COUNT):
        save_picture(tmp_path / "images" / f"{k:05d}.png", mode="RGBA")
        w2c = np.eye(4)
        w2c[:3, :3], w2c[:3, 3] = rotation[k], shift[k]
        (tmp_path / "flame" / "exp").mkdir(parents=True, exist_ok=True)
        np.savetxt(tmp_path / "flame" / "exp" / f"{k:05d}.txt", values["expression"][k], fmt="%.8f")
        frames.append(
            {
                "transform_matrix": np.linalg.inv(w2c).tolist(),
                "file_path": f"images/{k:05d}.png",
                "exp_path": f"flame/exp/{k:05d}.txt",
                "mesh_path": f"meshes/{k:05d}.obj",
            }
        )
    data = {"w": float(SIZE), "h": float(SIZE), "fl_x": K[0, 0], "fl_y": K[1, 1], "cx": K[0, 2], "cy": K[1, 2]}
    order = [3, 0, 4, 2, 1]
    write(tmp_path, {**data, "frames": [frames[k] for k in order]})
    return tmp_path, values, rotation, shift


def write(folder, data):
    (folder / "transforms.json").write_text(json.dumps(data))


def change(folder, k, **keys):
    data = json.loads((folder / "transforms.json").read_text())
    data["frames"][k].update(keys)
    write(folder, data)


def with_frame_files(folder, values, rotation, shift):
    (folder / "checkpoint").mkdir()
    for k in range(COUNT):
        torch.save(frame(values, k, rotation[k], shift[k]), folder / "checkpoint" / f"{k:05d}.frame")


def test_points_land_where_the_tracker_saw_them(made):
    folder, values, rotation, shift = made
    with_frame_files(*made)
    assert formats.detect(folder) == "insta"
    recording, head = formats.read(folder), small_head()
    seen = np.einsum("nij,nlj->nli", rotation, landmarks(head, values)) + shift[:, None]
    pixels = np.einsum("ij,nlj->nli", K, seen)
    place = placement(recording.K, recording.size, SIZE)
    expected = stored(pixels[..., :2] / pixels[..., 2:], place)
    np.testing.assert_allclose(ours_in_pixels(recording, head, place), expected, atol=1e-3)
    # Read as OpenGL's the head would lie behind the camera.
    assert (seen[..., 2] > 0).all()


def test_the_order_of_the_json_means_nothing(made):
    with_frame_files(*made)
    recording = formats.read(made[0])
    assert recording.numbers.tolist() == list(range(COUNT))
    assert [image.stem for image in recording.images] == [f"{k:05d}" for k in range(COUNT)]
    np.testing.assert_allclose(recording.w2c[:, :3, 3], made[3], atol=1e-12)
    np.testing.assert_allclose(recording.parameters["expression"], made[1]["expression"], atol=1e-6)


def test_stock_insta_has_no_jaw_and_says_so(made):
    recording = formats.read(made[0])
    assert not recording.parameters
    assert "jaw, eyes, shape" in recording.notes[-1]
    assert "checkpoint/" in recording.notes[-1]


@pytest.mark.parametrize("dialect", ["6-D", "axis-angle"])
def test_codes_in_text_files_by_their_length(made, dialect):
    folder, values, *_ = made
    for k in range(COUNT):
        one = frame(values, k, np.eye(3), np.zeros(3))["flame"]
        columns = {"shape": one["shape"], "jaw": one["jaw"], "eyes": one["eyes"]}
        if dialect == "axis-angle":
            columns |= {"jaw": values["jaw_pose"][k], "eyes": values["eye_pose"][k]}
        for name, column in columns.items():
            (folder / "flame" / name).mkdir(exist_ok=True)
            np.savetxt(folder / "flame" / name / f"{k:05d}.txt", np.ravel(column), fmt="%.8f")
    recording = formats.read(folder)
    np.testing.assert_allclose(recording.parameters["jaw_pose"], values["jaw_pose"], atol=1e-6)
    np.testing.assert_allclose(recording.parameters["eye_pose"], values["eye_pose"], atol=1e-6)
    np.testing.assert_array_equal(recording.parameters["eyelids"], 0)


def test_parts_alone_are_joined_each_frame_once(made):
    folder = made[0]
    data = json.loads((folder / "transforms.json").read_text())
    frames = data["frames"]
    for name, part in (("train", frames[:3]), ("test", frames[3:]), ("val", frames[-1:])):
        (folder / f"transforms_{name}.json").write_text(json.dumps({**data, "frames": part}))
    (folder / "transforms.json").unlink()
    assert formats.detect(folder) == "insta"
    assert formats.read(folder).numbers.tolist() == list(range(COUNT))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("../secret.png", "outside of"),
        ("/etc/passwd", "outside of"),
        ("images/../../secret.png", "outside of"),
        ("C:\\secret.png", "outside of"),
        ("..\\secret.png", "outside of"),
        ("images/99999.png", "is not in"),
        (["images/00000.png"], "names no file"),
        (None, "names no file"),
        ("link.png", "a link out of"),
        ("linked/secret.png", "a link out of"),
    ],
)
def test_paths_stay_in_the_folder(made, tmp_path_factory, path, words):
    folder, elsewhere = made[0], tmp_path_factory.mktemp("elsewhere")
    save_picture(elsewhere / "secret.png")
    shutil.copy(elsewhere / "secret.png", folder.parent / "secret.png")
    (folder / "link.png").symlink_to(elsewhere / "secret.png")
    (folder / "linked").symlink_to(elsewhere)
    change(folder, 2, file_path=path)
    with pytest.raises(InputError, match=words) as error:
        formats.read(folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"transform_matrix": [[1, 2], [3, 4]]}, "transform_matrix"),
        ({"transform_matrix": "no"}, "transform_matrix"),
        ({"transform_matrix": [[float("nan")] * 4] * 4}, "not numbers"),
        ({"transform_matrix": np.diag([2.0, 2, 2, 1]).tolist()}, "no rotation"),
        ({"transform_matrix": np.diag([-1.0, 1, 1, 1]).tolist()}, "no rotation"),
        ({"file_path": "images/00000.png"}, "twice"),
    ],
)
def test_bad_frames_are_one_line(made, keys, words):
    change(made[0], 2, **keys)
    if "twice" in words:
        save_picture(made[0] / "more" / "00000.png")
        change(made[0], 2, file_path="more/00000.png")
    with pytest.raises(InputError, match=words) as error:
        formats.read(made[0])
    assert "\n" not in str(error.value)


def test_bad_files_are_one_line(made):
    folder = made[0]
    data = json.loads((folder / "transforms.json").read_text())
    for bad, words in (({**data, "frames": []}, "list of `frames`"), ({"frames": data["frames"]}, "lacks the key")):
        write(folder, bad)
        with pytest.raises(InputError, match=words):
            formats.read(folder, "insta")
    for text, words in (("{", "is not JSON"), ("[1]", "no mapping"), ("[" * 100_000, "is not JSON")):
        (folder / "transforms.json").write_text(text)
        with pytest.raises(InputError, match=words):
            formats.read(folder)
