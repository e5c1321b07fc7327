"""Inverse skinning undoes the head's motion."""

import torch

from partnerface.avatar.motion import Motion
from partnerface.avatar.surface import CHUNK, HEAD_BONE, VOXEL, Surface, mesh_rings
from partnerface.head.skinning import head_tensors
from tests.avatar.toy import toy_head, toy_motion


def make(frames=6):
    head = toy_head()
    surface = Surface(head_tensors(head), torch.zeros(1), torch.as_tensor(head.faces), 0.2)
    return surface, Motion.from_arrays(toy_motion(frames))


def test_posed_vertices_return_to_their_canonical_places():
    surface, motion = make()
    frames = surface.frames(motion)
    count = frames.vertices.shape[1]
    slot = torch.arange(len(motion)).repeat_interleave(count)
    canonical, distance, _ = surface.to_canonical(frames.vertices.reshape(-1, 3), slot, frames)
    error = (canonical.view(len(motion), count, 3) - surface.canonical).norm(dim=-1)
    assert distance.quantile(0.99) < 1e-6
    assert distance.max() < VOXEL
    # The maps of neighbours are blended, so places where they differ (the jaw's edge) may miss by a little.
    assert error.median() < 2e-4
    assert error.quantile(0.99) < 2e-3
    # The motion that is undone is much larger than what is left.
    moved = (frames.vertices - surface.canonical).norm(dim=-1)
    assert moved.quantile(0.99) > 5 * error.quantile(0.99)


def test_nearest_vertices_are_found_in_chunks():
    generator = torch.Generator().manual_seed(0)
    vertices = torch.rand(50, 3, generator=generator)
    points = torch.rand(2 * CHUNK + 7, 3, generator=generator)
    expected = torch.cdist(points.double(), vertices.double()).argmin(1)
    assert torch.equal(Surface._nearest(points, vertices), expected)
    assert len(Surface._nearest(points[:0], vertices)) == 0


def test_rigid_frame_is_the_head_bones():
    surface, motion = make(2)
    frames = surface.frames(motion)
    posed = motion.pose(surface.head, surface.shape)
    back = frames.vertices @ frames.rotation.transpose(1, 2) + frames.translation[:, None]
    torch.testing.assert_close(back, posed.vertices, atol=1e-5, rtol=0)
    torch.testing.assert_close(frames.rotation, posed.bone_transforms[:, HEAD_BONE, :3, :3])


def test_far_from_the_surface_the_rigid_motion_rules():
    surface, motion = make(1)
    frames = surface.frames(motion)
    far = torch.tensor([[0.0, 0.25, 0.0]])
    canonical, distance, _ = surface.to_canonical(far, torch.zeros(1, dtype=torch.int64), frames)
    assert distance.item() > 0.06
    torch.testing.assert_close(canonical, far)


def test_height_is_signed_and_smooth_between_vertices():
    """In the middles of an ellipsoid's triangles, whose edges are up to 3 cm long: flat, or a chord's sag below it."""
    surface, motion = make(2)
    frames = surface.frames(motion)
    corners = surface.faces
    vertices, normals = frames.vertices[1], surface._normals(frames.vertices)[1]
    middle, across = vertices[corners].mean(1), torch.nn.functional.normalize(normals[corners].mean(1), dim=1)
    slot = torch.ones(len(middle), dtype=torch.int64)
    below, on, over = (surface.to_canonical(middle + 0.004 * k * across, slot, frames)[2] for k in (-1, 0, 1))
    assert on.min() > -0.003
    assert on.max() < 0.001
    for raised in (over - on, on - below):
        # But for the fold at the jaw's edge.
        assert float((raised - 0.004).abs().quantile(0.98)) < 5e-4
    assert surface.to_canonical(vertices, torch.ones(len(vertices), dtype=torch.int64), frames)[2].abs().max() < 0.003


def test_gradient_reaches_the_points():
    surface, motion = make(1)
    frames = surface.frames(motion)
    points = frames.vertices[0, ::7].clone().requires_grad_()
    canonical, _, _ = surface.to_canonical(points, torch.zeros(len(points), dtype=torch.int64), frames)
    canonical.sum().backward()
    assert points.grad is not None
    assert points.grad.abs().sum(1).min() > 0.1


def test_cached_frames_are_the_same():
    surface, motion = make(3)
    first, again = surface.frames(motion), surface.frames(motion.take([2, 0]))
    torch.testing.assert_close(again.maps, first.maps[[2, 0]])
    assert again.row.tolist() == first.row[[2, 0]].tolist()


def test_rings_stay_on_the_mesh():
    # Two triangles that touch in space but share no edge: neighbours never cross.
    vertices = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0.01], [1, 0, 0.01], [0, 1, 0.01]])
    ring = mesh_rings(torch.tensor([[0, 1, 2], [3, 4, 5]]), vertices, 5)
    assert ring[0, 0] == 0
    assert set(ring[0].tolist()) == {0, 1, 2}
    assert set(ring[4].tolist()) == {3, 4, 5}
