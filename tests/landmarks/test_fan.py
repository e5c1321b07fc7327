"""face-alignment's 68 points: the heat maps' reading, the squares, and the real network under random weights.

The published weights are not at hand offline. The network is the package's own, its weights are random, so nothing is
said here of how well faces are found; loading, orientation, mirroring and pixel centres are.
"""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from partnerface.errors import InputError
from partnerface.landmarks import fan
from partnerface.landmarks.container import Landmarks
from partnerface.landmarks.fan import FILE, INPUT, MAP, detect68, load_network, read_maps, square_of, squares
from partnerface.landmarks.region import Region
from partnerface.landmarks.schemes import IBUG_MIRROR
from tests.faces import portrait

pytest.importorskip("cv2")


def bumps(places: np.ndarray, height: float = 0.8) -> np.ndarray:
    """Gaussians (L, MAP, MAP) around places (L, 2), px of the map with pixel centres at +0.5."""
    grid = np.arange(MAP) + 0.5
    x, y = (np.exp(-0.5 * (grid - places[:, axis, None]) ** 2) for axis in (0, 1))
    return height * y[:, :, None] * x[:, None, :]


def test_gaussian_peaks_are_read_to_parts_of_a_pixel() -> None:
    places = np.random.default_rng(0).uniform(3, MAP - 3, (68, 2))
    found, peak = read_maps(bumps(places))
    np.testing.assert_allclose(found, places, atol=1e-6)
    assert (peak <= 0.8).all()
    assert (peak > 0.8 * np.exp(-0.25)).all()  # the middle is at most half a pixel off on each axis


def test_peaks_at_the_edge_and_in_noise_stay_in_the_map() -> None:
    maps = np.random.default_rng(1).normal(0, 0.1, (68, MAP, MAP))
    maps[0, 0, 0] = maps[1, -1, -1] = 5
    found, peak = read_maps(maps)
    np.testing.assert_allclose(found[:2], [[0.5, 0.5], [MAP - 0.5, MAP - 0.5]])
    assert np.isfinite(found).all()
    assert ((found >= 0) & (found <= MAP)).all()
    np.testing.assert_allclose(peak, maps.reshape(68, -1).max(1))


def test_peaks_agree_with_the_packages_own() -> None:
    """face-alignment steps a quarter of a pixel towards the higher neighbour, so it is within half a pixel of ours."""
    utils = pytest.importorskip("face_alignment.utils")
    places = np.random.default_rng(2).uniform(3, MAP - 3, (68, 2))
    maps = bumps(places).astype(np.float32)
    theirs, _, scores = utils.get_preds_fromhm(maps[None].copy())
    ours, peak = read_maps(maps)
    assert np.abs(theirs[0] - ours).max() <= 0.26
    assert np.abs((theirs[0] - ours).mean(0)).max() < 0.05, "pixel centres are counted alike"
    np.testing.assert_allclose(scores[0], peak)


def test_the_mirror_is_the_packages_own() -> None:
    utils = pytest.importorskip("face_alignment.utils")
    which = torch.arange(68.0)[:, None, None].expand(68, 2, 2)
    np.testing.assert_array_equal(utils.shuffle_lr(which)[:, 0, 0].numpy(), IBUG_MIRROR)


def test_the_square_is_the_one_that_the_network_was_trained_on() -> None:
    """Against the package's own transform: the middle and a corner of its input in the picture."""
    utils = pytest.importorskip("face_alignment.utils")
    box = np.array([100.0, 80.0, 260.0, 300.0])
    region = square_of(box)
    centre = np.array([180.0, 190.0 - utils.CENTER_Y_OFFSET * 220])
    scale = (160 + 220) / utils.REFERENCE_SCALE
    matrix = region.matrix(INPUT)
    for point in ((0.0, 0.0), (128.0, 128.0), (256.0, 64.0)):
        theirs = utils.transform_np(np.array(point), centre, scale, 256.0, True)  # rounded to whole pixels
        assert np.abs(matrix[:, :2] @ point + matrix[:, 2] - theirs).max() <= 1.01


def test_a_turned_head_is_shown_upright() -> None:
    rng = np.random.default_rng(3)
    points = rng.uniform(-50, 50, (1, 478, 3)).astype(np.float32)
    turn, ones = 0.4, np.ones(1)
    for right, left in ((33, 263), (160, 387), (158, 385), (133, 362), (153, 380), (144, 373)):
        points[0, right, :2], points[0, left, :2] = (-20, 0), (20, 0)
    upright = squares(np.zeros((1, 4)), mesh(points))[0]
    cos, sin = np.cos(turn), np.sin(turn)
    turned = points.copy()
    turned[..., :2] = points[..., :2] @ np.array([[cos, -sin], [sin, cos]]).T
    region = squares(np.zeros((1, 4)), mesh(turned))[0]
    assert region.angle == pytest.approx(turn, abs=1e-6)
    assert region.size == pytest.approx(upright.size, rel=1e-5)
    middle = np.array([[cos, -sin], [sin, cos]]) @ [upright.x, upright.y]
    np.testing.assert_allclose([region.x, region.y], middle, atol=1e-3)
    lost = Landmarks("mediapipe478", points * 0, ones < 0, np.zeros(1), np.zeros((1, 478)))
    assert squares(np.array([[10.0, 20, 50, 60]]), lost)[0] == square_of(np.array([10.0, 20, 50, 60]))


def mesh(points: np.ndarray) -> Landmarks:
    count = len(points)
    return Landmarks("mediapipe478", points, np.ones(count, bool), np.ones(count), np.ones((count, 478)))


class Pointer(torch.nn.Module):
    """In the network's place: every heat map is the picture's own brightness at the map's size, so that a bright spot
    is where all points are."""

    def forward(self, picture: torch.Tensor) -> list[torch.Tensor]:
        grey = torch.nn.functional.avg_pool2d(picture.mean(1, keepdim=True), 4)[0, 0]
        return [grey.expand(1, 68, MAP, MAP)]


@pytest.mark.parametrize("turn", [0.0, 0.5, -1.2])
def test_places_come_back_to_the_picture(turn: float) -> None:
    """A bright spot at a known place of the picture is found there, through the cut, the mirror and the way back."""
    y, x = np.mgrid[0:300, 0:300] + 0.5
    spot = np.array([163.3, 121.8])
    glow = 250 * np.exp(-0.5 * ((x - spot[0]) ** 2 + (y - spot[1]) ** 2) / 6.0**2)
    frames = np.repeat(glow[None, ..., None], 3, -1).astype(np.uint8)
    found = detect68(frames, [Region(150.0, 140.0, 240.0, turn)], Pointer())
    assert found.found.all()
    np.testing.assert_allclose(found.points[0, :, :2], np.tile(spot, (68, 1)), atol=0.15)
    assert found.visibility.min() > 0.7
    dark = detect68(frames * 0, [Region(150.0, 140.0, 240.0, turn)], Pointer())
    assert not dark.found.any()
    assert not dark.points.any()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the right name and shapes: the real architecture's state dict with random values."""
    models = pytest.importorskip("face_alignment.models")
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("fan") / FILE
    torch.save(models.FAN(4).state_dict(), path)
    return path


def test_the_network_is_the_packages_own(weights: Path) -> None:
    """Loaded by us and by face-alignment itself from the same file, it answers the same to a face."""
    api = pytest.importorskip("face_alignment.api")
    network = load_network(fan.weights_file(str(weights.parent)))
    frames = portrait(256)[None]
    region = squares(np.array([[95.0, 50, 148, 108]]))
    found = detect68(frames, region, network)
    again = detect68(frames, region, load_network(weights))
    np.testing.assert_array_equal(found.points, again.points)
    hub = torch.hub.get_dir()
    try:
        torch.hub.set_dir(str(weights.parent / "hub"))
        place = weights.parent / "hub" / "checkpoints"
        place.mkdir(parents=True)
        (place / FILE).symlink_to(weights)
        assert fan.weights_file(None) == place / FILE
        theirs = api.FaceAlignment(
            api.LandmarksType.TWO_D, device="cpu", face_detector="folder", compile=False
        ).face_alignment_net
    finally:
        torch.hub.set_dir(hub)
    picture = torch.rand(1, 3, INPUT, INPUT)
    with torch.inference_mode():
        assert torch.equal(network(picture)[-1], theirs(picture)[-1])


@pytest.mark.parametrize("how", ["cut", "text", "other", "pickle", "script"])
def test_damaged_or_other_weights_are_one_line(how: str, weights: Path, tmp_path: Path) -> None:
    path = tmp_path / FILE
    if how == "cut":
        path.write_bytes(weights.read_bytes()[:1_000_000])
    if how == "text":
        path.write_text("not weights")
    if how == "other":
        torch.save({"features.0.weight": torch.zeros(3)}, path)
    if how == "pickle":
        torch.save({"run": Path}, path)  # an object, which weights_only refuses
    if how == "script":  # face-alignment before 1.4 brought TorchScript archives
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("net/code/__torch__.py", "pass")
            archive.writestr("net/constants.pkl", b"x")
    with pytest.raises(InputError, match="2DFAN") as caught:
        load_network(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_absent_weights_name_file_source_licence_and_place(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        fan.weights_file(str(tmp_path))
    for words in (FILE, "adrianbulat.com", "BSD-3-Clause", str(tmp_path)):
        assert words in str(caught.value)
    assert "\n" not in str(caught.value)
