"""IMavatar's `flame_params.json` with its traps: negative fx, FLAME times four, old intrinsics, a split rotation."""

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from partnerface.errors import InputError
from partnerface.exchange import formats
from partnerface.exchange.imavatar import intrinsics_of
from partnerface.exchange.place import placement
from tests.exchange.toy import SIZE, codes, landmarks, ours_in_pixels, save_picture, small_head, stored, turns

COUNT = 4
INTRINSICS = [-1.3, 1.3, 0.48, 0.53]


def pad(values, count):
    return [*values.tolist(), *[0.0] * (count - len(values))]


def write_clip(folder, values, orient, shift, intrinsics=INTRINSICS, first=1):
    """A clip as DECA's fit leaves it; returns what went in as `world_mat`."""
    frames = []
    for k in range(len(orient)):
        name = str(k + first)
        save_picture(folder / "image" / f"{name}.png")
        save_picture(folder / "mask" / f"{name}.png", 200, mode="L")
        pose = np.concatenate([orient[k], values["neck_pose"][k], values["jaw_pose"][k], values["eye_pose"][k]])
        frames.append(
            {
                "file_path": f"./image/{name}",
                "world_mat": np.concatenate([np.eye(3), shift[k][:, None]], 1).tolist(),
                "expression": pad(values["expression"][k], 50),
                "pose": pose.tolist(),
                "bbox": [-0.5, -0.5, 0.5, 0.5],
                "flame_keypoints": [[0.0, 0.0]],
            }
        )
    data = {"frames": frames, "shape_params": pad(values["shape"], 100), "intrinsics": intrinsics}
    (folder / "flame_params.json").write_text(json.dumps(data))


@pytest.fixture
def made(tmp_path):
    values = {**codes(COUNT), "eyelids": np.zeros((COUNT, 2))}
    orient, shift = turns(COUNT, 0.2, 8), np.array([0.05, 0.1, -4.0]) + turns(COUNT, 0.1, 9)
    write_clip(tmp_path, values, orient, shift)
    return tmp_path, values, orient, shift


def foreign_pixels(head, values, orient, shift, intrinsics=INTRINSICS, size=SIZE):
    """As the original has it: FLAME four times as large, seen by K with its negative fx in OpenGL's axes."""
    seen = 4 * landmarks(head, values, global_orient=orient) + shift[:, None]
    fx, fy, cx, cy = (np.array(intrinsics) * size).tolist()
    return np.stack([fx * seen[..., 0] / seen[..., 2] + cx, fy * seen[..., 1] / seen[..., 2] + cy], -1)


def test_points_land_where_the_foreign_camera_sees_them(made):
    folder, values, orient, shift = made
    assert formats.detect(folder) == "imavatar"
    recording, head = formats.read(folder), small_head()
    place = placement(recording.K, recording.size, SIZE)
    expected = stored(foreign_pixels(head, values, orient, shift), place)
    np.testing.assert_allclose(ours_in_pixels(recording, head, place), expected, atol=1e-6)


def test_lengths_are_metres(made):
    folder, _, _, shift = made
    recording = formats.read(folder)
    # A head of a quarter of the size stands a quarter as far away, in front of the camera.
    np.testing.assert_allclose(recording.w2c[:, 2, 3], -shift[:, 2] / 4)
    assert (recording.w2c[:, 2, 3] > 0.8).all()


def test_the_negative_focal_length_is_a_sign_of_the_axes():
    K = intrinsics_of(np.array(INTRINSICS), (200, 100))
    np.testing.assert_allclose(K, [[260, 0, 96], [0, 130, 53], [0, 0, 1]])


def test_old_intrinsics_are_pixels_at_512(made):
    old = [-1.3 * 512, 1.3 * 512, 0.48 * 512, 0.53 * 512]
    np.testing.assert_allclose(
        intrinsics_of(np.array(old), (256, 256)), intrinsics_of(np.array(INTRINSICS), (256, 256))
    )
    folder, values, orient, shift = made
    write_clip(folder, values, orient, shift, old)
    np.testing.assert_allclose(formats.read(folder).K[0], intrinsics_of(np.array(INTRINSICS), (SIZE, SIZE)))


def test_the_heads_rotation_may_stand_in_either_joint(made, tmp_path):
    """DECA's fit puts it into the neck; both joints are read, so the skull turns alike."""
    folder, values, orient, shift = made
    head = small_head()
    head.skinning_weights[:] = [0, 1, 0, 0, 0]  # a skull, nothing else
    head.pose_basis[:] = 0
    for split in (0.0, 0.4, 1.0):
        neck = (Rotation.from_rotvec(orient) * Rotation.from_rotvec(values["neck_pose"])).as_rotvec()
        parts = {**values, "neck_pose": (1 - split) * neck}
        rest = Rotation.from_rotvec(neck) * Rotation.from_rotvec(parts["neck_pose"]).inv()
        write_clip(folder, parts, rest.as_rotvec(), shift)
        recording = formats.read(folder)
        place = placement(recording.K, recording.size, SIZE)
        expected = stored(foreign_pixels(head, parts, rest.as_rotvec(), shift), place)
        np.testing.assert_allclose(ours_in_pixels(recording, head, place), expected, atol=1e-6)
        whole = Rotation.from_rotvec(recording.parameters["global_orient"]) * Rotation.from_rotvec(
            recording.parameters["neck_pose"]
        )
        np.testing.assert_allclose(whole.as_matrix(), Rotation.from_rotvec(neck).as_matrix(), atol=1e-9)


def test_names_are_counted_from_one(made):
    recording = formats.read(made[0])
    assert recording.numbers.tolist() == [0, 1, 2, 3]
    assert [image.name for image in recording.images] == ["1.png", "2.png", "3.png", "4.png"]
    assert [mask.name for mask in recording.masks if mask] == ["1.png", "2.png", "3.png", "4.png"]


def test_names_are_ordered_by_number(tmp_path):
    values = codes(12)
    write_clip(tmp_path, values, turns(12, 0.1, 1), np.tile([0.0, 0, -4], (12, 1)))
    data = json.loads((tmp_path / "flame_params.json").read_text())
    data["frames"].sort(key=lambda frame: frame["file_path"])  # 1, 10, 11, 12, 2, ...
    (tmp_path / "flame_params.json").write_text(json.dumps(data))
    recording = formats.read(tmp_path)
    assert [int(image.stem) for image in recording.images] == list(range(1, 13))
    np.testing.assert_allclose(recording.parameters["jaw_pose"], values["jaw_pose"])


def test_a_subject_with_clips(made, tmp_path_factory):
    _, values, orient, shift = made
    root = tmp_path_factory.mktemp("data")
    for clip in ("MVI_2", "MVI_10"):
        write_clip(root / "yufeng" / "yufeng" / clip, values, orient, shift)
    recording = formats.read(root)
    assert recording.clip.tolist() == [0] * COUNT + [1] * COUNT
    assert "MVI_2" in str(recording.images[0])
    write_clip(root / "yufeng" / "yufeng" / "other", {**values, "shape": values["shape"] + 1}, orient, shift)
    with pytest.raises(InputError, match="another person"):
        formats.read(root)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("pose", [0.0] * 12, "pose of 2"),
        ("world_mat", [[1, 0], [0, 1]], "world_mat of 2"),
        ("expression", None, "expr"),
    ],
)
def test_bad_frames_are_one_line(made, key, value, words):
    data = json.loads((made[0] / "flame_params.json").read_text())
    data["frames"][1][key] = value
    (made[0] / "flame_params.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match=words) as error:
        formats.read(made[0])
    assert "\n" not in str(error.value)
