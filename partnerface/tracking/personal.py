"""The subject's own surface: the displacements of the landmarks spread over the head's vertices."""

import numpy as np

from partnerface.head.model import HeadModel
from partnerface.head.points import LEFT_IRIS, RIGHT_IRIS

#: How far a landmark's displacement reaches over the surface, metres.
REACH = 0.05
# Share of a displacement's variance that is taken for noise: the field is smooth rather than exact.
_RIDGE = 0.02
_EYES = ((3, LEFT_IRIS), (4, RIGHT_IRIS))


def personal_head(model: HeadModel, offsets: np.ndarray) -> HeadModel:
    """The head with its template displaced so that its landmarks move by `offsets`.

    The skin moves by a smooth field that fades beyond REACH from the nearest landmark; each eyeball shifts as a whole
    with its iris, because it has to stay round.

    Args:
        model: the head.
        offsets: (478, 3) metres, rest space.
    """
    corners = model.mediapipe_faces
    rest = np.einsum("lk,lkc->lc", model.mediapipe_weights, model.template[corners]).astype(np.float64)
    skin = np.setdiff1d(np.arange(len(rest)), [*LEFT_IRIS, *RIGHT_IRIS])
    kernel = _kernel(rest[skin], rest[skin]) + _RIDGE * np.eye(len(skin))
    field = _kernel(model.template.astype(np.float64), rest[skin]) @ np.linalg.solve(kernel, offsets[skin])
    for joint, iris in _EYES:
        ball = model.skinning_weights[:, joint] > 0.5
        field[ball] = offsets[list(iris)].mean(0)
    return model.with_offset(field.astype(np.float32))


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Wendland's C2 function of compact support, (1 - r)^4 (4 r + 1), which is positive definite in space."""
    distance = np.sqrt(np.maximum(((a[:, None] - b[None]) ** 2).sum(-1), 0)) / REACH
    return np.maximum(1 - distance, 0) ** 4 * (4 * distance + 1)
