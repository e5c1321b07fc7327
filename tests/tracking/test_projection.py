"""The landmarks' closed-form projection against the whole head's skinning, and its derivatives against autograd."""

from dataclasses import replace

import torch

from partnerface.geometry.camera import project as camera_project
from partnerface.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from partnerface.head.skinning import embed, head_tensors, pose_head
from partnerface.tracking.projection import project, right_jacobian
from partnerface.tracking.state import EXPRESSION_START, posed_between


def test_agrees_with_skinning_of_the_whole_head(toy):
    state, points = toy.clip(count=5)
    values = {name: torch.as_tensor(value).double() for name, value in state.parameters(toy.head).items()}
    focal = float(values.pop("focal")[0])
    posed = pose_head(head_tensors(toy.model, dtype=torch.float64), **values)
    landmarks = embed(posed.vertices, *map(torch.as_tensor, (toy.model.mediapipe_faces, toy.model.mediapipe_weights)))
    pixels = camera_project(landmarks, focal, torch.tensor([toy.size / 2, toy.size / 2], dtype=torch.float64))
    assert abs(focal - toy.focal) < 1e-3
    # The parameters went through float32, as on disk.
    assert (pixels - torch.as_tensor(points[..., :2])).abs().max() < 2e-3


def test_derivatives_agree_with_autograd(toy):
    state, _ = toy.clip(count=3)
    count, own = len(state), EXPRESSION_START + toy.head.n_expression
    closed = project(toy.head, state, jacobian=True, depth=True).jacobian

    def seen(step, shared):
        out = project(toy.head, state.moved(step, shared))
        return torch.cat([out.pixels, out.depth[..., None]], -1)

    zero = (torch.zeros(count, own, dtype=torch.float64), torch.zeros(1 + toy.head.n_shape, dtype=torch.float64))
    by_frame, by_shared = torch.autograd.functional.jacobian(seen, zero)
    assert closed is not None
    for frame in range(count):
        torch.testing.assert_close(closed[frame, ..., :own], by_frame[frame, :, :, frame], rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(closed[..., own:], by_shared, rtol=1e-7, atol=1e-7)


def test_derivatives_without_the_shared_unknowns(toy):
    state, _ = toy.clip(count=2)
    whole = project(toy.head, state, jacobian=True).jacobian
    own = project(toy.head, state, jacobian=True, shared=False).jacobian
    assert whole is not None
    assert own is not None
    torch.testing.assert_close(whole[..., : own.shape[-1]], own)


def test_right_jacobian_at_rest_and_far_from_it():
    for vector in (torch.zeros(3).double(), torch.tensor([0.4, -0.9, 0.2]).double()):
        step = 1e-6 * torch.tensor([1.0, -2.0, 0.5]).double()
        turned = axis_angle_to_matrix(vector).T @ axis_angle_to_matrix(vector + step)
        torch.testing.assert_close(matrix_to_axis_angle(turned), right_jacobian(vector) @ step, rtol=1e-5, atol=1e-12)


def test_a_pose_between_two(toy):
    first, _ = toy.clip(4)
    turn = axis_angle_to_matrix(torch.tensor([[0.0, 0.2, 0.0]], dtype=first.rotation.dtype))
    second = replace(first, rotation=first.rotation @ turn, position=first.position + 0.02)
    assert torch.equal(posed_between(first, first, second, 0.0).rotation, first.rotation)
    torch.testing.assert_close(posed_between(first, first, second, 1.0).rotation, second.rotation)
    between = posed_between(second, first, second, 0.25)
    turned = matrix_to_axis_angle(first.rotation.transpose(1, 2) @ between.rotation)
    torch.testing.assert_close(turned, torch.tensor([[0.0, 0.05, 0.0]], dtype=turned.dtype).expand(4, 3))
    torch.testing.assert_close(between.position, first.position + 0.005)
