"""The fitted head in each frame: which class each pixel of it shows, and where the neck's front lies."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from partnerface.conventions import CLASS_NAMES, MOTION_NAMES
from partnerface.geometry.camera import project
from partnerface.geometry.rasterize import rasterize
from partnerface.head.model import HeadModel
from partnerface.head.skinning import head_tensors, pose_head
from partnerface.parsing.neck import NeckFrames, NeckFront

#: Frames that are posed at once: enough to spread the cost of reading the blendshapes, and not much memory.
TOGETHER = 16


class PosedClip:
    """A tracked head over a clip.

    Args:
        model: the head.
        tracking: the arrays of tracking.npz.
        raster_size: edge in px of the pictures that the head is drawn in; classes are enlarged softly from there.
    """

    def __init__(self, model: HeadModel, tracking: dict[str, np.ndarray], raster_size: int = 192):
        self.model = model
        self.image_size = int(tracking["image_size"])
        self.raster_size = min(raster_size, self.image_size)
        self._tensors = head_tensors(model)
        self._shape = torch.as_tensor(tracking["shape"], dtype=torch.float32)
        self._motion = {name: torch.as_tensor(tracking[name], dtype=torch.float32) for name in MOTION_NAMES}
        self._focal, self._centre = np.asarray(tracking["focal"]), np.asarray(tracking["principal_point"])
        self._classes = model.regions.astype(np.int64)[model.faces.T]

    def __len__(self) -> int:
        return len(self._motion["translation"])

    def vertices(self, indices: Sequence[int]) -> np.ndarray:
        """(n, V, 3) vertices in frames `indices`, camera space, metres."""
        chosen = list(indices)
        with torch.no_grad():
            posed = pose_head(self._tensors, self._shape, **{k: v[chosen] for k, v in self._motion.items()})
        return posed.vertices.numpy()

    def class_shares(self, index: int) -> np.ndarray:
        """(r, r, C) float32: how much of each class the fitted head shows in a pixel; sums to 1 on the head, 0 beside.

        `r` is the raster size; the whole frame is covered. In memory each class is a picture by itself.
        """
        return next(self.all_class_shares([index]))

    def all_class_shares(self, indices: Sequence[int]) -> Iterator[np.ndarray]:
        """`class_shares` of each of these frames in turn, posed some at a time, which is quicker."""
        for start in range(0, len(indices), TOGETHER):
            together = indices[start : start + TOGETHER]
            for index, vertices in zip(together, self.vertices(together), strict=True):
                yield self._draw(vertices, float(self._focal[index]), self._centre[index])

    def _draw(self, vertices: np.ndarray, focal: float, centre: np.ndarray) -> np.ndarray:
        size = self.raster_size
        pixels = project(vertices, focal, centre) * (size / self.image_size)
        face, weights, _ = rasterize(pixels, vertices[:, 2], self.model.faces, size, size, cull=True)
        seen = np.flatnonzero(face.ravel() >= 0)
        classes, weights = self._classes[:, face.ravel()[seen]], weights.reshape(-1, 3)[seen]
        planes = np.zeros((len(CLASS_NAMES), size, size), np.float32)
        flat = planes.reshape(-1)
        for corner in range(3):
            flat[classes[corner] * size**2 + seen] += weights[:, corner]
        return np.moveaxis(planes, 0, -1)

    def neck_frames(self) -> NeckFrames:
        """The front of the neck in all frames."""
        # The bones are the same whatever the face does.
        subset = self._tensors.subset(torch.zeros(1, dtype=torch.long))
        with torch.no_grad():
            bones = pose_head(subset, self._shape, **self._motion).bone_transforms[:, :2]
        rest = self.model.template + self.model.shape_basis @ self._shape.numpy()
        front = NeckFront.of(self.model, rest)
        return NeckFrames(front, bones[:, :, :3].numpy().astype(np.float64), self._focal, self._centre)
