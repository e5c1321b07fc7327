"""VHAP's export for GaussianAvatars: OpenGL cameras, a head that moves in the world, 5143 vertices."""

import json
from dataclasses import replace

import numpy as np
import pytest

from partnerface.errors import InputError
from partnerface.exchange import formats
from partnerface.exchange.place import head_for, placement
from tests.exchange.toy import SIZE, codes, landmarks, ours_in_pixels, save_picture, small_head, stored, turns

COUNT = 4


@pytest.fixture
def made(tmp_path):
    """An export of one camera whose focal length and centre change from frame to frame."""
    rng = np.random.default_rng(2)
    values = {**codes(COUNT), "eyelids": np.zeros((COUNT, 2))}
    poses = {"global_orient": turns(COUNT, 0.3, 4), "translation": turns(COUNT, 0.05, 6)}
    offset = rng.normal(0, 1e-3, (5143, 3))
    frames, focal = [], 70 + 5 * np.arange(COUNT)
    for k in range(COUNT):
        c2w = np.eye(4)
        c2w[:3, 3] = [0.01, 0.02, 1]
        save_picture(tmp_path / "images" / f"{k:05d}_00.png")
        save_picture(tmp_path / "fg_masks" / f"{k:05d}_00.png", mode="L")
        (tmp_path / "flame_param").mkdir(exist_ok=True)
        np.savez(
            tmp_path / "flame_param" / f"{k:05d}.npz",
            translation=poses["translation"][k : k + 1],
            rotation=poses["global_orient"][k : k + 1],
            neck_pose=values["neck_pose"][k : k + 1],
            jaw_pose=values["jaw_pose"][k : k + 1],
            eyes_pose=values["eye_pose"][k : k + 1],
            shape=values["shape"],
            expr=values["expression"][k : k + 1],
            static_offset=offset[None],
        )
        frames.append(
            {
                "timestep_index": k,
                "camera_index": 0,
                "camera_id": "0",
                "fl_x": float(focal[k]),
                "fl_y": float(focal[k]),
                "cx": 31.0 + k,
                "cy": 33.0,
                "w": SIZE,
                "h": SIZE,
                "transform_matrix": c2w.tolist(),
                "file_path": f"images/{k:05d}_00.png",
                "fg_mask_path": f"fg_masks/{k:05d}_00.png",
                "flame_param_path": f"flame_param/{k:05d}.npz",
            }
        )
    write(tmp_path, {"frames": frames, "fl_x": 1.0, "fl_y": 1.0, "cx": 0.0, "cy": 0.0})
    return tmp_path, {**values, **poses}, offset, focal


def write(folder, data):
    (folder / "transforms.json").write_text(json.dumps(data))


def read_json(folder):
    return json.loads((folder / "transforms.json").read_text())


def test_points_land_where_the_foreign_camera_sees_them(made):
    folder, values, offset, focal = made
    assert formats.detect(folder) == "vhap"
    recording = formats.read(folder)
    plain = small_head("flame2023", 5023)
    # VHAP adds the offset to the surface that joints are regressed from.
    head = replace(plain, template=(plain.template + offset[:5023]).astype(np.float32))
    world = landmarks(head, values)
    frame = read_json(folder)["frames"]
    pixels = np.zeros((*world.shape[:2], 2))
    for k in range(COUNT):
        back = np.linalg.inv(np.array(frame[k]["transform_matrix"]))
        seen = world[k] @ back[:3, :3].T + back[:3, 3]  # OpenGL: y up, looks along -z
        pixels[k, :, 0] = focal[k] * seen[:, 0] / -seen[:, 2] + 31 + k
        pixels[k, :, 1] = focal[k] * -seen[:, 1] / -seen[:, 2] + 33
    place = placement(recording.K, recording.size, SIZE)
    found = ours_in_pixels(recording, head_for(recording, plain), place)
    np.testing.assert_allclose(found, stored(pixels, place), atol=1e-4)
    assert len(set(np.round(place.boxes[:, 2] - place.boxes[:, 0], 6))) == COUNT  # one focal length, other boxes


def test_the_offset_is_of_flames_own_vertices(made):
    folder, _, offset, _ = made
    recording = formats.read(folder)
    assert recording.static_offset is not None
    np.testing.assert_array_equal(recording.static_offset, offset[:5023])
    with pytest.raises(InputError, match="offset for 5023 vertices"):
        head_for(recording, small_head("flame2023"))


def test_masks_are_found(made):
    assert [mask.parent.name for mask in formats.read(made[0]).masks if mask] == ["fg_masks"] * COUNT


def test_several_cameras_want_a_name(made):
    data = read_json(made[0])
    data["frames"] += [{**frame, "camera_id": "1", "camera_index": 1} for frame in data["frames"]]
    write(made[0], data)
    with pytest.raises(InputError, match="has the cameras 0, 1; name one with --camera"):
        formats.read(made[0])
    assert len(formats.read(made[0], camera="1")) == COUNT
    with pytest.raises(InputError, match="has no camera 7"):
        formats.read(made[0], camera="7")


def test_an_export_of_meshes_is_not_taken_for_insta(made):
    data = read_json(made[0])
    for frame in data["frames"]:
        del frame["flame_param_path"]
        frame |= {"exp_path": "flame/exp/00000.txt", "mesh_path": "meshes/00000.obj"}
    write(made[0], data)
    assert formats.detect(made[0]) == "vhap"
    recording = formats.read(made[0])
    assert not recording.parameters
    assert "exported as meshes" in recording.notes[0]


def test_a_pickle_in_an_npz_is_refused(made):
    file = made[0] / "flame_param" / "00002.npz"
    np.savez(file, shape=np.array([{}], dtype=object))
    with pytest.raises(InputError, match=r"00002\.npz is no \.npz of plain numbers"):
        formats.read(made[0])
    file.write_bytes(b"PK not a zip")
    with pytest.raises(InputError, match=r"00002\.npz is no \.npz"):
        formats.read(made[0])


def test_a_missing_key_is_one_line(made):
    np.savez(made[0] / "flame_param" / "00002.npz", shape=np.zeros(6))
    with pytest.raises(InputError, match=r"00002\.npz: rotation holds no 3 numbers"):
        formats.read(made[0])
