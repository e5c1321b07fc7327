"""How much each number of a motion moves each place."""

import torch

from partnerface.avatar.influence import attention, influence, mobility
from partnerface.avatar.motion import Motion, Whitening
from partnerface.avatar.surface import Surface
from partnerface.head.skinning import head_tensors
from tests.avatar.toy import toy_head, toy_motion


def subject() -> tuple[Surface, Motion]:
    head = toy_head()
    return (
        Surface(head_tensors(head), torch.zeros(1), torch.as_tensor(head.faces), 0.2),
        Motion.from_arrays(toy_motion(12)),
    )


def test_a_still_head_has_the_features_that_it_is_given():
    motion = Motion.from_arrays(toy_motion(5))
    still = Motion.still(motion.face_features(), motion)
    torch.testing.assert_close(still.face_features(), motion.face_features())
    assert still.translation.abs().max() == 0


def test_a_component_moves_what_its_basis_says():
    surface, motion = subject()
    direction = torch.zeros(1, motion.face_features().shape[1])
    direction[0, 1] = 1
    moved = influence(surface, motion, direction)[0]
    basis = surface.head.expression_basis[:, :, 1].norm(dim=1)
    # Where no jaw turns it the offset is the basis itself.
    fixed = surface.head.weights[:, 2] == 0
    torch.testing.assert_close(moved[fixed], basis[fixed], atol=1e-5, rtol=1e-3)


def test_mobility_leaves_the_neck_out():
    surface, motion = subject()
    bent = Motion(**{**vars(motion), "neck_pose": 5 * motion.neck_pose})
    assert mobility(surface, motion).max() > 1e-3
    still = Motion(**{**vars(motion), "neck_pose": motion.neck_pose.mean(0).expand(12, 3)})
    bent_again = Motion(**{**vars(still), "neck_pose": still.neck_pose + bent.neck_pose - bent.neck_pose.mean(0)})
    torch.testing.assert_close(mobility(surface, bent_again), mobility(surface, still), atol=1e-4, rtol=0.05)


def test_parts_attend_to_what_moves_them():
    surface, motion = subject()
    # A code of single numbers: the brows' component and the jaw's turn.
    size = motion.face_features().shape[1]
    matrix = torch.zeros(size, 2)
    matrix[0, 0], matrix[3, 1] = 1, 1
    code = Whitening(motion.face_features().mean(0), matrix)
    brows = surface.canonical[surface.head.expression_basis[:, 1, 0].argmax()]
    jaw = surface.canonical[surface.head.weights[:, 2].argmax()]
    seen = attention(surface, motion, code, torch.stack([brows, jaw]))
    torch.testing.assert_close(seen.diagonal(), torch.ones(2))
    assert seen[0, 1] < 0.3
    assert seen[1, 0] < 0.3
