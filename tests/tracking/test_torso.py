"""The torso's tilt: found from sightings with slides and strays, and from drawn pictures of the built-in head."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from partnerface.conventions import FACING_CAMERA
from partnerface.geometry.rasterize import interpolate, rasterize
from partnerface.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from partnerface.head.builtin import builtin_head
from partnerface.head.posing import posed_vertices
from partnerface.tracking.fit import Tracking
from partnerface.tracking.landmark_head import landmark_head
from partnerface.tracking.state import neutral_state
from partnerface.tracking.torso import Tracks, follow, steps_of, tilts, with_torso

SIZE, FOCAL, COUNT = 240, 420.0, 60
#: What half a millimetre is 9 cm from the joint, radians.
NOISE = 0.006


def sway(count: int, size: float = 0.05) -> np.ndarray:
    """(N,) radians: a slow sway to both sides, of mean zero."""
    return size * np.sin(np.linspace(0, 2 * np.pi, count, endpoint=False))


def sightings(angle: np.ndarray, seed: int = 0, strays: float = 0.0) -> Tracks:
    """40 spots 5 to 15 cm below the joint, each seen over half of the clip, 0.5 mm off; some are 3 cm astray."""
    rng = np.random.default_rng(seed)
    home = np.stack([rng.uniform(-0.06, 0.06, 40), rng.uniform(0.05, 0.15, 40)], 1)
    half = len(angle) // 2
    spot = np.repeat(np.arange(40), half)
    frame = (
        np.arange(half) + rng.integers(-half // 2, len(angle) - half // 2, (40, 1)).clip(0, len(angle) - half)
    ).ravel()
    cos, sin = np.cos(angle[frame]), np.sin(angle[frame])
    x, y = home[spot].T
    place = np.stack([cos * x - sin * y, sin * x + cos * y], 1) + 5e-4 * rng.standard_normal((len(spot), 2))
    place[rng.random(len(spot)) < strays] += 0.03
    return Tracks(spot, frame, place, 40)


@pytest.mark.parametrize("strays", [0.0, 0.2])
def test_tilt_is_found_from_sightings(strays):
    angle = sway(120)
    found = tilts(sightings(angle, strays=strays), 120, np.full(119, 1 / 30))
    assert np.abs(found - angle).max() < NOISE


def test_frames_without_sightings_are_bridged_and_a_cut_is_not():
    angle = np.where(np.arange(120) < 60, 0.05, -0.05)
    tracks = sightings(angle)
    seen = (np.abs(tracks.frame - 20) > 3) & ((tracks.frame < 60) == (tracks.spot % 2 == 0))
    tracks = Tracks(tracks.spot[seen], tracks.frame[seen], tracks.pixels[seen], 40)
    gap = np.full(119, 1 / 30)
    gap[59] = 10.0
    found = tilts(tracks, 120, gap)
    # Each take's own spots say how it tilts within the take, not by how much the takes differ.
    assert np.ptp(found[:60]) < NOISE
    assert np.ptp(found[60:]) < NOISE


@pytest.fixture(scope="module")
def still() -> Tracking:
    """A tracking of a head that turns a little above a torso that is taken to keep still."""
    model = builtin_head()
    head = landmark_head(model, torch.float64)
    facing = axis_angle_to_matrix(torch.tensor(FACING_CAMERA, dtype=torch.float64)).expand(COUNT, 3, 3)
    turn = torch.zeros(COUNT, 3, dtype=torch.float64)
    turn[:, 1] = 0.1 * torch.sin(torch.arange(COUNT) / 9)
    position = torch.tensor([0.0, -0.03, np.log(0.6 / FOCAL)], dtype=torch.float64).expand(COUNT, 3)
    log_focal = torch.tensor([np.log(FOCAL)], dtype=torch.float64)
    state = neutral_state(facing @ axis_angle_to_matrix(turn), position, facing, head, log_focal)
    return Tracking(
        model=model,
        state=state,
        head=head,
        image_size=SIZE,
        principal_point=np.full((COUNT, 2), SIZE / 2),
        landmarks_px=np.zeros((COUNT, head.count, 2)),
        error_px=np.zeros(COUNT),
        bridged=np.zeros(COUNT, bool),
        focal_error=np.zeros(1),
        warnings=[],
    )


def tilted(tracking: Tracking, angle: np.ndarray) -> Tracking:
    turn = torch.zeros(len(angle), 3, dtype=torch.float64)
    turn[:, 2] = torch.as_tensor(angle)
    torso = axis_angle_to_matrix(turn) @ tracking.state.torso
    return replace(tracking, state=replace(tracking.state, torso=torso))


def drawn(tracking: Tracking, contrast: float = 50.0) -> np.ndarray:
    """(N, SIZE, SIZE, 3) uint8: the head with a pattern on its skin."""
    model, pictures = tracking.model, []
    for vertices in posed_vertices(model, tracking.arrays()):
        pixels = FOCAL * vertices[:, :2] / vertices[:, 2:] + SIZE / 2
        face, weights, _ = rasterize(pixels, vertices[:, 2], model.faces, SIZE, SIZE)
        x, y, _ = np.moveaxis(interpolate(face, weights, model.faces, model.template), -1, 0)
        grey = np.where(face >= 0, 120 + contrast * np.sin(300 * x) * np.sin(280 * y + 1), 60)
        pictures.append(np.repeat(grey[..., None], 3, 2).astype(np.uint8))
    return np.stack(pictures)


def person(picture: np.ndarray) -> np.ndarray:
    return (picture[..., 0] != 60).astype(np.float32)


def test_torso_follows_the_pictures_and_the_head_stays(still):
    truth = tilted(still, sway(COUNT))
    steps = []
    found = with_torso(still, drawn(truth), np.arange(COUNT) / 30, person, lambda: steps.append(1))
    turn = matrix_to_axis_angle(found.state.torso @ truth.state.torso.transpose(-1, -2))
    assert turn.norm(dim=1).max() < 0.02
    assert turn.norm(dim=1).median() < 0.008
    assert len(steps) == steps_of(COUNT)
    before, after = (
        posed_vertices(
            still.model, tracking.arrays(), vertices=np.flatnonzero(still.model.skinning_weights[:, 1] > 0.999)
        )
        for tracking in (still, found)
    )
    np.testing.assert_allclose(after, before, atol=2e-6)


def test_torso_without_marks_keeps_still(still):
    found = with_torso(still, drawn(still, contrast=0.0) * 0 + 90, np.arange(COUNT) / 30, person)
    assert found is still


def test_no_spot_is_followed_across_a_cut(still):
    time = np.arange(COUNT) / 30 + np.where(np.arange(COUNT) < 30, 0, 10)
    tracks = follow(still.model, still.arrays(), drawn(still), time, person, lambda: None)
    for spot in range(tracks.count):
        assert len(set(tracks.frame[tracks.spot == spot] < 30)) == 1
