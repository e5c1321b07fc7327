"""The refinement itself.

Landmark detectors err by a percent of the face's width, differently in every pose. Here what the frames show at places
of the fitted surface is compared with one texture of the whole clip under a light per frame (see light.py), and the
frames' unknowns move so that they agree, with weakened landmark terms, priors and smoothness still in force; then
texture and light are found anew. It is the alignment of Lucas and Kanade (1981) with the head model as the warp and
all frames at once.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from partnerface.artefacts.arrays import ClipArray
from partnerface.head import points
from partnerface.head.model import HeadModel
from partnerface.tracking.cost import FAST, Problem
from partnerface.tracking.drift import expected_change
from partnerface.tracking.landmark_head import LandmarkHead, landmark_head
from partnerface.tracking.minimise import minimise
from partnerface.tracking.photometric.light import OUTLIER, Texture, harmonics, light_of, shade, texture_and_light
from partnerface.tracking.photometric.pictures import gradient, logarithms, sample
from partnerface.tracking.photometric.places import surface_places
from partnerface.tracking.photometric.sight import Sight
from partnerface.tracking.projection import project
from partnerface.tracking.solver import ArrowSystem
from partnerface.tracking.state import EXPRESSION, EYELIDS, JAW, LEFT_EYE, POSE, RIGHT_EYE, ClipState, joined

CHUNK = 32
PLACES = 1200
#: So many of the places count as independent of each other.
EFFECTIVE_PLACES = 2000.0
ROUNDS, STEPS = 4, 3
#: What a place counts for shape and focal length: its model errs alike in every frame, and light or a face that isn't
#: rigid would bend the shape.
SHARED_SHARE = 0.1
#: What the landmarks still count beside the looks, and those of eyes and lips, which detectors find anew in crops.
LANDMARK_SHARE, MARGIN_SHARE = 0.3, 3.0
#: The latter once the pose is settled, so that they pull the head no more.
SETTLED_MARGIN_SHARE = 6.0
#: How far expression, jaw (radians) and lids may leave what landmarks say: no head model moves quite as a face does,
#: and what is left over must not be taken for an expression. Behind glasses a lid's looks would keep it half open.
EXPRESSION_HOLD, JAW_HOLD, EYELID_HOLD = 0.1, 0.02, 0.03
#: The texture is found from at most so many frames, spread evenly over the clip.
TEXTURE_FRAMES = 400
MARGINS = sorted({*points.OUTER_LIPS, *points.INNER_LIPS, *points.LEFT_EYE, *points.RIGHT_EYE, *points.IRISES})
_BORDER = 2.0


@dataclass
class Look:
    """What some frames show at the places.

    Attributes:
        images: (T, h, w) logarithms of brightness.
        scale: pixels of `images` per pixel of the frames.
        principal_point: (T, 1, 2) px of the frames.
        seen: (T, n) what each place counts.
        bases: (T, n, 9) harmonics of the normals.
    """

    images: Tensor
    scale: float
    principal_point: Tensor
    seen: Tensor
    bases: Tensor


@dataclass
class PhotometricProblem:
    """The landmarks' problem and the looks beside it, for frames that follow one another.

    Attributes:
        problem: landmarks, priors, smoothness.
        surface: the places.
        look: what the frames show.
        texture: of the places.
        light: (T, 9).
        anchor: (T, P) what the landmarks said of the unknowns.
        hold: (P,) precision with which they are held there.
        posed: the head's rotation and place stay as they are.
    """

    problem: Problem
    surface: LandmarkHead
    look: Look
    texture: Texture
    light: Tensor
    anchor: Tensor
    hold: Tensor
    posed: bool = False

    def cost(self, state: ClipState) -> float:
        """The landmarks' cost and half the robustified squares of the looks."""
        total = self.problem.cost(state) + 0.5 * float((self.hold * (state.values() - self.anchor) ** 2).sum())
        for part in _chunks(len(state)):
            squared = self._residual(part, self._pixels(state.frames(part), part)) ** 2
            total += 0.5 * float((self.look.seen[part] * squared / (1 + squared / OUTLIER**2)).sum())
        return total

    def system(self, state: ClipState, shared: bool = False) -> ArrowSystem:
        """Normal equations, with the shared unknowns or of the frames' own alone."""
        system = self.problem.system(state, shared)
        system.own.diagonal(dim1=-2, dim2=-1).add_(self.hold)
        system.own_gradient += self.hold * (state.values() - self.anchor)
        own = system.own.shape[1]
        for part in _chunks(len(state)):
            some = state.frames(part)
            pixels = self._pixels(some, part)
            residual = self._residual(part, pixels)
            factor = self.look.seen[part].sqrt() / (1 + residual**2 / OUTLIER**2)
            slope = gradient(self.look.images[part], pixels) * self.look.scale / self.texture.spread[:, None]
            jacobian = project(
                self.surface,
                some.converted(FAST),
                jacobian=True,
                shared=shared,
                along=slope,
                factors=factor[..., None],
            ).jacobian
            assert jacobian is not None
            rows = jacobian[:, :, 0]
            matrix = rows.transpose(1, 2) @ rows
            vector = (rows.transpose(1, 2) @ (residual * factor)[..., None])[..., 0]
            system.own[part] += matrix[:, :own, :own]
            system.own_gradient[part] += vector[:, :own]
            system.cross[part] += matrix[:, :own, own:]
            system.shared += matrix[:, own:, own:].sum(0)
            system.shared_gradient += vector[:, own:].sum(0)
        return system.without(POSE) if self.posed else system

    def _pixels(self, state: ClipState, part: slice) -> Tensor:
        return place_pixels(self.surface, state, self.look, part)

    def _residual(self, part: slice, pixels: Tensor) -> Tensor:
        explained = self.texture.mean + shade(self.look.bases[part], self.light[part])
        return (sample(self.look.images[part], pixels) - explained) / self.texture.spread


class Refinement:
    """The refinement of one clip; what the landmarks say goes on to count, but less."""

    def __init__(self, model: HeadModel, problem: Problem, state: ClipState, frames: ClipArray):
        """
        Args:
            model: the head with the subject's own surface.
            problem: the landmarks' problem of the clip.
            state: their fit.
            frames: (T, H, W, 3) uint8, may lie on disk.
        """
        corners, barycentric = surface_places(model, PLACES)
        self._surface = landmark_head(model, FAST, corners, barycentric)
        self._sight = Sight(model, problem.head, corners, barycentric)
        self._frames = frames
        self._problem, self._settled_problem = (
            replace(problem, weight=problem.weight * _shares(problem, margin))
            for margin in (MARGIN_SHARE, SETTLED_MARGIN_SHARE)
        )
        self._state, self._anchor = state, state.values()
        self._hold = torch.zeros_like(self._anchor[0])
        for columns, hold in ((EXPRESSION, EXPRESSION_HOLD), (JAW, JAW_HOLD), (EYELIDS, EYELID_HOLD)):
            self._hold[columns] = hold**-2

    def look(self, state: ClipState, index: Tensor, problem: Problem) -> Look:
        """What the frames `index` show, `state` and `problem` being theirs."""
        eye = float(problem.size.median())
        images, scale = logarithms(_take(self._frames, index), eye)
        seen, normals = self._sight(state, eye)
        look = Look(images, scale, problem.principal_point.to(FAST), seen, harmonics(normals))
        size = torch.tensor([images.shape[2], images.shape[1]]) - _BORDER
        for part in _chunks(len(state)):
            pixels = place_pixels(self._surface, state.frames(part), look, part)
            look.seen[part] *= ((pixels > _BORDER) & (pixels < size)).all(-1)
        # A frame without landmarks is placed by its neighbours alone, too roughly to be compared.
        known = (problem.weight.sum(1) > 0)[:, None]
        look.seen *= known * (EFFECTIVE_PLACES / self._surface.count)
        return look

    def values(self, state: ClipState, look: Look) -> Tensor:
        """(T, n) what the frames show at the places."""
        parts = _chunks(len(state))
        pixels = (place_pixels(self._surface, state.frames(part), look, part) for part in parts)
        return torch.cat([sample(look.images[part], where) for part, where in zip(parts, pixels, strict=True)])

    def texture(self, state: ClipState) -> Texture:
        """The clip's texture as it appears in `state`."""
        count = len(state)
        index = torch.linspace(0, count - 1, min(count, TEXTURE_FRAMES)).round().long()
        some, problem = state.frames(index), self._problem.frames(index)
        look = self.look(some, index, problem)
        return texture_and_light(self.values(some, look), look.seen, look.bases)[0]

    def run(
        self,
        keyframes: Tensor,
        stretches: list[tuple[slice, slice]],
        on_step: Callable[[], None] | None = None,
    ) -> ClipState:
        """The clip's state after ROUNDS.

        Each finds the texture, then shape and focal length from the keyframes, then every frame's own unknowns.

        Args:
            keyframes: indices of frames that show the clip's range of poses and expressions.
            stretches: what is refined at once and which of its frames are kept (see fit.stretches).
            on_step: called after each step, at most ROUNDS * STEPS times for the keyframes and for each stretch.
        """
        state = self._state
        for _ in range(ROUNDS):
            texture = self.texture(state)
            few = self._minimised(self._problem.frames(keyframes), state.frames(keyframes), keyframes, texture, on_step)
            state = replace(state, shape=few.shape, log_focal=few.log_focal)
            state = joined([self._stretch(state, part, texture, on_step).frames(kept) for part, kept in stretches])
        return state

    def settled(
        self,
        state: ClipState,
        stretches: list[tuple[slice, slice]],
        on_step: Callable[[], None] | None = None,
    ) -> ClipState:
        """A state whose pose is right, with all but the pose found anew; at most STEPS for each stretch."""
        texture = self.texture(state)
        return joined(
            [self._stretch(state, part, texture, on_step, posed=True).frames(kept) for part, kept in stretches]
        )

    def _stretch(
        self, state: ClipState, part: slice, texture: Texture, on_step: Callable[[], None] | None, posed: bool = False
    ) -> ClipState:
        state, problem = state.frames(part), (self._settled_problem if posed else self._problem).stretch(part)
        problem = replace(problem, drift=_drift(problem, state))
        index = torch.arange(part.start, part.stop)
        return self._minimised(problem, state, index, texture, on_step, shared=False, posed=posed)

    def _minimised(
        self,
        problem: Problem,
        state: ClipState,
        index: Tensor,
        texture: Texture,
        on_step: Callable[[], None] | None,
        shared: bool = True,
        posed: bool = False,
    ) -> ClipState:
        look = self.look(state, index, problem)
        light = light_of(self.values(state, look), look.seen, look.bases, texture)
        look.seen *= SHARED_SHARE if shared else 1.0
        photometric = PhotometricProblem(
            problem, self._surface, look, texture, light, self._anchor[index], self._hold, posed
        )
        return minimise(photometric, state, shared, steps=STEPS, tolerance=1e-3, on_step=on_step).state


def place_pixels(surface: LandmarkHead, state: ClipState, look: Look, part: slice) -> Tensor:
    """Where the places fall in the images, (T, n, 2)."""
    return (project(surface, state.converted(FAST)).pixels + look.principal_point[part]) * look.scale


def _shares(problem: Problem, margin: float) -> Tensor:
    """(L,) what each landmark still counts, those of eyes and lips `margin`."""
    share = torch.full_like(problem.weight[0], LANDMARK_SHARE)
    share[MARGINS] = margin
    return share


def _drift(problem: Problem, state: ClipState) -> Tensor:
    """The motion of `state` less its tremble, as the one that is expected.

    Eyes and lids keep what was expected of them: a second smoothing would take the blinks away.
    """
    columns = problem.columns
    drift = expected_change(state.differences(), problem.gap, columns.release * columns.change)
    for kept in (LEFT_EYE, RIGHT_EYE, EYELIDS):
        drift[:, kept] = problem.drift[:, kept]
    return drift


def _take(frames: ClipArray, index: Tensor) -> np.ndarray:
    return np.stack([np.asarray(frames[number]) for number in index.tolist()])


def _chunks(count: int) -> list[slice]:
    return [slice(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK)]
