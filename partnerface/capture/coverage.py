"""How much of what a head can do the clip shows: poses, expressions, directions of gaze."""

from dataclasses import dataclass

import numpy as np
import torch

from partnerface.conventions import FACING_CAMERA
from partnerface.geometry.angles import euler_degrees
from partnerface.geometry.rotations import axis_angle_to_matrix
from partnerface.head.model import HeadModel
from partnerface.head.points import BROWS, OUTER_LIPS
from partnerface.head.posing import landmark_corners, posed_landmarks

#: Ranges are between these quantiles: a single stray frame is no coverage.
LOW, HIGH = 0.05, 0.95
#: Cells of the yaw x pitch histogram; poses beyond the last edges are counted in the outermost cells.
CELL_DEG = 5.0
YAW_EDGES = np.arange(-45.0, 45.1, CELL_DEG)
PITCH_EDGES = np.arange(-30.0, 30.1, CELL_DEG)
#: Frames of which the expressions are compared at most: more do not change a variance.
MOST_FRAMES = 2000
#: Movements below this are the tracker's own trembling: mm, RMS over the points of the face.
TREMBLING_MM = 0.1


@dataclass(frozen=True)
class Poses:
    """Turns of the head relative to the clip's median pose.

    Attributes:
        angles: (N, 3) degrees: yaw (to the subject's left), pitch (up), roll (head tilted to the subject's right).
        middle: (3,) degrees: the median pose itself, relative to a head that faces the camera.
    """

    angles: np.ndarray
    middle: np.ndarray


def poses(tracking: dict[str, np.ndarray]) -> Poses:
    """The head's turns, neck included, from the arrays of tracking.npz."""
    turn = _matrices(tracking["global_orient"]) @ _matrices(tracking["neck_pose"])
    turn = _matrices(np.array(FACING_CAMERA)).T @ turn
    # The chordal mean: the rotation nearest to the mean matrix (Moakher 2002).
    left, _, right = np.linalg.svd(turn.mean(0))
    mean = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
    angles = euler_degrees(mean.T @ turn)
    return Poses(angles - np.median(angles, axis=0), euler_degrees(mean[None])[0])


def _matrices(axis_angle: np.ndarray) -> np.ndarray:
    return axis_angle_to_matrix(torch.tensor(np.asarray(axis_angle, np.float64))).numpy()


def spread(values: np.ndarray) -> float:
    """The range of values (N,) without the outermost."""
    low, high = np.quantile(values, (LOW, HIGH))
    return float(high - low)


def pose_histogram(angles: np.ndarray) -> np.ndarray:
    """(yaw cells, pitch cells) numbers of frames."""
    yaw = np.clip(angles[:, 0], YAW_EDGES[0], YAW_EDGES[-1])
    pitch = np.clip(angles[:, 1], PITCH_EDGES[0], PITCH_EDGES[-1])
    counts, _ = np.histogramdd(np.column_stack([yaw, pitch]), bins=[YAW_EDGES, PITCH_EDGES])
    return counts.astype(int)


@dataclass(frozen=True)
class Expressions:
    """How much the face moves, with the head's pose and the eyelids taken out.

    Attributes:
        directions: how many independent movements it comes down to: the exponential of the entropy of the shares of
            variance (Roy and Vetterli 2007, "The effective rank"); 0 for a face at rest.
        face_mm, mouth_mm, brows_mm: RMS distance of the points from their mean place.
    """

    directions: float
    face_mm: float
    mouth_mm: float
    brows_mm: float


def expressions(head: HeadModel, tracking: dict[str, np.ndarray]) -> Expressions:
    """Measure the movements of the fitted head's landmarks, jaw included."""
    count = len(tracking["expression"])
    chosen = np.unique(np.linspace(0, count - 1, min(count, MOST_FRAMES)).round().astype(int))
    points = rest_points(head, tracking, chosen) * 1000
    offset = points - points.mean(0)
    squared = (offset**2).sum(-1).mean(0)
    flat = offset.reshape(len(offset), -1)
    # The smaller of the two Gram matrices has the same eigenvalues that are not zero.
    gram = flat @ flat.T if len(flat) < flat.shape[1] else flat.T @ flat
    variance = np.linalg.eigvalsh(gram)[::-1] / (len(flat) * offset.shape[1])
    variance = variance[variance > TREMBLING_MM**2]
    share = variance / variance.sum() if len(variance) else variance
    directions = float(np.exp(-(share * np.log(share)).sum())) if len(share) else 0.0
    mouth, brows = (float(np.sqrt(squared[list(which)].mean())) for which in (OUTER_LIPS, BROWS))
    return Expressions(directions, float(np.sqrt(squared.mean())), mouth, brows)


def rest_points(head: HeadModel, tracking: dict[str, np.ndarray], frames: np.ndarray) -> np.ndarray:
    """(n, 478, 3) MediaPipe's points on the unposed fitted head with each frame's expression and jaw, metres."""
    pose = {name: tracking[name] for name in ("shape", "expression", "jaw_pose")}
    pose["global_orient"] = np.zeros_like(tracking["jaw_pose"])
    return posed_landmarks(head, pose, frames).astype(np.float64)


def facing(head: HeadModel, tracking: dict[str, np.ndarray], frames: np.ndarray) -> np.ndarray:
    """(n, 478) how squarely the surface at each of MediaPipe's points faces the camera: 1 frontally, below 0 away."""
    corners = landmark_corners(head, tracking, frames)
    normal = np.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0])
    ray = corners.mean(2)
    lengths = np.linalg.norm(normal, axis=-1) * np.linalg.norm(ray, axis=-1)
    return -(normal * ray).sum(-1) / np.maximum(lengths, 1e-12)


def gaze_degrees(tracking: dict[str, np.ndarray]) -> np.ndarray:
    """(N, 2) turn of the eyes in the head, to the subject's left and down, mean of both, degrees."""
    eyes = np.asarray(tracking["eye_pose"], np.float64).reshape(-1, 2, 3).mean(1)
    return np.degrees(eyes[:, (1, 0)])
