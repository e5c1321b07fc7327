"""The outline: a cap of known thickness on the built-in head is found from its masks."""

import numpy as np
import pytest

from partnerface.geometry.mesh import vertex_normals
from partnerface.geometry.rasterize import rasterize
from partnerface.head.builtin import builtin_head
from partnerface.head.posing import posed_vertices
from partnerface.tracking.silhouette import OUTWARDS, outline_offset

SIZE, FOCAL = 256, 400.0


@pytest.fixture(scope="module")
def tracking() -> dict[str, np.ndarray]:
    """Twelve frames of the built-in head, turned and nodding."""
    head, count = builtin_head(), 12
    turns = np.zeros((count, 3), np.float32)
    turns[:, 1] = np.linspace(-0.6, 0.6, count)
    turns[:, 0] = np.tile([-0.25, 0.0, 0.25], 4)
    zero = np.zeros((count, 3), np.float32)
    return {
        "shape": np.zeros(head.n_shape, np.float32),
        "expression": np.zeros((count, head.n_expression), np.float32),
        "global_orient": np.tile(np.array([np.pi, 0, 0], np.float32), (count, 1)),
        "neck_pose": turns,
        "jaw_pose": zero,
        "eye_pose": np.zeros((count, 6), np.float32),
        "eyelids": np.zeros((count, 2), np.float32),
        "translation": np.tile(np.array([0, 0.3, 0.8], np.float32), (count, 1)),
        "focal": np.full(count, FOCAL, np.float32),
        "principal_point": np.full((count, 2), SIZE / 2, np.float32),
        "image_size": np.array(SIZE),
        "bridged": np.zeros(count, bool),
    }


def masks_of(model, tracking: dict[str, np.ndarray], size: int = SIZE) -> list[np.ndarray]:
    """What each frame shows of the head, at `size` px."""
    scale, out = size / SIZE, []
    for vertices, centre in zip(
        posed_vertices(model, tracking, np.arange(12)), tracking["principal_point"], strict=True
    ):
        pixels = scale * (FOCAL * vertices[:, :2] / vertices[:, 2:] + centre)
        out.append((rasterize(pixels, vertices[:, 2], model.faces, size, size)[0] >= 0).astype(np.float32))
    return out


def cap(thickness: float) -> np.ndarray:
    """(V, 3) offsets: `thickness` along the normals of the uppermost 5 cm, fading out over the next 2 cm."""
    head = builtin_head()
    height = head.template[:, 1] - head.template[:, 1].max() + 0.05
    normals = vertex_normals(head.template.astype(np.float64), head.faces)
    return thickness * np.clip(1 + height / 0.02, 0, 1)[:, None] * normals


def test_a_head_that_fits_stays(tracking):
    offset = outline_offset(builtin_head(), tracking, np.arange(12), masks_of(builtin_head(), tracking))
    # Half a pixel of a mask of 256 px is about a millimetre here.
    assert np.linalg.norm(offset, axis=1).mean() < 0.001
    assert np.linalg.norm(offset, axis=1).max() < 0.003


@pytest.mark.parametrize("size", [SIZE, SIZE // 2])
def test_a_cap_is_found(tracking, size):
    head, true = builtin_head(), cap(0.015)
    masks = masks_of(head.with_offset(true.astype(np.float32)), tracking, size)
    offset = outline_offset(head, tracking, np.arange(12), masks)
    # The very top is at the outline in all frames.
    top = head.template[:, 1] > head.template[:, 1].max() - 0.01
    assert np.abs(np.linalg.norm(offset[top], axis=1) - 0.015).max() < 0.004
    # What the outlines have in common grows to what it was.
    before, after = (
        np.mean(
            [(a * b).sum() / np.maximum(a, b).sum() for a, b in zip(masks_of(m, tracking, size), masks, strict=True)]
        )
        for m in (head, head.with_offset(offset))
    )
    assert 1 - after < 0.35 * (1 - before)


def test_the_face_stays(tracking):
    head = builtin_head()
    masks = masks_of(head.with_offset(cap(0.02).astype(np.float32)), tracking)
    offset = outline_offset(head, tracking, np.arange(12), masks)
    corners = head.mediapipe_faces[[1, 4, 33, 263, 61, 291, 9, 152]]
    assert np.linalg.norm(offset[corners], axis=-1).max() < 0.001


def test_masks_without_an_end_say_nothing(tracking):
    whole = [np.ones((SIZE, SIZE), np.float32)] * 12
    assert np.abs(outline_offset(builtin_head(), tracking, np.arange(12), whole)).max() < 1e-6


def test_an_offset_is_bounded(tracking):
    """A mask that also holds what stands behind the head does not make a balloon of it."""
    disc = np.hypot(*(np.mgrid[:SIZE, :SIZE] - SIZE / 2 + 0.5)) < 0.47 * SIZE
    offset = outline_offset(builtin_head(), tracking, np.arange(12), [disc.astype(np.float32)] * 12)
    assert np.linalg.norm(offset, axis=1).max() < 1.2 * OUTWARDS
