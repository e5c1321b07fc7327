import numpy as np
import torch

from partnerface.geometry.camera import crop_intrinsics, intrinsics, pixel_centres, project, unproject


def test_a_point_on_the_axis_lands_on_the_principal_point():
    assert np.allclose(project(np.array([[0.0, 0.0, 2.0]]), 500.0, (128, 96)), [[128, 96]])


def test_hand_worked_projection():
    # 0.1 m to the right and 0.05 m down at 0.5 m, focal 400 px: 80 and 40 px from the middle.
    assert np.allclose(project(np.array([0.1, 0.05, 0.5]), 400.0, (160, 160)), [240, 200])


def test_torch_and_numpy_agree_and_keep_their_kind():
    points = np.random.default_rng(0).normal(size=(4, 7, 3)).astype(np.float32) + np.array([0, 0, 5])
    there = project(torch.tensor(points), torch.tensor(300.0), (10, 20))
    assert isinstance(there, torch.Tensor)
    assert np.allclose(there.numpy(), project(points, 300.0, (10, 20)))


def test_unproject_undoes_project():
    points = np.random.default_rng(1).normal(size=(9, 3)) + np.array([0, 0, 4])
    pixels = project(points, 250.0, (30, 40))
    assert np.allclose(unproject(pixels, points[:, 2], 250.0, (30, 40)), points)
    there = unproject(torch.tensor(pixels), torch.tensor(points[:, 2]), 250.0, (30, 40))
    assert np.allclose(there.numpy(), points)


def test_crop_and_scale_carry_the_camera_along():
    point = np.array([0.2, -0.1, 1.3])
    matrix = crop_intrinsics(intrinsics(600.0, (320, 240)), 100, 40, 0.5)
    expected = (project(point, 600.0, (320, 240)) - [100, 40]) * 0.5
    shown = matrix @ point
    assert np.allclose(shown[:2] / shown[2], expected)


def test_the_middle_of_pixel_centres_is_the_image_middle():
    centres = pixel_centres(4, 6)
    assert np.allclose(centres[0, 0], [0.5, 0.5])
    assert np.allclose(centres.reshape(-1, 2).mean(0), [3, 2])
