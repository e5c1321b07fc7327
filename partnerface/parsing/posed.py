"""The fitted head in each frame: which class each pixel of it shows, and where the torso's own plane lies."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from partnerface.conventions import CLASS_NAMES, MOTION_NAMES
from partnerface.geometry.camera import project
from partnerface.geometry.rasterize import rasterize
from partnerface.head.model import HeadModel
from partnerface.head.points import CHIN
from partnerface.head.skinning import head_tensors, pose_head

#: Frames that are posed at once: enough to spread the cost of reading the blendshapes, and not much memory.
TOGETHER = 16


@dataclass(frozen=True)
class TorsoFrames:
    """A plane through the middle of the neck that stands on the torso and faces the camera, in each of N frames.

    Its point (0, 0) lies below the chin of the head at rest, u runs to the image's right across the torso, v up along
    it, both in metres.

    Attributes:
        origin: (N, 2) px of (0, 0).
        up: (N, 2) unit vector in the image of growing v.
        scale: (N,) px per metre.
    """

    origin: np.ndarray
    up: np.ndarray
    scale: np.ndarray

    def matrix(self, index: int) -> np.ndarray:
        """(2, 3): u, v in metres to x, y in px for frame `index`."""
        up, scale = self.up[index], self.scale[index]
        right = np.array([-up[1], up[0]])
        return np.stack([right * scale, up * scale, self.origin[index]], axis=1)

    def smoothed(self, sigma: float) -> "TorsoFrames":
        """Steadied over time by a Gaussian of `sigma` frames."""
        if sigma <= 0 or len(self.scale) < 2:
            return self
        reach = int(np.ceil(3 * sigma))
        kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
        columns = np.column_stack([self.origin, self.up, np.log(self.scale)])
        padded = np.pad(columns, ((reach, reach), (0, 0)), mode="edge")
        smooth = np.stack([np.convolve(column, kernel / kernel.sum(), mode="valid") for column in padded.T], axis=1)
        up = smooth[:, 2:4] / np.linalg.norm(smooth[:, 2:4], axis=1, keepdims=True)
        return TorsoFrames(smooth[:, :2], up, np.exp(smooth[:, 4]))


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

    def torso_frames(self) -> TorsoFrames:
        """The torso's plane in all frames."""
        with torch.no_grad():
            head = self._tensors
            chin = (
                self.model.template[self.model.mediapipe_faces[CHIN]] * self.model.mediapipe_weights[CHIN][:, None]
            ).sum(0)
            joint = head.joints[0] + head.joint_basis[0] @ self._shape
            rest = torch.stack([torch.tensor([0.0, float(chin[1]) - drop, float(joint[2])]) for drop in (0.0, 0.1)])
            # The torso rides on the first joint alone: its transform is the same whatever the face does.
            subset = head.subset(torch.zeros(1, dtype=torch.long))
            bones = pose_head(subset, self._shape, **self._motion).bone_transforms[:, 0]
            points = (rest @ bones[:, :3, :3].transpose(1, 2) + bones[:, None, :3, 3]).numpy()
        flat = project(points, self._focal[:, None, None], self._centre[:, None])
        up = flat[:, 0] - flat[:, 1]
        up = up / np.linalg.norm(up, axis=1, keepdims=True)
        return TorsoFrames(flat[:, 0].astype(np.float64), up, self._focal / points[:, 0, 2])
