"""The torso's own motion, from what the pictures show below the neck.

Landmarks of the face fix the head; where the neck's foot goes then follows from the head's rotation alone, and every
sway of the shoulders is missing, every error of a nod swings the foot. Here spots on collar, throat and shoulders are
followed through the clip (Lucas and Kanade 1981, the pyramid of Bouguet 2001), and the torso turns in the picture plane
about the joint of the neck so that they stay where they are on the torso. The head's pose stays as it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from partnerface.artefacts.arrays import ClipArray
from partnerface.geometry.rotations import axis_angle_to_matrix
from partnerface.head.model import HeadModel
from partnerface.head.posing import posed_vertices
from partnerface.tracking.fit import CUT_S, Tracking

#: A picture every so many frames gives spots, at most so many, and each is followed so many frames both ways.
EVERY, SPOTS, REACH = 45, 48, 90
#: Frames are shrunk to at most so many pixels a side.
WORKING_SIZE = 256
#: Of a spot that changed its looks by more (levels of grey in its window), no place is known.
CHANGED = 14.0
#: Fewer spots than this in a picture say nothing of a torso.
FEWEST = 4
#: Deviation of the torso's tilt from the head's idea of it, and of its change in 1/30 s, radians.
TILT_STD, CHANGE_STD = 0.2, 0.01
#: Deviation of a spot's place, metres: clothes slide. All spots of a frame count as so many independent ones at most.
SLIDE_STD, EFFECTIVE_SPOTS = 0.002, 6.0
_ITERATIONS = 12
_WINDOW = (21, 21)


@dataclass
class Tracks:
    """Where spots of the torso are seen: K sightings of S spots.

    Attributes:
        spot, frame: (K,) which spot, in which frame.
        pixels: (K, 2) px of the frames.
        count: S.
    """

    spot: np.ndarray
    frame: np.ndarray
    pixels: np.ndarray
    count: int


def with_torso(
    tracking: Tracking,
    frames: ClipArray,
    time_s: np.ndarray,
    person: Callable[[np.ndarray], np.ndarray],
    on_step: Callable[[], None] | None = None,
) -> Tracking:
    """The tracking with a torso that moves as the pictures show; where they show none of it, it stays as it was.

    Args:
        tracking: of N frames.
        frames: (N, size, size, 3) uint8 sRGB, may lie on disk.
        time_s: (N,) time of each frame; a longer gap is a cut.
        person: gives a picture's mask of the person, (h, w) from 0 to 1, of any resolution.
        on_step: called after each of `steps_of(N)` steps.
    """
    tracks = follow(tracking.model, tracking.arrays(), frames, time_s, person, on_step or (lambda: None))
    if tracks.count == 0:
        return tracking
    state, head = tracking.state, tracking.head
    joints = head.joints + head.joint_basis @ state.shape
    codes = tracking.arrays()
    # Where the neck's joint is, and the foot of the neck below it, camera axes, metres.
    anchor = torch.cat([state.position[:, :2], state.focal[:, None] * state.position[:, 2:].exp()], dim=1)
    pivot = (anchor - state.rotation @ (head.anchor - joints[1])).numpy()
    foot = pivot + (state.torso @ (joints[0] - joints[1])).numpy()
    plane = (tracks.pixels - tracking.principal_point[tracks.frame]) / codes["focal"][tracks.frame, None]
    place = plane * foot[tracks.frame, 2:] - pivot[tracks.frame, :2]
    angle = tilts(replace(tracks, pixels=place), len(state), np.diff(np.asarray(time_s, np.float64)))
    turn = np.zeros((len(state), 3))
    turn[:, 2] = angle
    return replace(tracking, state=replace(state, torso=axis_angle_to_matrix(torch.as_tensor(turn)) @ state.torso))


def steps_of(count: int) -> int:
    """How many steps `with_torso` takes for so many frames."""
    return len(_keys(count))


def _keys(count: int) -> range:
    """The pictures in which spots are found."""
    return range(min(EVERY // 2, count // 2), count, EVERY)


def tilts(tracks: Tracks, count: int, gap_s: np.ndarray) -> np.ndarray:
    """(N,) radians by which the torso turns about the camera's axis, positive from x to y, about the neck's joint.

    Seen from the joint each sighting lies under an angle, that of its spot on the torso and the frame's tilt together:
    a linear model in both, solved with weights that let strays go.

    Args:
        tracks: sightings, their `pixels` being metres from the neck's joint in camera axes.
        count: N.
        gap_s: (N - 1,) seconds from each frame to the next.
    """
    from scipy.sparse import csr_matrix, diags
    from scipy.sparse.linalg import spsolve

    x, y = tracks.pixels.T
    angle, length, rows = np.arctan2(y, x), np.hypot(x, y), np.arange(len(x))
    columns = np.concatenate([tracks.frame, count + tracks.spot])
    model = csr_matrix((np.ones(2 * len(x)), (np.tile(rows, 2), columns)), (len(x), count + tracks.count))
    still = np.where(gap_s > CUT_S, 0.0, 1 / (CHANGE_STD**2 * 30 * np.maximum(gap_s, 1e-3)))
    pairs = np.arange(count - 1)
    change = csr_matrix(
        (np.repeat([-1.0, 1.0], count - 1), (np.tile(pairs, 2), np.concatenate([pairs, pairs + 1]))),
        (count - 1, count + tracks.count),
    )
    rest = np.concatenate([np.full(count, TILT_STD**-2), np.full(tracks.count, 1e-6)])
    prior = change.T @ diags(still) @ change + diags(rest)
    share, solution = np.ones(len(x)), np.zeros(count + tracks.count)
    for _ in range(_ITERATIONS):
        told = np.bincount(tracks.frame, share, count)[tracks.frame]
        precision = share * (length / SLIDE_STD) ** 2 * EFFECTIVE_SPOTS / np.maximum(told, EFFECTIVE_SPOTS)
        weighted = model.T @ diags(precision)
        solution = np.asarray(spsolve(csr_matrix(weighted @ model + prior), weighted @ angle))
        off = (angle - model @ solution) * length / (3 * SLIDE_STD)
        share = 1 / (1 + off**2) ** 2
    return solution[:count]


def follow(
    model: HeadModel,
    arrays: dict[str, np.ndarray],
    frames: ClipArray,
    time_s: np.ndarray,
    person: Callable[[np.ndarray], np.ndarray],
    on_step: Callable[[], None],
) -> Tracks:
    """Spots of the torso, found in some pictures and followed from there both ways.

    Args:
        model: the head.
        arrays: of tracking.npz.
        frames, time_s, person, on_step: as for `with_torso`.
    """
    import cv2

    count, scale = len(frames), min(1.0, WORKING_SIZE / frames.shape[1])
    edge = round(scale * frames.shape[1])
    scale = edge / frames.shape[1]

    @lru_cache(maxsize=2 * REACH + EVERY)
    def grey(number: int) -> np.ndarray:
        picture = cv2.cvtColor(np.ascontiguousarray(frames[number]), cv2.COLOR_RGB2GRAY)
        return cv2.resize(picture, (edge, edge), interpolation=cv2.INTER_AREA) if scale < 1 else picture

    rides = model.skinning_weights[:, 0] > 0.5
    cuts = np.flatnonzero(np.diff(time_s) > CUT_S) + 1
    spots, sightings = 0, []
    for key in _keys(count):
        on_step()
        if arrays["bridged"][key]:
            continue
        vertices = posed_vertices(model, arrays, np.array([key]))[0][rides]
        where = scale * (arrays["focal"][key] * vertices[:, :2] / vertices[:, 2:] + arrays["principal_point"][key])
        mask = _below(where, person(np.asarray(frames[key])), edge)
        found = cv2.goodFeaturesToTrack(grey(key), SPOTS, 0.02, 4, mask=mask)
        if found is None or len(found) < FEWEST:
            continue
        first = max([cut for cut in cuts if cut <= key], default=0)
        end = min([cut for cut in cuts if cut > key], default=count)
        own = np.arange(spots, spots + len(found))
        spots += len(found)
        sightings.append((own, np.full(len(own), key), found[:, 0]))
        for way in (range(key + 1, min(key + REACH + 1, end)), range(key - 1, max(key - REACH, first) - 1, -1)):
            guess = found.copy()
            for number in way:
                place, ok, error = cv2.calcOpticalFlowPyrLK(
                    grey(key), grey(number), found, guess.copy(), winSize=_WINDOW, maxLevel=2,
                    flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
                )  # fmt: skip
                there = (ok[:, 0] > 0) & (error[:, 0] < CHANGED) & ((place[:, 0] > 0) & (place[:, 0] < edge)).all(1)
                guess[there] = place[there]
                sightings.append((own[there], np.full(there.sum(), number), place[there, 0]))
    if not sightings:
        return Tracks(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 2)), 0)
    spot, frame, pixels = (np.concatenate(part) for part in zip(*sightings, strict=True))
    return Tracks(spot, frame, (pixels.astype(np.float64) + 0.5) / scale, spots)


def _below(neck: np.ndarray, person: np.ndarray, edge: int) -> np.ndarray:
    """(edge, edge) uint8: where the torso is, from its vertices' pixels (n, 2) and the person's mask."""
    import cv2

    inside = cv2.resize(np.asarray(person, np.float32), (edge, edge)) > 0.5
    low, high = neck.min(0), neck.max(0)
    side, mask = 0.3 * (high[0] - low[0]), np.zeros((edge, edge), np.uint8)
    x0, x1 = np.clip([low[0] - side, high[0] + side], 0, edge).astype(int)
    mask[max(0, int(low[1])) :, x0:x1] = 255
    mask[~inside] = 0
    return mask
