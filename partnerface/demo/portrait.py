"""The portrait and the built-in head fitted to it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from partnerface.conventions import FACING_CAMERA
from partnerface.errors import PartNerFaceError
from partnerface.head.model import HeadModel

CROP = (0, 80, 300, 380)  # rows and columns of the head and shoulders: top, left, bottom, right
ENLARGE = 3  # MediaPipe's segmentation and landmarks want more pixels than the portrait's face has
# A portrait lens from a few metres: the focal length in pixels of the enlarged crop. Only its being long matters.
FOCAL = 4500.0


@dataclass
class Portrait:
    """The enlarged crop: image (h, w, 3) float32 sRGB in [0, 1], mask (h, w) of the person, landmarks (478, 2) px."""

    image: np.ndarray
    mask: np.ndarray
    landmarks: np.ndarray

    @property
    def principal_point(self) -> tuple[float, float]:
        """Middle of the crop."""
        return self.image.shape[1] / 2, self.image.shape[0] / 2


@dataclass
class Fit:
    """The head that matches the portrait; arrays under FLAME's names, one frame."""

    shape: np.ndarray
    expression: np.ndarray
    global_orient: np.ndarray
    jaw_pose: np.ndarray
    eye_pose: np.ndarray
    eyelids: np.ndarray
    translation: np.ndarray
    error_px: float


def load_portrait() -> Portrait:
    """The portrait with MediaPipe's landmarks and person mask.

    Raises:
        PartNerFaceError: MediaPipe finds no face in it, so something is wrong with the installation.
    """
    import cv2
    import skimage.data

    from partnerface.quiet import hush_logs, quiet

    hush_logs()
    import mediapipe as mp

    top, left, bottom, right = CROP
    small = skimage.data.astronaut()[top:bottom, left:right, :3]
    image = cv2.resize(small, None, fx=ENLARGE, fy=ENLARGE, interpolation=cv2.INTER_CUBIC)
    height, width = image.shape[:2]
    solutions: Any = mp.solutions  # type: ignore[attr-defined]
    with quiet():
        with solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True) as mesh:
            found = mesh.process(image).multi_face_landmarks
        with solutions.selfie_segmentation.SelfieSegmentation(model_selection=0) as segmentation:
            mask = segmentation.process(image).segmentation_mask
    if not found:
        raise PartNerFaceError("MediaPipe finds no face in scikit-image's portrait; install the pinned versions again")
    landmarks = np.array([[point.x * width, point.y * height] for point in found[0].landmark])
    return Portrait(image.astype(np.float32) / 255, np.asarray(mask, dtype=np.float32), landmarks)


def fit_head(head: HeadModel, portrait: Portrait, iterations: int = 120) -> Fit:
    """Least squares over the landmarks with unit Gaussian priors on shape and expression; deterministic.

    The outline's points count little, since MediaPipe lets them slide along the silhouette.
    How wide the eyes are open at rest is taken for identity, not for a movement of the lids.
    """
    import torch

    from partnerface.geometry.camera import project
    from partnerface.head.points import OVAL
    from partnerface.head.skinning import embed, head_tensors, pose_head

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in a fixed order
    tensors = head_tensors(head, dtype=torch.float64)
    ids, triangles = np.unique(head.mediapipe_faces, return_inverse=True)
    tensors = tensors.subset(torch.from_numpy(ids))
    triangles = torch.from_numpy(triangles.reshape(-1, 3))
    barycentric = torch.tensor(head.mediapipe_weights, dtype=torch.float64)
    target = torch.tensor(portrait.landmarks, dtype=torch.float64)
    eye_distance = float((target[33] - target[263]).norm())
    weights = torch.ones(478, dtype=torch.float64)
    weights[list(OVAL)] = 0.15

    def free(*shape: int) -> torch.Tensor:
        return torch.zeros(*shape, dtype=torch.float64, requires_grad=True)

    shape, expression, turn, jaw, eyes, lids, move = (
        free(head.n_shape), free(1, head.n_expression), free(1, 3), free(1, 1), free(1, 2), free(1, 2), free(1, 3)
    )  # fmt: skip
    depth = FOCAL * 0.09 / eye_distance
    middle = (target[33] + target[263]) / 2 - torch.tensor(portrait.principal_point, dtype=torch.float64)
    start = torch.tensor([[float(middle[0]) * depth / FOCAL, float(middle[1]) * depth / FOCAL, depth]])
    scale = torch.tensor([0.1, 0.1, 0.1], dtype=torch.float64)

    def parameters() -> dict[str, torch.Tensor]:
        zero = torch.zeros_like(jaw)
        gaze = torch.cat([eyes, zero, eyes, zero], 1)
        return {
            "shape": shape,
            "expression": expression,
            "global_orient": turn + torch.tensor([FACING_CAMERA], dtype=torch.float64),
            "jaw_pose": torch.cat([jaw, zero, zero], 1),
            "eye_pose": gaze,
            "eyelids": lids,
            "translation": start + move * scale,
        }

    def residual() -> torch.Tensor:
        posed = pose_head(tensors, **parameters())
        return project(embed(posed.vertices[0], triangles, barycentric), FOCAL, portrait.principal_point) - target

    def loss() -> torch.Tensor:
        data = (weights * (residual() / eye_distance).square().sum(1)).sum() / 478
        prior = shape.square().sum() + expression.square().sum() + (jaw / 0.2).square().sum()
        return data + 1e-6 * (prior + (lids / 0.02).square().sum() + (eyes / 0.3).square().sum())

    optimiser = torch.optim.LBFGS(
        [shape, expression, turn, jaw, eyes, lids, move],
        max_iter=iterations,
        history_size=30,
        line_search_fn="strong_wolfe",
        tolerance_grad=1e-10,
        tolerance_change=1e-12,
    )

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        value = loss()
        value.backward()
        return value

    optimiser.step(closure)  # type: ignore[arg-type]
    torch.set_num_threads(threads)
    with torch.no_grad():
        error = float(residual().norm(dim=1).mean())
        values = {name: value.numpy().copy() for name, value in parameters().items()}
    return Fit(error_px=error, **values)
