"""Pictures that show how well a fit sits: the head's mesh and the landmarks' outlines drawn over the frames."""

from collections.abc import Iterator

import cv2
import numpy as np

from partnerface.artefacts.arrays import ClipArray
from partnerface.geometry.camera import project
from partnerface.head import points
from partnerface.head.model import HeadModel
from partnerface.head.posing import posed_vertices

_MESH = (90, 200, 255)
_FITTED, _FOUND, _BRIDGED = (80, 255, 120), (255, 70, 70), (255, 190, 60)
# Coordinates with this many fractional bits let OpenCV draw between the pixels.
_SHIFT = 4
_OPACITY = 0.3


def outlines() -> list[np.ndarray]:
    """Chains of landmarks that draw brows, lids, irises, lips and the face's outline."""

    def ring(loop: tuple[int, ...]) -> np.ndarray:
        return np.array([*loop, loop[0]])

    chains = [ring(points.OVAL), np.array(points.NOSE_RIDGE)]
    chains += [ring(loop) for loop in (points.OUTER_LIPS, points.INNER_LIPS, points.RIGHT_EYE, points.LEFT_EYE)]
    chains += [np.array(upper) for upper, _ in (points.RIGHT_BROW_EDGES, points.LEFT_BROW_EDGES)]
    return [*chains, ring(points.RIGHT_IRIS[1:]), ring(points.LEFT_IRIS[1:])]


def draw_mesh(image: np.ndarray, pixels: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """A copy of `image` (h, w, 3) uint8 with the edges of the triangles that face the camera, half transparent.

    Args:
        image: the frame.
        pixels: (V, 2) projected vertices.
        faces: (F, 3); a triangle faces the camera when its corners run clockwise on the screen's y-down axes.
    """
    corners = pixels[faces]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    front = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0] < 0
    drawn = image.copy()
    cv2.polylines(drawn, list(_fixed_point(corners[front])), True, _MESH, 1, cv2.LINE_AA, _SHIFT)
    return cv2.addWeighted(drawn, _OPACITY, image, 1 - _OPACITY, 0)


def draw_landmarks(image: np.ndarray, fitted: np.ndarray, found: np.ndarray | None) -> np.ndarray:
    """A copy of `image` with the fitted outlines and a short red line from each detected landmark to the fitted one.

    Args:
        image: (h, w, 3) uint8.
        fitted: (478, 2) px.
        found: (478, 2) px, or None in a frame that was bridged, whose outlines are orange.
    """
    image = image.copy()
    colour = _BRIDGED if found is None else _FITTED
    for chain in outlines():
        cv2.polylines(image, [_fixed_point(fitted[chain])], False, colour, 1, cv2.LINE_AA, _SHIFT)
    if found is not None:
        segments = np.stack([fitted, found], axis=1)
        cv2.polylines(image, list(_fixed_point(segments)), False, _FOUND, 1, cv2.LINE_AA, _SHIFT)
    return image


def _fixed_point(points: np.ndarray) -> np.ndarray:
    # OpenCV's pixel centres are whole numbers, ours lie at +0.5.
    return np.round(np.clip(points - 0.5, -4000, 4000) * (1 << _SHIFT)).astype(np.int32)


def overlay(
    frames: ClipArray,
    model: HeadModel,
    tracking: dict[str, np.ndarray],
    landmarks: np.ndarray,
    index: np.ndarray,
) -> Iterator[np.ndarray]:
    """Frames with the landmarks drawn on the left half and the mesh on the right, (h, 2 w, 3) uint8, one at a time.

    Args:
        frames: (N, h, w, 3) uint8, may be a memory map.
        model: the head that was fitted.
        tracking: the arrays of tracking.npz.
        landmarks: (N, 478, 2 or 3) detected landmarks, px.
        index: which frames to draw.
    """
    for start in range(0, len(index), 32):
        some = index[start : start + 32]
        vertices = posed_vertices(model, tracking, some)
        pixels = project(vertices, tracking["focal"][some, None, None], tracking["principal_point"][some][:, None])
        for frame, places in zip(some, pixels, strict=True):
            bridged = bool(tracking["bridged"][frame])
            found = None if bridged else landmarks[frame, :, :2]
            left = draw_landmarks(frames[frame], tracking["landmarks_px"][frame], found)
            right = draw_mesh(frames[frame], places, model.faces)
            yield np.concatenate([_caption(left, frame, tracking["error_px"][frame]), right], axis=1)


def _caption(image: np.ndarray, frame: int, error: float) -> np.ndarray:
    text = f"{frame}  bridged" if np.isnan(error) else f"{frame}  {error:.1f} px"
    size = max(0.3, image.shape[0] / 1100)
    for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(image, text, (6, image.shape[0] - 8), cv2.FONT_HERSHEY_SIMPLEX, size, colour, width, cv2.LINE_AA)
    return image
