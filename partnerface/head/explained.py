"""How much of real faces' motion a head can follow: `python -m partnerface.head.explained CLIP...`.

Each clip's MediaPipe meshes are laid over the measured mean by similarities, the clip's own neutral face is taken off,
and what remains is fitted, frame by frame, by plain least squares with the head's expression components, lids and the
first order of its jaw. Rigid motion and size are free in the fit and count for nothing.
"""

import argparse
from pathlib import Path

import numpy as np

from partnerface.head.measure import STEADY, landmarks_of, neutral_frames, similarity
from partnerface.head.model import HeadModel
from partnerface.head.points import COUNT, ON_SKIN, OUTER_EYE_CORNERS


def motion_basis(head: HeadModel) -> np.ndarray:
    """(1404, n) displacement of the 468 points of the skin by each component, lid and axis of the jaw."""
    weights = head.mediapipe_weights[:ON_SKIN, :, None]

    def at_points(values: np.ndarray) -> np.ndarray:
        return (values[head.mediapipe_faces[:ON_SKIN]] * weights[..., None]).sum(1)

    joints = head.joint_regressor @ head.template
    turns = [np.cross(axis, head.template - joints[2]) * head.skinning_weights[:, 2:3] for axis in np.eye(3)]
    # The correctives' part of the first order: R - I is [axis]x to first order; the jaw is the second of joints 1..4.
    for axis, turn in zip(np.eye(3), turns, strict=True):
        turn += head.pose_basis[..., 9:18] @ np.cross(np.eye(3), axis).ravel()
    parts = [head.expression_basis, head.eyelid_basis, np.stack(turns, -1)]
    return np.concatenate([at_points(part).reshape(3 * ON_SKIN, -1) for part in parts], 1)


def explained(head: HeadModel, clip: np.ndarray) -> float:
    """Percent of the variance of a clip's non-rigid motion that the head follows.

    Args:
        clip: (n, 478, 3) MediaPipe's points from `landmarks_of`.
    """
    rest = (head.template[head.mediapipe_faces] * head.mediapipe_weights[..., None]).sum(1)
    weights = np.full(COUNT, 0.02)
    weights[list(STEADY)] = 1.0
    aligned = np.array([similarity(frame, rest, weights) for frame in clip])
    neutral = aligned[neutral_frames(aligned)].mean(0)
    moved = (aligned - neutral)[:, :ON_SKIN].reshape(len(clip), -1).T
    places = neutral[:ON_SKIN]
    rigid = [np.tile(axis, (ON_SKIN, 1)) for axis in np.eye(3)] + [np.cross(axis, places) for axis in np.eye(3)]
    rigid = np.stack([item.ravel() for item in (*rigid, places)], 1)
    rigid = np.linalg.qr(rigid)[0]
    # The head's own components know no size: scale those of the mean to this face's.
    right, left = OUTER_EYE_CORNERS
    size = np.linalg.norm(neutral[right] - neutral[left]) / np.linalg.norm(rest[right] - rest[left])
    basis = size * motion_basis(head)
    moved, basis = moved - rigid @ (rigid.T @ moved), basis - rigid @ (rigid.T @ basis)
    left_over = moved - basis @ np.linalg.lstsq(basis, moved, rcond=1e-6)[0]
    return float(100 * (1 - (left_over**2).sum() / (moved**2).sum()))


def main() -> None:
    """Command line."""
    from partnerface.head.builtin import builtin_head

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--every", type=int, default=2, help="take every n-th frame")
    arguments = parser.parse_args()
    head = builtin_head()
    print(f"{head.name}: {head.n_expression} expression components")
    for path in arguments.clips:
        clip = landmarks_of(path, arguments.every)
        print(f"{path.name}: {explained(head, clip):.1f} % of the motion of {len(clip)} frames")


if __name__ == "__main__":
    main()
