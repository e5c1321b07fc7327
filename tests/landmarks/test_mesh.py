"""MediaPipe's mesh: pixel centres at +0.5, the same answer twice, and the right face of two."""

import numpy as np
import pytest

from partnerface.landmarks.cut import cut_square, cut_squares
from partnerface.landmarks.detect import VIEWS, detect
from partnerface.landmarks.mesh import FaceMesh
from partnerface.landmarks.region import Region
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


@pytest.mark.parametrize("size", [150.0, 230.0, 300.0])
def test_squares_of_one_cut_are_those_of_many(size: float) -> None:
    """Shrinking once for all views, from a part of the picture, shows what the whole picture would show."""
    image = portrait(401)[:, :397]
    region = Region(205.0, 150.0, size, 0.1)
    regions = [region.moved(*view) for view in VIEWS]
    together = cut_squares(image, regions, 96)
    for one, square in zip(regions, together, strict=True):
        apart = cut_square(image, one, 96)
        assert np.abs(square.astype(int) - apart).mean() < 1.5
        # By supersampling: eight by eight points per pixel, bilinear, then their mean.
        fine = cut_square(image, one, 768).reshape(96, 8, 96, 8, 3).mean((1, 3))
        assert np.abs(square - fine).mean() < 2.5


def test_a_square_beyond_the_picture_repeats_its_edge() -> None:
    image = np.zeros((101, 103, 3), np.uint8)
    image[:, -1] = 200
    image[-1] = 90
    square = cut_square(image, Region(103.0, 50.0, 240.0, 0.0), 96)
    np.testing.assert_array_equal(square[40, 60:], np.full((36, 3), 200))
    np.testing.assert_array_equal(square[80:, 10], np.full((16, 3), 90))


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
    assert (first.confidence > 0.8).all()
    np.testing.assert_array_equal(first.points, second.points)
    # The eyes' outer corners lie within the face's box, the subject's right one on the left.
    assert (first.points[:, 33, 0] < first.points[:, 263, 0]).all()
    assert ((first.points[:, 33, 0] > FACE[0] * 256 - 8) & (first.points[:, 263, 0] < FACE[2] * 256 + 8)).all()


def test_the_number_of_workers_changes_nothing() -> None:
    frames = np.stack(swaying(60))
    faces = np.tile(FACE * 256, (60, 1))
    one, three = detect(frames, faces, workers=1), detect(frames, faces, workers=3)
    np.testing.assert_array_equal(one.points, three.points)
    np.testing.assert_array_equal(one.confidence, three.confidence)
    np.testing.assert_array_equal(one.visibility, three.visibility)


def test_a_covered_face_is_not_found_or_doubtful() -> None:
    """MediaPipe's presence score stays near 1 under a hand; the disagreement of the views gives it away."""
    frames = np.stack(swaying(12, 384))
    faces = np.tile(FACE * 384, (12, 1))
    rng = np.random.default_rng(0)
    covered = frames.copy()
    x, y = ((FACE[:2] + FACE[2:]) / 2 * 384).astype(int)
    for image, (right, down) in zip(covered[4:8], sway(12)[4:8], strict=True):
        mask = np.zeros(image.shape[:2], np.float32)
        cv2.ellipse(mask, (int(x + right), int(y + down)), (75, 90), 0, 0, 360, 1.0, -1)
        mask = cv2.GaussianBlur(mask, (0, 0), 1.5)[..., None]
        hand = np.clip(np.array([190, 140, 120]) + rng.normal(0, 4, image.shape), 0, 255)
        image[:] = image * (1 - mask) + hand * mask
    found = detect(covered, faces)
    open_ = np.r_[0:4, 8:12]
    assert found.found[open_].all()
    assert found.confidence[open_].min() > 0.7
    assert found.confidence[4:8].max() < 0.3
    assert found.found[4:8].sum() <= 1
    assert not found.visibility[~found.found].any()


def test_a_face_that_leaves_the_frame_is_not_found() -> None:
    frames = np.stack(swaying(4))
    away = np.roll(frames, 170, axis=2)
    away[:, :, :170] = frames[:, :, :1]
    found = detect(away, np.tile(FACE * 256 + [170, 0, 170, 0], (4, 1)))
    assert not found.found.any()
    assert not found.points.any()
    half = np.roll(frames, 135, axis=2)
    half[:, :, :135] = frames[:, :, :1]
    found = detect(half, np.tile(FACE * 256 + [135, 0, 135, 0], (4, 1)))
    beyond = found.points[..., 0] > 256
    assert beyond.any()
    assert not found.visibility[beyond].any()


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
