"""Where the landmarks fall in the image, and how that changes with every unknown, in closed form.

In the axes of the head joint the landmark is u = sum_j Q_j (m_j - w_j J_j) + w_j J_j: Q is the identity for the head
joint itself, the jaw's and the eyes' rotations about their joints J, and the transposed neck rotation for what rides on
the torso. The camera then sees R_head (u - anchor) at the anchor's place.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from partnerface.geometry.rotations import axis_angle_to_matrix, skew
from partnerface.tracking.landmark_head import HEAD_JOINT, TORSO, LandmarkHead, turning_point
from partnerface.tracking.state import EXPRESSION_START, JAW, LEFT_EYE, POSITION, RIGHT_EYE, ROTATION, ClipState

JAW_JOINT, LEFT_EYE_JOINT, RIGHT_EYE_JOINT = 2, 3, 4
_COLUMNS = {JAW_JOINT: JAW, LEFT_EYE_JOINT: LEFT_EYE, RIGHT_EYE_JOINT: RIGHT_EYE}


@dataclass
class Projection:
    """The landmarks of T frames.

    Attributes:
        pixels: (T, L, 2) relative to the principal point.
        depth: (T, L) of each landmark behind the anchor in pixels of the anchor's scale (MediaPipe's relative z).
        jacobian: (T, L, R, P + C + S) derivative of pixels (R = 2), pixels and depth (3) or pixels along a direction
            (1) by the frame's own unknowns, the cameras' log focals and the shape; None unless asked for. Without the
            shared unknowns only (T, L, R, P).
    """

    pixels: Tensor
    depth: Tensor
    jacobian: Tensor | None


@dataclass
class _Posed:
    """What `project` and `_jacobian` share of the posed landmarks, all in the head joint's axes."""

    turns: dict[int, Tensor]  # (T, 3, 3) Q of each joint but the head's
    arms: dict[int, Tensor]  # (T, n, 3) m_j - w_j J_j
    joints: Tensor  # (5, 3)
    local: Tensor  # (T, L, 3) u - anchor
    lever: Tensor  # (T, L, 3) the same without what rides on the torso: what a turn of the head takes along


def right_jacobian(vector: Tensor) -> Tensor:
    """J_r of axis-angle vectors (..., 3): R(v + dv) = R(v) R(J_r dv) to first order (..., 3, 3)."""
    squared = (vector * vector).sum(-1)[..., None, None]
    small = squared < 1e-4
    angle = torch.where(small, torch.ones_like(squared), squared).sqrt()
    first = torch.where(small, 0.5 - squared / 24, (1 - torch.cos(angle)) / angle**2)
    second = torch.where(small, 1 / 6 - squared / 120, (angle - torch.sin(angle)) / angle**3)
    cross = skew(vector)
    return torch.eye(3, dtype=vector.dtype) - first * cross + second * (cross @ cross)


def _pose(head: LandmarkHead, state: ClipState) -> _Posed:
    count = len(state)
    joints = head.joints + head.joint_basis @ state.shape
    neck = state.neck
    turns = {
        TORSO: neck.transpose(-1, -2),
        JAW_JOINT: axis_angle_to_matrix(state.jaw),
        LEFT_EYE_JOINT: axis_angle_to_matrix(state.left_eye),
        RIGHT_EYE_JOINT: axis_angle_to_matrix(state.right_eye),
    }
    codes = torch.cat([state.eyelids, state.expression, state.shape.expand(count, -1)], dim=1)
    identity = torch.eye(3, dtype=codes.dtype)
    rotations = torch.stack([neck, turns[2], turns[3], turns[4]], dim=1)
    features = (rotations - identity).reshape(count, 36)
    local = torch.zeros(count, head.count, 3, dtype=codes.dtype)
    lever = torch.zeros_like(local)
    arms = {}
    for part in head.parts:
        size = len(part.index)
        points = part.template + (codes @ part.basis.reshape(size * 3, -1).T).reshape(count, size, 3)
        if part.pose_basis is not None:
            points = points + (features @ part.pose_basis.reshape(size * 3, -1).T).reshape(count, size, 3)
        if part.joint == HEAD_JOINT:
            local += points
            lever += points
            continue
        centre = part.weight[:, None] * turning_point(part.joint, joints)
        arms[part.joint] = points - centre
        turned = arms[part.joint] @ turns[part.joint].transpose(-1, -2) + centre
        local[:, part.index] += turned
        lever[:, part.index] += centre if part.joint == TORSO else turned
    return _Posed(turns, arms, joints, local - head.anchor, lever - head.anchor)


def project(
    head: LandmarkHead,
    state: ClipState,
    jacobian: bool = False,
    shared: bool = True,
    depth: bool = False,
    along: Tensor | None = None,
    factors: Tensor | None = None,
) -> Projection:
    """Project the landmarks of every frame.

    Args:
        head: the landmarks' linear model.
        state: T frames.
        jacobian: also return the derivatives.
        shared: the derivatives cover the log focals and the shape too.
        depth: the derivatives cover `depth` as a third row.
        along: (T, L, 2) an image direction for each landmark, such as the image's gradient there: the derivatives are
            those of the pixel along it, a single row.
        factors: (T, L, R) numbers that the derivatives are multiplied by; much cheaper here than afterwards.
    """
    posed = _pose(head, state)
    rows, pixels, seen, distance = _image_rows(state, posed)
    scale = state.position[:, None, 2].exp()
    relative = seen[..., 2] / scale
    if not jacobian:
        return Projection(pixels, relative, None)

    # By the position, (T, L, 2, 3), and by the log focal, (T, L, 2).
    place = torch.zeros_like(rows)
    place[..., 0, 0] = place[..., 1, 1] = 1 / distance
    place[..., 2] = -pixels * (scale / distance)[..., None]
    focal = pixels * (seen[..., 2] / (state.focal[:, None] * distance))[..., None]
    if along is not None:
        rows, place = (along[..., None, :] @ item for item in (rows, place))
        focal = (along * focal).sum(-1, keepdim=True)
    elif depth:
        rows = torch.cat([rows, (state.rotation[:, 2] / scale)[:, None, None].expand(-1, head.count, 1, 3)], dim=2)
        place = torch.cat([place, torch.zeros_like(place[..., :1, :])], dim=2)
        place[..., 2, 2] = -relative
        focal = torch.cat([focal, torch.zeros_like(focal[..., :1])], dim=2)
    if factors is not None:
        rows, place, focal = rows * factors[..., None], place * factors[..., None], focal * factors
    out = _jacobian(head, state, posed, rows, shared)
    out[..., POSITION] = place
    if shared:
        own, cameras = EXPRESSION_START + head.n_expression, len(state.log_focal)
        taken = torch.nn.functional.one_hot(state.camera, cameras).to(focal)[:, None, None]
        out[..., own : own + cameras] = focal[..., None] * taken
    return Projection(pixels, relative, out)


def _image_rows(state: ClipState, posed: _Posed) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Derivative of the pixels by a motion of each landmark in the head's axes (T, L, 2, 3), the pixels (T, L, 2), the
    landmarks in camera axes from the anchor (T, L, 3), and exp(k) + Z / f (T, L)."""
    seen = posed.local @ state.rotation.transpose(-1, -2)
    distance = state.position[:, None, 2].exp() + seen[..., 2] / state.focal[:, None]
    pixels = (state.position[:, None, :2] + seen[..., :2]) / distance[..., None]
    rows = (
        state.rotation[:, None, :2] - pixels[..., None] / state.focal[:, None, None, None] * state.rotation[:, None, 2:]
    )
    return rows / distance[..., None, None], pixels, seen, distance


def static_rows(head: LandmarkHead, state: ClipState) -> Tensor:
    """(T, L, 2, 3) derivative of the pixels by a rest-space displacement of each landmark."""
    posed = _pose(head, state)
    rows = _image_rows(state, posed)[0]
    out = torch.zeros_like(rows)
    for part in head.parts:
        here = rows[:, part.index] * part.weight[:, None, None]
        turn = posed.turns.get(part.joint)
        out[:, part.index] += here if turn is None else here @ turn[:, None]
    return out


def _jacobian(head: LandmarkHead, state: ClipState, posed: _Posed, rows: Tensor, shared: bool) -> Tensor:
    """(T, L, R, P [+ C + S]) with the columns of position and focal left to the caller."""
    count, _, channels, _ = rows.shape
    own = EXPRESSION_START + head.n_expression
    shape = own + len(state.log_focal)
    out = rows.new_zeros(count, head.count, channels, shape + head.n_shape if shared else own)
    out[..., ROTATION] = torch.linalg.cross(posed.lever[:, :, None], rows)
    flat = rows.reshape(count, -1, 3)
    through = {joint: flat if joint == HEAD_JOINT else flat @ posed.turns[joint] for joint in head.stacked.joints}
    blended = _times(
        torch.cat(list(through.values()), dim=-1).view(count, head.count, channels, -1), head.stacked.basis
    )
    out[..., EXPRESSION_START - 2 : own] = blended[..., : 2 + head.n_expression]
    codes = 2 + head.n_expression + head.n_shape
    if shared:
        out[..., shape:] = blended[..., 2 + head.n_expression : codes]
    vectors = {JAW_JOINT: state.jaw, LEFT_EYE_JOINT: state.left_eye, RIGHT_EYE_JOINT: state.right_eye}
    turned = {joint: right_jacobian(vector) for joint, vector in vectors.items()}
    for part in head.parts:
        if part.joint in _COLUMNS:
            here = through[part.joint].view_as(rows)[:, part.index]
            by_turn = torch.linalg.cross(posed.arms[part.joint][:, :, None], here) @ turned[part.joint][:, None]
            out[:, part.index, :, _COLUMNS[part.joint]] += by_turn
    # What the pose correctives contribute to the columns of the rotations.
    generators = skew(torch.eye(3, dtype=rows.dtype))  # (3, 3, 3): the derivative of exp at rest by each component
    for k, joint in enumerate(head.stacked.bent):
        rotation = state.neck if joint == HEAD_JOINT else posed.turns[joint]
        change = torch.einsum("tab,kbc->tack", rotation, generators).reshape(count, 9, 3)
        if joint != HEAD_JOINT:
            change = change @ turned[joint]
        bent = blended[..., codes + 9 * k : codes + 9 * (k + 1)].reshape(count, -1, 9) @ change
        out[..., ROTATION if joint == HEAD_JOINT else _COLUMNS[joint]] += bent.view_as(rows)
    return out


def _times(rows: Tensor, basis: Tensor) -> Tensor:
    """(T, n, C, D) times (n, D, K) → (T, n, C, K), one matrix product per landmark."""
    count, size, channels, depth = rows.shape
    flat = rows.permute(1, 0, 2, 3).reshape(size, count * channels, depth)
    return (flat @ basis).reshape(size, count, channels, -1).permute(1, 0, 2, 3)
