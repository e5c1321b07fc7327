"""Ours → a format → ours."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from partnerface.errors import InputError
from partnerface.exchange import formats
from partnerface.exchange.ours import depth_picture, new_folder
from partnerface.exchange.pictures import load
from partnerface.exchange.place import parameters_for, placement
from partnerface.exchange.write_imavatar import write_imavatar
from partnerface.exchange.write_insta import write_insta
from partnerface.exchange.write_nerfstudio import write_nerfstudio
from tests.exchange.toy import SIZE, landmarks, our_subject, small_head

#: INSTA's text files hold nine digits, which is a float32; its JSON, and the others', hold doubles. What is left is the
#: float32 of a code in a text file (1e-7 of it) and of a 6-D row, whose angle is good to 1e-7 rad.
TOLERANCE = 1e-6
WRITERS = {
    "insta": lambda ours, folder: write_insta(ours, folder, True, lambda: None),
    "imavatar": lambda ours, folder: write_imavatar(ours, folder, lambda: None),
    "nerfstudio": lambda ours, folder: write_nerfstudio(ours, folder, lambda: None),
}


def written(tmp_path, name, ours):
    folder = tmp_path / "out"
    with new_folder(folder) as temporary:
        notes = WRITERS[name](ours, temporary)
    return folder, notes


@pytest.mark.parametrize("head_name", ["flame2020", "builtin-1"])
@pytest.mark.parametrize("name", WRITERS)
def test_the_tracking_comes_back(tmp_path, name, head_name):
    head = small_head(head_name)
    ours = our_subject(head)
    folder, _ = written(tmp_path, name, ours)
    assert formats.detect(folder) == name
    recording = formats.read(folder)
    assert recording.head == head_name
    assert recording.fps == 30.0
    np.testing.assert_array_equal(recording.numbers, ours.numbers)
    np.testing.assert_array_equal(recording.clip, 0)
    back, notes = parameters_for(recording, head)
    assert not notes
    assert set(back) == set(ours.tracking)
    for key, value in ours.tracking.items():
        np.testing.assert_allclose(back[key], value, atol=TOLERANCE, err_msg=key)
    place = placement(recording.K, recording.size, 512)
    assert place.size == SIZE
    assert place.focal == pytest.approx(ours.focal, rel=1e-12)
    np.testing.assert_allclose(place.principal_point, ours.principal_point, atol=1e-9)


@pytest.mark.parametrize("name", WRITERS)
def test_pictures_and_masks_come_back(tmp_path, name):
    ours = our_subject(small_head())
    recording = formats.read(written(tmp_path, name, ours)[0])
    for k in range(len(ours)):
        picture = ours.picture(k)
        rgb, alpha = load(recording.images[k], recording.size)
        np.testing.assert_array_equal(rgb, picture.rgb)  # straight: not multiplied
        if alpha is None:
            mask = recording.masks[k]
            assert mask is not None
            alpha = np.array(Image.open(mask))
        # INSTA's alpha is opaque from the middle on.
        np.testing.assert_array_equal(alpha, picture.alpha)


@pytest.mark.parametrize("name", ["insta", "imavatar"])
def test_one_camera_for_all_is_baked_into_the_pictures(tmp_path, name):
    """Where the principal point moves, pictures are shifted so that landmarks stay on their pixels."""
    head = small_head()
    ours = our_subject(head, moving_centre=True)
    folder, notes = written(tmp_path, name, ours)
    assert "one camera for all frames" in notes[0]
    recording = formats.read(folder)
    place = placement(recording.K, recording.size, 512)
    assert np.ptp(place.principal_point, axis=0).max() < 1e-9
    back, _ = parameters_for(recording, head)
    points = landmarks(head, back)
    now = points[..., :2] / points[..., 2:] * place.focal + place.principal_point[:, None]
    points = landmarks(head, ours.tracking)
    before = points[..., :2] / points[..., 2:] * ours.focal + ours.principal_point[:, None]
    shift = ours.principal_point - np.median(ours.principal_point, 0)
    np.testing.assert_allclose(now, before - shift[:, None], atol=1e-4)
    k = len(ours) - 1
    x, y = np.round(shift[k]).astype(int)
    assert (x, y) == (5, -4)  # 5.25 and -3.5 px
    old, new = ours.picture(k).rgb.astype(float), load(recording.images[k], recording.size)[0].astype(float)
    moved = 0.75 * old[16:40, 21:45] + 0.25 * old[16:40, 22:46]
    moved = (moved + 0.75 * old[17:41, 21:45] + 0.25 * old[17:41, 22:46]) / 2
    np.testing.assert_allclose(new[20:44, 16:40], moved, atol=2)


def test_a_moving_centre_is_kept_by_nerfstudio(tmp_path):
    ours = our_subject(small_head(), moving_centre=True)
    recording = formats.read(written(tmp_path, "nerfstudio", ours)[0])
    np.testing.assert_allclose(placement(recording.K, recording.size, 512).principal_point, ours.principal_point)


def test_more_codes_than_imavatar_has_room_for(tmp_path):
    head = small_head()
    wide = replace(
        head,
        expression_basis=np.repeat(head.expression_basis, 8, axis=2),
        expression_names=tuple(str(k) for k in range(72)),
    )
    ours = our_subject(head)
    many = np.random.default_rng(1).normal(0, 1, (len(ours), 72)).astype(np.float32).astype(float)
    ours = replace(ours, head=wide, tracking={**ours.tracking, "expression": many})
    folder, notes = written(tmp_path, "imavatar", ours)
    assert "expression has 72 codes" in notes[0]
    np.testing.assert_allclose(formats.read(folder).parameters["expression"], many)
    data = json.loads((folder / "me" / "me" / "train" / "flame_params.json").read_text())
    assert len(data["frames"][0]["expression"]) == 50


def test_instas_layout(tmp_path):
    head = small_head()
    ours = our_subject(head)
    folder, _ = written(tmp_path, "insta", ours)
    data = {
        name: json.loads((folder / f"transforms{name}.json").read_text()) for name in ("", "_train", "_test", "_val")
    }
    files = {name: [frame["file_path"] for frame in one["frames"]] for name, one in data.items()}
    assert files["_train"] + files["_test"] == files[""]
    assert len(files["_test"]) == 2
    assert files["_val"] == files[""][-20:]
    frame = data[""]["frames"][3]
    assert frame["file_path"] == "images/00004.png"  # numbers of the source frames, which lack 3
    for key in ("file_path", "mesh_path", "depth_path", "seg_mask_path", "exp_path"):
        assert (folder / frame[key]).is_file(), key
    assert len(np.loadtxt(folder / frame["exp_path"])) == head.n_expression
    assert len(np.loadtxt(folder / "flame" / "jaw" / "00004.txt")) == 6
    for text in (frame["mesh_path"], "canonical.obj"):
        lines = (folder / text).read_text().splitlines()
        assert sum(line.startswith("v ") for line in lines) == head.n_vertices
        assert sum(line.startswith("f ") for line in lines) == len(head.faces)
    assert {float(value) for value in (data[""]["w"], data[""]["h"])} == {SIZE}
    assert data[""]["integer_depth_scale"] == 0.001


def test_instas_meshes_lie_where_the_camera_sees_the_head(tmp_path):
    """The exported mesh through the exported camera, in OpenCV's axes, meets our own projection."""
    head = small_head()
    ours = our_subject(head)
    folder, _ = written(tmp_path, "insta", ours)
    data = json.loads((folder / "transforms.json").read_text())
    for k, vertices in ours.posed():
        frame = data["frames"][k]
        lines = [line.split()[1:] for line in (folder / frame["mesh_path"]).read_text().splitlines() if line[0] == "v"]
        w2c = np.linalg.inv(np.array(frame["transform_matrix"]))
        seen = np.array(lines, float) @ w2c[:3, :3].T + w2c[:3, 3]
        np.testing.assert_allclose(seen, vertices, atol=2e-7)


def test_depth_is_in_millimetres():
    square = np.array([[-0.1, -0.1, 0.5], [0.1, -0.1, 0.5], [0.1, 0.1, 0.7], [-0.1, 0.1, 0.7]])
    depth = depth_picture(square, np.array([[0, 1, 2], [0, 2, 3]]), 40.0, np.array([32.0, 32.0]), 64)
    assert depth.dtype == np.uint16
    # The ray through the middle of row 32 meets the plane z = 0.6 + y at y = 0.6 u / (1 - u), u = 0.5 / 40.
    assert depth[32, 32] == round(1000 * (0.6 + 0.6 * 0.0125 / (1 - 0.0125)))
    assert depth[0, 0] == 0


def test_imavatars_layout(tmp_path):
    head = small_head("builtin-1")
    ours = our_subject(head)
    folder, _ = written(tmp_path, "imavatar", ours)
    train, test = folder / "me" / "me" / "train", folder / "me" / "me" / "test"
    data = json.loads((train / "flame_params.json").read_text())
    assert data["intrinsics"] == [-90 / SIZE, 90 / SIZE, 0.5, 0.5]
    assert [frame["file_path"] for frame in data["frames"]][:4] == ["./image/1", "./image/2", "./image/3", "./image/5"]
    assert len(json.loads((test / "flame_params.json").read_text())["frames"]) == 2
    assert sorted(path.name for path in (test / "semantic").iterdir()) == ["10.png", "11.png"]
    frame = data["frames"][0]
    assert (len(frame["expression"]), len(frame["pose"]), len(data["shape_params"])) == (50, 15, 100)
    assert np.array(frame["world_mat"])[:, 3][2] < -3  # four times as far away, along -z
    np.testing.assert_array_equal(np.array(frame["world_mat"])[:, :3], np.eye(3))
    assert "not to FLAME" in data["partnerface"]["note"]


def test_nerfstudios_world_has_z_up(tmp_path):
    ours = our_subject(small_head())
    data = json.loads((written(tmp_path, "nerfstudio", ours)[0] / "transforms.json").read_text())
    turn = np.array(data["applied_transform"])
    np.testing.assert_array_equal(turn[:, :3] @ [0, 1, 0], [0, 0, 1])
    for frame in data["frames"]:
        c2w = np.array(frame["transform_matrix"])
        assert c2w[2, 1] > 0.5  # the camera's up is the world's up, nearly
    assert len(data["test_filenames"]) == 2


def test_a_folder_that_is_there_is_left_alone(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="is there already"), new_folder(tmp_path / "out"):
        pass
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"


def test_nothing_half_written_is_left(tmp_path):
    def fail():
        with new_folder(tmp_path / "out") as folder:
            (folder / "a.txt").write_text("a")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []
