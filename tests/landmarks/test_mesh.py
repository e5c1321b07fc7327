"""MediaPipe's mesh: pixel centres at +0.5, the same answer twice, and the right face of two."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest

from partnerface.artefacts import SubjectFolder, read_npz, write, write_json
from partnerface.config.settings import LandmarksSettings
from partnerface.errors import InputError
from partnerface.landmarks.container import Landmarks
from partnerface.landmarks.detect import detect
from partnerface.landmarks.mesh import FaceMesh, cut_square
from partnerface.landmarks.region import Region
from partnerface.stages import landmarks as stage
from tests.faces import portrait, sway, swaying

cv2 = pytest.importorskip("cv2")
pytest.importorskip("mediapipe")

#: Where the portrait's face is, in shares of its edge.
FACE = np.array([0.37, 0.2, 0.58, 0.42])


@pytest.fixture(scope="module")
def mesh():
    with FaceMesh() as model:
        yield model


def settled(mesh: FaceMesh, image: np.ndarray) -> Region:
    region = Region.of_box(FACE * image.shape[0])
    for _ in range(3):
        found = mesh(image, region)
        assert found is not None
        region = Region.of_points(found[0])
    return region


def read(mesh: FaceMesh, image: np.ndarray, region: Region) -> np.ndarray:
    found = mesh(image, region)
    assert found is not None
    return found[0]


@pytest.mark.parametrize(("size", "turn"), [(96.0, 0.0), (192.0, 0.0), (96.0, 0.3), (300.0, -0.2)])
def test_the_cut_puts_each_pixel_where_it_belongs(size: float, turn: float) -> None:
    """A picture whose colours are its own coordinates shows in the square what `Region.matrix` says."""
    y, x = np.mgrid[0:400, 0:400] + 0.5
    image = np.stack([x, y, 0 * x], axis=-1).astype(np.float32)
    region = Region(200.3, 190.7, size, turn)
    square = cut_square(image, region, 96)
    v, u = np.mgrid[0:96, 0:96] + 0.5
    inner = np.s_[8:-8, 8:-8]
    matrix = region.matrix(96)
    expected = np.stack([u, v], axis=-1) @ matrix[:, :2].T + matrix[:, 2]
    # OpenCV interpolates in steps of 1/32 px of the shrunk picture.
    np.testing.assert_allclose(square[inner][..., :2], expected[inner], atol=size / 96 / 25)


@pytest.mark.parametrize("factor", [2, 3])
def test_pixel_centres_are_at_half(mesh: FaceMesh, factor: int) -> None:
    """The picture enlarged so that pixel corners stay corners: landmarks are enlarged by the same factor.

    With centres at whole numbers on either side they would shift by (factor - 1) / 2 px.
    """
    image = portrait(320)
    large = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    region = settled(mesh, image)
    enlarged = Region(region.x * factor, region.y * factor, region.size * factor, region.angle)
    shift = (read(mesh, large, enlarged) / factor - read(mesh, image, region)).mean(0)
    assert np.abs(shift[:2]).max() < 0.12


def test_landmarks_move_with_the_picture(mesh: FaceMesh) -> None:
    frames, shifts = swaying(6), sway(6)
    region = settled(mesh, frames[0])
    start = shifts[0]
    first = read(mesh, frames[0], region)
    for image, shift in zip(frames[1:], shifts[1:], strict=True):
        x, y = shift - start
        points = read(mesh, image, Region(region.x + x, region.y + y, region.size, region.angle))
        np.testing.assert_allclose(points[:, :2] - first[:, :2], np.tile([x, y], (478, 1)), atol=0.05)


def test_nothing_is_found_on_a_wall(mesh: FaceMesh) -> None:
    assert mesh(np.full((128, 128, 3), 120, np.uint8), Region(64, 64, 100, 0)) is None


def test_a_clip_is_read_the_same_twice() -> None:
    frames = np.stack(swaying(8))
    faces = np.tile(FACE * 256, (8, 1))
    first, second = detect(frames, faces), detect(frames, faces)
    assert first.found.all()
    assert (first.confidence > 0.9).all()
    np.testing.assert_array_equal(first.points, second.points)
    # The eyes' outer corners lie within the face's box, the subject's right one on the left.
    assert (first.points[:, 33, 0] < first.points[:, 263, 0]).all()
    assert ((first.points[:, 33, 0] > FACE[0] * 256 - 8) & (first.points[:, 263, 0] < FACE[2] * 256 + 8)).all()


def test_more_views_tremble_less() -> None:
    frames = np.stack(swaying(12))
    rng = np.random.default_rng(0)
    noisy = np.clip(frames + rng.normal(0, 12, frames.shape), 0, 255).astype(np.uint8)
    faces, shifts = np.tile(FACE * 256, (12, 1)), sway(12)

    def trembling(views: int, smoothing: float) -> float:
        points = detect(noisy, faces, views, smoothing).points[..., :2] - shifts[:, None]
        return float(points.std(0).mean())

    assert trembling(3, 2.0) < 0.9 * trembling(1, 0.0)


def test_the_followed_face_is_read_of_two() -> None:
    small = cv2.resize(portrait(256), (160, 160), interpolation=cv2.INTER_AREA)
    canvas = np.full((256, 416, 3), 120, np.uint8)
    canvas[:, :256] = portrait(256)
    canvas[48:208, 256:] = small
    frames = np.stack([canvas] * 3)
    right = FACE * 160 + np.array([256, 48, 256, 48])
    for box in (FACE * 256, right):
        points = detect(frames, np.tile(box, (3, 1))).points
        middle = points[0, :, :2].mean(0)
        assert box[0] < middle[0] < box[2]
        assert box[1] < middle[1] < box[3] + 10


def subject(folder: Path, frames: np.ndarray, faces: np.ndarray) -> SubjectFolder:
    names = SubjectFolder(folder)
    with write(names.frames, "frames") as path:
        np.save(path, frames)
    write_json(names.camera, {"faces": faces.tolist(), "video": "clip.mp4"}, "frames")
    return names


def test_the_stage(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    frames = np.stack(swaying(6))
    names = subject(tmp_path / "subject", frames, np.tile(FACE * 256, (6, 1)))
    stage.run(argparse.Namespace(subject_dir=names.root), LandmarksSettings(views=1))
    found = Landmarks.from_arrays(read_npz(names.landmarks, "landmarks"))
    assert found.found.all()
    stamp = json.loads((names.landmarks.parent / "landmarks.npz.stamp.json").read_text())
    assert stamp["params"]["views"] == 1
    assert "W0000" not in capfd.readouterr().err


def test_too_few_faces_are_one_line(tmp_path: Path) -> None:
    frames = np.stack([portrait(256)] + [np.full((256, 256, 3), 120, np.uint8)] * 5)
    names = subject(tmp_path / "subject", frames, np.tile(FACE * 256, (6, 1)))
    with pytest.raises(InputError, match="found in only 1 of 6 frames") as caught:
        stage.run(argparse.Namespace(subject_dir=names.root), LandmarksSettings(views=1))
    assert "\n" not in str(caught.value)
    assert not names.landmarks.exists()
