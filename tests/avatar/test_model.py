"""What an untrained avatar looks like: the head model."""

import torch

from partnerface.avatar.deformation import partition
from partnerface.avatar.methods import AvatarConfig
from partnerface.avatar.model import CALIBRATION_REACH, Avatar
from partnerface.avatar.motion import Motion, Whitening
from partnerface.avatar.surface import Surface
from partnerface.head.skinning import head_tensors
from tests.avatar.toy import camera, toy_head, toy_motion


def untrained(rise: float) -> tuple[Avatar, Motion]:
    torch.manual_seed(0)
    head, motion = toy_head(), Motion.from_arrays(toy_motion(8))
    surface = Surface(head_tensors(head), torch.zeros(1), torch.as_tensor(head.faces), 0.2)
    config = AvatarConfig(surface_rise=rise)
    whitenings = Whitening.fit(motion.face_features(), 8), Whitening.fit(motion.pose_features(), 6, share=1.0)
    # Room for what stands off a face, as training has it.
    hull = torch.cdist(surface.box.centres(surface.resolution), surface.canonical).amin(1) < 0.02
    centres = partition(surface.canonical, torch.ones(len(surface.canonical)), config.parts)
    return Avatar(config, surface, *whitenings, hull.view(surface.resolution), centres), motion


def test_what_is_seen_of_an_untrained_avatar_is_the_surface_of_the_posed_head():
    """Rays through vertices that face the camera stop at them, however the face moves."""
    avatar, motion = untrained(AvatarConfig().surface_rise)
    frame, view = motion.take([3]), camera(128)
    vertices = frame.pose(avatar.surface.head, avatar.surface.shape).vertices[0]
    chosen = torch.nonzero(vertices[:, 2] < vertices[:, 2].min() + 0.03)[:, 0]
    pixels = (vertices[chosen] @ view.T)[:, :2] / vertices[chosen, 2:]
    slot, white = torch.zeros(len(chosen), dtype=torch.int64), torch.ones(3)
    with torch.no_grad():
        seen = avatar.render(pixels, slot, view[None], avatar.conditions(frame), white, 0.001)
        fog = untrained(0.0)[0].render(pixels, slot, view[None], avatar.conditions(frame), white, 0.001)
    assert len(chosen) > 20
    assert seen.opacity.min() > 0.95
    assert seen.adrift.mean() < 0.004
    assert fog.opacity.max() < 0.7
    assert (fog.adrift / fog.opacity).mean() > 0.008


def test_poses_beyond_what_was_learnt_are_corrected_no_farther():
    avatar, motion = untrained(AvatarConfig().surface_rise)
    assert avatar.calibration is not None
    torch.nn.init.ones_(avatar.calibration.weight)
    avatar.pose = Whitening(torch.zeros(6), torch.eye(6)[:, -avatar.pose.matrix.shape[1] :])
    frame = vars(motion.take([3]))

    def correction(deviations: float) -> torch.Tensor:
        return avatar.conditions(Motion(**{**frame, "translation": torch.full((1, 3), deviations)})).correction

    inside, edge, far = (correction(share * CALIBRATION_REACH) for share in (0.5, 1.0, 5.0))
    assert (edge - inside).abs().min() > 1e-4
    torch.testing.assert_close(far, edge)
