"""The refinement on drawn clips of the toy head: pictures say what the landmarks had wrong."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor

from partnerface.geometry.rasterize import interpolate, rasterize
from partnerface.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from partnerface.head.skinning import head_tensors, pose_head
from partnerface.tracking.fit import FitOptions, fit_clip
from partnerface.tracking.photometric.places import surface_places
from partnerface.tracking.photometric.refine import MARGINS, Refinement
from partnerface.tracking.photometric.sight import Sight
from partnerface.tracking.projection import project


def draw(toy, state, size: int) -> np.ndarray:
    """(T, size, size, 3) uint8: the toy head with a pattern on its skin, lit from the side, before grey."""
    codes = {name: torch.as_tensor(value) for name, value in state.parameters(toy.head).items()}
    focal = float(codes.pop("focal")[0])
    vertices = pose_head(head_tensors(toy.model), codes.pop("shape"), **codes).vertices.numpy()
    rest, frames = toy.model.template, []
    for corners in vertices:
        pixels = focal * corners[:, :2] / corners[:, 2:] + size / 2
        face, weights, _ = rasterize(pixels, corners[:, 2], toy.model.faces, size, size)
        place = interpolate(face, weights, toy.model.faces, rest)
        turned = interpolate(face, weights, toy.model.faces, corners)
        pattern = np.sin(420 * place[..., 0]) * np.sin(380 * place[..., 1] + 1) + np.sin(150 * place[..., 1])
        light = 1 + 3 * (turned[..., 0] - turned[..., 0].mean())
        grey = np.where(face >= 0, (120 + 35 * pattern) * light, 60)
        frames.append(np.repeat(np.clip(grey, 0, 255)[..., None], 3, 2).astype(np.uint8))
    return np.stack(frames)


def angles(tracking, truth) -> torch.Tensor:
    """(T,) degrees between fitted and true rotation, a constant one between the two apart."""
    turn = truth.rotation.transpose(1, 2) @ tracking.state.rotation
    u, _, v = torch.linalg.svd(turn.mean(0))
    return torch.rad2deg(matrix_to_axis_angle(turn @ (u @ v).T).norm(dim=1))


@pytest.fixture(scope="module")
def clip(toy):
    """A clip whose landmarks swing about their places as the head turns, as detectors' do: truth, landmarks, frames.

    Lips and eyes are where they should be: MediaPipe finds them anew in crops of their own.
    """
    truth, points = toy.clip(30)
    facing = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64))
    turn = matrix_to_axis_angle(facing @ truth.rotation)
    # What a detector sees is a head that turns by a fifth less.
    seen = dataclasses.replace(truth, rotation=facing @ axis_angle_to_matrix(0.8 * turn))
    wrong = project(toy.head, seen)
    swung = torch.cat([wrong.pixels + toy.size / 2, wrong.depth[..., None]], -1).numpy()
    swung[:, MARGINS, :2] = points[:, MARGINS, :2]
    points = swung
    return truth, points, draw(toy, truth, toy.size)


def test_turns_that_the_landmarks_belittle_are_found_in_the_pictures(toy, clip):
    truth, points, frames = clip
    found = np.ones(len(points), bool)
    plain = fit_clip(toy.model, points, found, toy.size, options=FitOptions(refine=False), frames=frames)
    refined, half = (
        fit_clip(toy.model, points, found, toy.size, options=FitOptions(refined_share=share), frames=frames)
        for share in (1.0, 0.5)
    )
    before, after = angles(plain, truth), angles(refined, truth)
    assert before.median() > 2.0
    assert after.median() < 0.4 * before.median()
    # By default the pose lies in the middle between the two.
    turns = [matrix_to_axis_angle(f.state.rotation.transpose(1, 2) @ half.state.rotation) for f in (plain, refined)]
    torch.testing.assert_close(turns[0], -turns[1], atol=1e-6, rtol=0)


def test_with_the_pose_settled_lips_and_lids_come_nearer_to_their_landmarks(toy, clip, monkeypatch):
    _, points, frames = clip

    def fitted() -> tuple[Tensor, Tensor]:
        """Rotations, and the mean error of the margins' landmarks, px."""
        state = fit_clip(toy.model, points, np.ones(len(points), bool), toy.size, frames=frames).state
        pixels = project(toy.head, state).pixels[:, MARGINS] + toy.size / 2
        return state.rotation, (pixels - torch.as_tensor(points[:, MARGINS, :2])).norm(dim=-1).mean()

    rotation, error = fitted()
    monkeypatch.setattr(Refinement, "settled", lambda self, state, *_: state)
    before, worse = fitted()
    assert torch.equal(rotation, before)
    assert error < 0.9 * worse


def test_frames_without_light_or_landmarks_do_no_harm(toy, clip):
    truth, points, frames = clip
    found = np.ones(len(points), bool)
    found[10:12] = False
    whole = fit_clip(toy.model, points, found, toy.size, frames=frames)
    frames = frames.copy()
    frames[20] = 0
    dark = fit_clip(toy.model, points, found, toy.size, frames=frames)
    assert dark.state.rotation.isfinite().all()
    assert dark.state.expression.isfinite().all()
    lit = torch.arange(len(points)) != 20
    assert angles(dark, truth)[lit].median() < 1.5 * angles(whole, truth)[lit].median()


def test_the_same_frames_give_the_same_bits(toy, clip):
    _, points, frames = clip

    def fitted() -> dict[str, np.ndarray]:
        return fit_clip(toy.model, points[:8], np.ones(8, bool), toy.size, frames=frames[:8]).arrays()

    first, second = fitted(), fitted()
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_places_on_the_far_side_are_not_seen(toy):
    state, _ = toy.clip(4)
    facing = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64))
    turns = torch.tensor([[0.0, 0.0, 0.0], [0.0, 1.2, 0.0], [0.0, -1.2, 0.0], [0.0, 3.1, 0.0]], dtype=torch.float64)
    state = dataclasses.replace(state, rotation=facing @ axis_angle_to_matrix(turns))
    corners, weights = surface_places(toy.model, 300)
    x = (toy.model.template[corners] * weights[..., None]).sum(1)[:, 0]
    seen, normals = Sight(toy.model, toy.head, corners, weights)(state, 100.0)
    assert seen[0].mean() > 0.7
    # Turned by 69 degrees only one half is left, and from behind nothing.
    left, right = torch.as_tensor(x > 0.03), torch.as_tensor(x < -0.03)
    assert abs(seen[1][left].mean() - seen[1][right].mean()) > 0.5
    assert abs(seen[2][left].mean() - seen[2][right].mean()) > 0.5
    assert (seen[1][left].mean() > seen[1][right].mean()) != (seen[2][left].mean() > seen[2][right].mean())
    assert seen[3].max() == 0
    torch.testing.assert_close(normals.norm(dim=-1), torch.ones(normals.shape[:2]))
