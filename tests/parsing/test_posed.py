"""The fitted head in a frame: classes where they belong, the neck's front where the neck is."""

import numpy as np
import pytest

from partnerface.conventions import CLASS_NAMES
from partnerface.head.builtin import builtin_head
from partnerface.head.points import CHIN
from partnerface.parsing.label import INDEX, HairOrSkin, colour_samples, face_share, label
from partnerface.parsing.posed import PosedClip
from tests.faces import sway
from tests.parsing.subject import DEPTH, FOCAL, SIZE, tracking

cv2 = pytest.importorskip("cv2")


@pytest.fixture(scope="module")
def clip() -> PosedClip:
    head = builtin_head()
    return PosedClip(head, tracking(head, 6), raster_size=128)


def middle(shares: np.ndarray, name: str) -> np.ndarray:
    """Mean place x, y of a class, as shares of the frame's edge."""
    rows, columns = np.nonzero(shares[..., INDEX[name]] > 0.5)
    return np.array([columns.mean(), rows.mean()]) / len(shares)


def test_classes_are_where_a_face_has_them(clip: PosedClip) -> None:
    shares = clip.class_shares(0)
    assert shares.shape == (128, 128, len(CLASS_NAMES))
    total = shares.sum(-1)
    assert ((total < 1e-6) | (np.abs(total - 1) < 1e-5)).all()
    brows, eyes, nose, lips, neck = (middle(shares, name)[1] for name in ("brows", "eyes", "nose", "lips", "neck"))
    assert brows < eyes < nose < lips < neck
    np.testing.assert_allclose([middle(shares, name)[0] for name in ("eyes", "nose", "lips")], 121 / SIZE, atol=0.03)
    np.testing.assert_allclose(face_share(shares) + shares[..., INDEX["neck"]], total, atol=1e-6)


def test_frames_posed_together_are_those_posed_alone(clip: PosedClip) -> None:
    together = list(clip.all_class_shares([4, 0, 2]))
    for index, shares in zip([4, 0, 2], together, strict=True):
        np.testing.assert_allclose(shares, clip.class_shares(index), atol=1e-4)


def test_a_closer_look_shows_the_same(clip: PosedClip) -> None:
    fine = PosedClip(clip.model, tracking(clip.model, 6), raster_size=256)
    for name in ("lips", "nose", "eyes"):
        np.testing.assert_allclose(middle(clip.class_shares(2), name), middle(fine.class_shares(2), name), atol=0.006)


def test_the_neck_follows_the_motion(clip: PosedClip) -> None:
    frames = clip.neck_frames()
    assert [frames.scale(k) for k in range(6)] == pytest.approx(np.full(6, FOCAL / DEPTH), rel=0.1)
    chin, below = (np.stack([frames.pixels(k, np.array([[0.0, v]]))[0] for k in range(6)]) for v in (0.0, -0.1))
    np.testing.assert_allclose(np.diff(chin, axis=0), np.diff(sway(6), axis=0), atol=0.5)
    up = chin - below
    np.testing.assert_allclose(up / np.linalg.norm(up, axis=1, keepdims=True), np.tile([0, -1], (6, 1)), atol=0.05)
    # (0, 0) is as high as the chin of the head at rest.
    head = clip.model
    y = (head.template[head.mediapipe_faces[CHIN]] * head.mediapipe_weights[CHIN][:, None]).sum(0)[1]
    np.testing.assert_allclose(chin[0], sway(6)[0] + [121, 74] + [0, -y * FOCAL / DEPTH], atol=5)


def test_the_cut_lies_on_the_skin_of_the_neck(clip: PosedClip) -> None:
    """A place of the front goes where the vertices of the neck around it go."""
    moved = tracking(clip.model, 1)
    moved["neck_pose"] = np.array([[0.1, 0.3, 0.1]], np.float32)
    posed = PosedClip(clip.model, moved)
    frames, vertices = posed.neck_frames(), posed.vertices([0])[0]
    rest = clip.model.template
    front = np.flatnonzero((clip.model.regions == INDEX["neck"]) & (rest[:, 2] > 0) & (np.abs(rest[:, 0]) < 0.04))
    places = np.column_stack([rest[front, 0], rest[front, 1] - frames.front.chin])
    pixels = FOCAL * vertices[front, :2] / vertices[front, 2:] + moved["principal_point"][0]
    off = np.linalg.norm(frames.pixels(0, places) - pixels, axis=1)
    assert np.median(off) < 0.002 * FOCAL / DEPTH


def test_labels_take_the_head_inside_and_the_collar_below() -> None:
    shares = np.zeros((32, 32, len(CLASS_NAMES)), np.float32)
    shares[8:20, 10:22, INDEX["skin"]] = 1
    shares[10:11, 12:20, :] = 0
    shares[10:11, 12:20, INDEX["brows"]] = 1
    shares[20:28, 13:19, INDEX["neck"]] = 1
    alpha = np.zeros((64, 64), np.uint8)
    alpha[6:64, 12:52] = 255
    below = np.zeros((64, 64), np.float32)
    below[50:] = 1
    hairy = np.full((32, 32), -1.0, np.float32)
    hairy[:9] = 1  # hair above, and a fringe over the first row of the forehead
    out = label(alpha, shares, below, hairy, chin_row=40)

    def at(x: int, y: int) -> str:
        return CLASS_NAMES[out[y, x]]

    assert at(5, 30) == "background"
    assert at(32, 8) == "hair"
    assert at(32, 17) == "hair"  # the fringe
    assert at(32, 21) == "brows"
    assert at(32, 30) == "skin"
    assert at(32, 45) == "neck"
    assert at(24, 45) == "neck"  # skin beside the model's neck
    assert at(32, 55) == "cloth"
    assert at(14, 30) == "hair"  # far from the fitted head nothing is skin


def test_a_chin_in_front_of_the_collar_stays() -> None:
    shares = np.zeros((32, 32, len(CLASS_NAMES)), np.float32)
    shares[8:24, 10:22, INDEX["skin"]] = 1
    below = np.zeros((64, 64), np.float32)
    below[40:] = 1
    out = label(np.full((64, 64), 255, np.uint8), shares, below, np.zeros((32, 32), np.float32), 60)
    assert CLASS_NAMES[out[44, 32]] == "skin"
    assert CLASS_NAMES[out[44, 10]] == "cloth"


def test_hair_is_told_from_skin_by_colour() -> None:
    rng = np.random.default_rng(0)
    image = np.empty((64, 64, 3), np.uint8)
    image[:] = (205, 155, 130)
    image[:24] = (60, 40, 30)
    image = np.clip(image + rng.normal(0, 5, image.shape), 0, 255).astype(np.uint8)
    shares = np.zeros((64, 64, len(CLASS_NAMES)), np.float32)
    shares[24:60, 16:48, INDEX["skin"]] = 1
    shares[34:36, 20:44, :] = 0
    shares[34:36, 20:44, INDEX["eyes"]] = 1
    skin, hair = colour_samples(image, np.ones((64, 64), np.float32), shares)
    assert len(skin) > 200
    assert len(hair) > 500
    told = HairOrSkin(skin, hair)(image, np.ones((64, 64), bool))
    assert (told[:22] > 0).all()
    assert (told[38:] < 0).all()
    bald = HairOrSkin(skin, hair[:0])(image, np.ones((64, 64), bool))
    assert (bald < 0).all()


def test_hair_hangs_beside_the_brows_but_not_between_them() -> None:
    shares = np.zeros((32, 32, len(CLASS_NAMES)), np.float32)
    shares[6:28, 6:26, INDEX["skin"]] = 1
    for name, row, columns in (("brows", 12, (10, 14)), ("brows", 12, (18, 22)), ("eyes", 15, (10, 14))):
        shares[row, slice(*columns), :] = 0
        shares[row, slice(*columns), INDEX[name]] = 1
    alpha, below = np.full((64, 64), 255, np.uint8), np.zeros((64, 64), np.float32)
    out = label(alpha, shares, below, np.ones((32, 32), np.float32), chin_row=60)

    def at(x: int, y: int) -> str:
        return CLASS_NAMES[out[y, x]]

    assert at(32, 20) == "hair"  # the forehead under a fringe
    assert at(32, 28) == "skin"  # the bridge of dark glasses
    assert at(24, 28) == "skin"  # below a brow
    assert at(15, 28) == "hair"  # the temple
    assert at(15, 40) == "skin"  # the cheek
