"""The fit of a head model to a clip's landmarks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from partnerface.artefacts.arrays import ClipArray
from partnerface.conventions import FACING_CAMERA
from partnerface.errors import InputError
from partnerface.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from partnerface.head.model import HeadModel
from partnerface.head.points import OUTER_EYE_CORNERS
from partnerface.tracking import scheme
from partnerface.tracking.cost import Problem, make_problem
from partnerface.tracking.drift import expected_change
from partnerface.tracking.initialise import bridge, initial_pose, keyframes
from partnerface.tracking.landmark_head import LandmarkHead, landmark_head
from partnerface.tracking.minimise import minimise
from partnerface.tracking.offsets import landmark_offsets
from partnerface.tracking.personal import personal_head
from partnerface.tracking.photometric.refine import ROUNDS, STEPS, Refinement
from partnerface.tracking.priors import Priors
from partnerface.tracking.projection import project
from partnerface.tracking.solver import solve
from partnerface.tracking.state import ClipState, joined, neutral_state, posed_between

FRAME_TIME_S = 1 / 30
# A gap longer than this is a cut: nothing is smoothed across it.
CUT_S = 1.0
DTYPE = torch.float64


@dataclass
class FitOptions:
    """How the fit is done.

    Attributes:
        keyframes: frames from which shape, focal length and the subject's own surface are found.
        offset_rounds: times the landmarks' static displacements are found anew; 0 keeps the model's surface.
        focal_guess: px, middle of the prior of the focal length, of all cameras or of each; None for Priors.focal_ratio
            times the frame's edge.
        fixed_focal: px, of all cameras; None to find them.
        refine: also make the skin look the same in all frames, where the frames are given.
        refined_share: how far the head's pose goes from where the landmarks have it to where the skin has it.
        priors: standard deviations.
    """

    keyframes: int = 96
    offset_rounds: int = 3
    focal_guess: float | Sequence[float] | None = None
    fixed_focal: float | None = None
    refine: bool = True
    refined_share: float = 0.5
    priors: Priors = field(default_factory=Priors)


@dataclass
class Tracking:
    """A fitted clip of N frames.

    Attributes:
        model: the head with the subject's own surface; the parameters belong to it.
        state: the unknowns.
        head: the landmarks of `model`.
        image_size: px.
        principal_point: (N, 2) px.
        landmarks_px: (N, L, 2) projected model landmarks.
        error_px: (N,) mean landmark error; NaN where there were no landmarks.
        bridged: (N,) True where the frame had no landmarks.
        focal_error: (C,) relative standard error of each camera's focal length.
        warnings: sentences for the user.
    """

    model: HeadModel
    state: ClipState
    head: LandmarkHead
    image_size: int
    principal_point: np.ndarray
    landmarks_px: np.ndarray
    error_px: np.ndarray
    bridged: np.ndarray
    focal_error: np.ndarray
    warnings: list[str]

    @property
    def error_percent(self) -> float:
        """Median over the frames of the mean landmark error, in percent of the distance of the outer eye corners as
        they would be seen from the front."""
        right, left = OUTER_EYE_CORNERS
        width = (self.head.rest[left] - self.head.rest[right]).norm() * (-self.state.position[:, 2]).exp()
        return float(100 * np.nanmedian(self.error_px / width.numpy()))

    def arrays(self) -> dict[str, np.ndarray]:
        """What stands in tracking.npz."""
        arrays: dict[str, Any] = {
            **self.state.parameters(self.head),
            "focal_error": self.focal_error[self.state.camera.numpy()].astype(np.float32),
            "image_size": np.int64(self.image_size),
            "principal_point": self.principal_point.astype(np.float32),
            "error_px": self.error_px.astype(np.float32),
            "bridged": self.bridged,
            "landmarks_px": self.landmarks_px.astype(np.float32),
            "head_name": np.array(self.model.name),
        }
        return arrays


_FREEDOM = 30.0
_KEYFRAME_STEPS, _OFFSET_STEPS, _FRAME_STEPS, _CLIP_STEPS = 12, 4, 6, 8


#: A longer clip is fitted in stretches of so many frames, which overlap by so many; a frame takes 0.2 MB of memory.
STRETCH, OVERLAP = 2000, 120


def steps_expected(options: FitOptions, frames: int) -> int:
    """How many steps a fit of a clip takes at most."""
    parts = len(stretches(frames))
    landmarks = 1 + _KEYFRAME_STEPS + _OFFSET_STEPS * options.offset_rounds + (_FRAME_STEPS + _CLIP_STEPS) * parts
    return landmarks + (ROUNDS * STEPS * (1 + parts) + STEPS * parts) * options.refine


def stretches(frames: int) -> list[tuple[slice, slice]]:
    """What is fitted at once, and which of its frames, counted within it, are kept: together every frame once."""
    if frames <= STRETCH:
        return [(slice(0, frames), slice(0, frames))]
    starts = list(range(0, frames - OVERLAP, STRETCH - OVERLAP))
    out = []
    for start in starts:
        end = min(start + STRETCH, frames)
        first = 0 if start == 0 else OVERLAP // 2
        out.append((slice(start, end), slice(first, end - start if end == frames else end - start - OVERLAP // 2)))
    return out


def fit_clip(
    model: HeadModel,
    points: np.ndarray,
    found: np.ndarray,
    image_size: int,
    time_s: np.ndarray | None = None,
    options: FitOptions | None = None,
    principal_point: np.ndarray | None = None,
    landmark_weights: np.ndarray | None = None,
    frames: ClipArray | None = None,
    camera: np.ndarray | None = None,
    on_step: Callable[[], None] | None = None,
) -> Tracking:
    """Fit `model` to the landmarks of a clip.

    First shape, focal length and the subject's own surface are found from keyframes, then every frame is fitted with
    these held, then the whole clip with everything free but the surface; last, where there are frames, the fit is
    refined so that the skin looks the same in all of them.

    Args:
        model: any head model.
        points: (N, 478, 3) pixels of the square frames, z relative (see the landmarks stage).
        found: (N,) which frames have landmarks.
        image_size: edge of the frames, px.
        time_s: (N,) time of each frame; None means 30 frames a second.
        options: see FitOptions.
        principal_point: (N, 2) px; None is the middle of the frames.
        landmark_weights: (478,) further factors; of a landmark with factor zero nothing is looked at.
        camera: (N,) which camera took each frame, from 0; each has a focal length of its own. None is one for all.
        frames: (N, image_size, image_size, 3) uint8 sRGB, may lie on disk; None leaves the refinement out.
        on_step: called after each step, at most `steps_expected` times.

    Raises:
        InputError: there are no landmarks in any frame.
    """
    options = options or FitOptions()
    found = np.asarray(found, bool) & np.isfinite(points).all((1, 2))
    if not found.any():
        raise InputError(
            "no frame has landmarks, so there is nothing to track; check that the video shows one face from the front "
            "and run `partnerface landmarks` again"
        )
    step = on_step or (lambda: None)
    middle = np.full((len(found), 2), image_size / 2) if principal_point is None else principal_point
    head = landmark_head(model, DTYPE)
    problem, state = _start(head, points, found, image_size, middle, time_s, landmark_weights, camera, options)
    step()

    seen = slice(None) if landmark_weights is None else torch.as_tensor(np.flatnonzero(landmark_weights > 0))
    chosen = keyframes(
        problem.points()[:, seen], state.rotation, state.position, torch.as_tensor(found), options.keyframes
    )
    few, offsets = _fit_keyframes(problem.frames(chosen), state.frames(chosen), options, step)
    model = personal_head(model, offsets.numpy()) if options.offset_rounds else model
    problem.head = landmark_head(model, DTYPE)
    state.shape, state.log_focal = few.shape, few.log_focal

    parts = stretches(len(found))
    # What the stretches share stays as the keyframes have it: they may not disagree.
    fitted = [
        _fit_frames(problem.stretch(part), state.frames(part), len(parts) == 1, step).frames(kept)
        for part, kept in parts
    ]
    state = joined(fitted)
    if frames is not None and options.refine:
        refinement = Refinement(model, problem, state, frames)
        refined = refinement.run(chosen, parts, step)
        # Detectors belittle turns; skin that an expression moves as the model cannot passes for a turn. Both err by a
        # degree, each in its own way.
        state = posed_between(refined, state, refined, options.refined_share)
        state = refinement.settled(state, parts, step)
    return _tracking(model, problem.seen(state), state, found, points, image_size, middle)


def _fit_frames(problem: Problem, state: ClipState, shared: bool, step: Callable[[], None]) -> ClipState:
    """Frames that follow one another: each on its own, then all at once; `shared` frees shape and focal length too."""
    # Hardly smoothed at first: a blink that is once smoothed away would look like rest and stay away.
    free = replace(problem.columns, change=problem.columns.change * _FREEDOM)
    state = minimise(
        replace(problem.seen(state), columns=free), state, shared=False, steps=_FRAME_STEPS, on_step=step
    ).state
    problem = problem.seen(state)
    scale = problem.columns.release * problem.columns.change
    problem.drift = expected_change(state.differences(), problem.gap, scale)
    return minimise(problem, state, shared, steps=_CLIP_STEPS, on_step=step).state


def _fit_keyframes(
    problem: Problem, state: ClipState, options: FitOptions, step: Callable[[], None]
) -> tuple[ClipState, Tensor]:
    """The state of the keyframes, each on its own in time, and the landmarks' static displacements (L, 3)."""
    plain = problem.head
    offsets = torch.zeros_like(plain.rest)
    state = minimise(problem.seen(state), state, steps=_KEYFRAME_STEPS, on_step=step).state
    for _ in range(options.offset_rounds):
        offsets = landmark_offsets(plain, problem.seen(state), state, offsets)
        problem.head = plain.with_offsets(offsets)
        state = minimise(problem.seen(state), state, steps=_OFFSET_STEPS, on_step=step).state
    return state, offsets


def _start(
    head: LandmarkHead,
    points: np.ndarray,
    found: np.ndarray,
    image_size: int,
    principal_point: np.ndarray,
    time_s: np.ndarray | None,
    landmark_weights: np.ndarray | None,
    camera: np.ndarray | None,
    options: FitOptions,
) -> tuple[Problem, ClipState]:
    """The problem and a first state: the pose from the steadiest landmarks, all else at rest."""
    known = torch.as_tensor(found)
    # Frames without landmarks take a neighbour's, with weight zero, so that no step meets a strange number.
    there = np.flatnonzero(found)
    nearest = there[np.interp(np.arange(len(found)), there, np.arange(len(there))).round().astype(int)]
    observed = torch.as_tensor(np.asarray(points, np.float64)[nearest])
    further = np.ones(head.count) if landmark_weights is None else landmark_weights
    steady = torch.as_tensor(scheme.steady_weights() * further)
    middle = torch.as_tensor(principal_point, dtype=DTYPE)
    rotation, position = initial_pose(head, observed, middle, steady)
    rotation, position = bridge(rotation, position, known)
    right, left = OUTER_EYE_CORNERS
    size = (head.rest[left] - head.rest[right]).norm() * (-position[:, 2]).exp()
    seen = None if landmark_weights is None else landmark_weights > 0
    irises = scheme.iris_visibility(observed.numpy(), seen, size.numpy())
    weight = scheme.base_weights() * further * irises * found[:, None]
    time = np.arange(len(found)) * FRAME_TIME_S if time_s is None else np.asarray(time_s, np.float64)
    gap = np.maximum(np.diff(time), 1e-3)
    gap = np.where(gap > CUT_S, np.inf, gap / FRAME_TIME_S)
    priors, guess = options.priors, options.focal_guess or options.priors.focal_ratio * image_size
    if options.fixed_focal is not None:
        guess, priors = options.fixed_focal, replace(priors, log_focal_std=1e-6)
    whose = torch.zeros(len(found), dtype=torch.long) if camera is None else torch.as_tensor(camera, dtype=torch.long)
    cameras = int(whose.max()) + 1
    log_focal = torch.as_tensor(guess, dtype=DTYPE).log().expand(cameras)
    problem = make_problem(
        head, observed, torch.as_tensor(weight), size, torch.as_tensor(gap), middle[:, None], log_focal, priors
    )
    torso = torso_rotation(rotation[known]).expand(len(found), 3, 3)
    return problem, neutral_state(rotation, position, torso, head, log_focal, whose)


def torso_rotation(rotation: Tensor) -> Tensor:
    """What of the head's rotations (T, 3, 3) is taken to be the torso's, (3, 3), one for the clip.

    Landmarks of the face say nothing about the torso. It is taken to keep still: it faces where the head faces on
    average, with half of the head's average nod and tilt, because a camera above or below the eyes nods both and a
    person who bends the neck nods the head alone. The rest of the rotation, which the landmarks do fix, is the neck's.
    """
    facing = axis_angle_to_matrix(torch.tensor(FACING_CAMERA, dtype=rotation.dtype))
    u, _, v = torch.linalg.svd(rotation.mean(0))
    mean = u @ torch.diag(torch.stack([torch.ones(()), torch.ones(()), torch.linalg.det(u @ v)]).to(u)) @ v
    turn = matrix_to_axis_angle(facing.T @ mean)
    return facing @ axis_angle_to_matrix(turn * torch.tensor([0.5, 1.0, 0.5], dtype=rotation.dtype))


def _tracking(
    model: HeadModel,
    problem: Problem,
    state: ClipState,
    found: np.ndarray,
    points: np.ndarray,
    image_size: int,
    principal_point: np.ndarray,
) -> Tracking:
    middle = np.asarray(principal_point, np.float64)
    landmarks = project(problem.head, state).pixels.numpy() + middle[:, None]
    error = np.linalg.norm(landmarks - points[..., :2], axis=-1).mean(1)
    # Of a long clip some frames tell how well the focal length is known.
    few = torch.linspace(0, len(found) - 1, min(len(found), STRETCH)).round().long()
    some, there = (problem, state) if len(few) == len(found) else (problem.frames(few), state.frames(few))
    # The priors of the shared unknowns were raised by the repetition; undone here, the variance is the honest one.
    variance = solve(some.system(there)).covariance.diagonal()[: len(state.log_focal)]
    focal_error = (variance * some.repetition).sqrt().numpy()
    return Tracking(
        model=model,
        state=state,
        head=problem.head,
        image_size=image_size,
        principal_point=middle,
        landmarks_px=landmarks,
        error_px=np.where(found, error, np.nan),
        bridged=~found,
        focal_error=focal_error,
        warnings=_warnings(focal_error, found),
    )


#: Relative standard error of the focal length from which the user is told.
FOCAL_DOUBT = 0.2


def _warnings(focal_error: np.ndarray, found: np.ndarray) -> list[str]:
    said = []
    for camera, error in enumerate(focal_error):
        if error > FOCAL_DOUBT:
            which = "the clip" if len(focal_error) == 1 else f"clip {camera + 1}"
            said.append(
                f"{which} hardly constrains the focal length (standard error {100 * error:.0f} %): a head that "
                "turns and comes nearer would, or set tracking.focal_ratio if you know the camera"
            )
    if missing := int((~found).sum()):
        said.append(f"{missing} of {len(found)} frames have no landmarks and were bridged from their neighbours")
    return said
