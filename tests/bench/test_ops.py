"""What the figures of the ops rest on: counted operations, and inputs of the shapes that the model has."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from partnerface.avatar.motion import Motion
from partnerface.bench import ops
from partnerface.bench.drawn import drawn_head, drawn_motion
from partnerface.bench.rows import TINY
from partnerface.head.skinning import head_tensors
from partnerface.kernels.backend import forced


def test_operations_by_hand():
    assert ops.linear_operations([24, 64, 16]) == 2 * (24 * 64 + 64 * 16)
    # 24 → 64 → 16 and 18 → 64 → 64 → 3, forward once and backward twice as much.
    assert ops.field_mlp(TINY).operations == TINY.samples * 3 * 16000
    # Eight times 27 → 24 → 24 → 75, and these outputs weighed and summed.
    assert ops.mixture(TINY).operations == TINY.samples * 3 * 8 * (6048 + 150)


@pytest.mark.parametrize("work", [ops.field_mlp, ops.mixture])
def test_operations_are_those_that_torch_counts(work):
    """Torch counts matrix products alone, and may blend the parts' answers without one."""
    made = work(TINY)
    # Its counter follows modules by hooks that `torch.autograd.grad` does not bear.
    with forced("reference"), FlopCounterMode(display=False) as counter:
        out = list(made.forward())
        torch.autograd.backward(out, [torch.ones_like(one) for one in out])
    assert counter.get_total_flops() == pytest.approx(made.operations, rel=0.01)


def test_the_drawn_head_is_sound_and_moves():
    head, arrays = drawn_head(), drawn_motion(10)
    assert head.problems() == []
    corners = head.template[head.faces]
    volume = (corners[:, 0] * torch.linalg.cross(*(torch.tensor(corners[:, i]) for i in (1, 2))).numpy()).sum() / 6
    # That of the ellipsoid, and positive: triangles run counter-clockwise seen from outside.
    assert volume == pytest.approx(4 / 3 * torch.pi * 0.075 * 0.11 * 0.09, rel=0.01)
    posed = Motion.from_arrays(arrays).pose(head_tensors(head), torch.zeros(1)).vertices
    assert torch.isfinite(posed).all()
    assert (posed[1:] - posed[:-1]).norm(dim=-1).amax(1).min() > 1e-4
    joints = torch.tensor(head.joint_regressor @ head.template)
    torch.testing.assert_close(joints[2], torch.tensor([0.0, 0.0, 0.01]), atol=1e-4, rtol=0)
