"""What may lie beside a FLAME file: eyelid shapes, vertex masks, landmark embeddings. Each is optional.

All are of FLAME's own mesh, so that they are read only for heads of as many vertices and triangles.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from partnerface.artefacts.foreign import read_npy, read_npz, read_pickle
from partnerface.conventions import CLASS_NAMES
from partnerface.errors import InputError
from partnerface.head.flame.layout import FlameArrays
from partnerface.head.places import COMPANIONS

AGAIN = "get it again"
LEFT_LID, RIGHT_LID, MASKS, *EMBEDDINGS68, EMBEDDING_MEDIAPIPE = COMPANIONS

#: Region of FLAME_masks.pkl → class; a later one wins. The other regions hold several classes.
CLASS_OF_MASK = {
    "neck": "neck",
    "boundary": "neck",
    "scalp": "hair",
    "nose": "nose",
    "lips": "lips",
    "left_ear": "ears",
    "right_ear": "ears",
    "left_eyeball": "eyes",
    "right_eyeball": "eyes",
}
#: Keys of the embeddings' triangles and weights, of all 68 points or of the 51.
_KEYS68 = (
    ("full_lmk_faces_idx", "full_lmk_bary_coords", 68),
    ("static_lmk_faces_idx", "static_lmk_bary_coords", 51),
    ("lmk_face_idx", "lmk_b_coords", 51),
)


@dataclass
class Points:
    """Points on the surface: `index` (n,) their numbers in a scheme, `corners` (n, 3) vertex ids, `weights` (n, 3)."""

    index: np.ndarray
    corners: np.ndarray
    weights: np.ndarray

    def places(self, vertices: np.ndarray) -> np.ndarray:
        """(n, 3) where they are on vertices (V, 3)."""
        return (vertices[self.corners] * self.weights[..., None]).sum(1)


@dataclass
class Companions:
    """What was found beside a file.

    Attributes:
        eyelids: (V, 3, 2) displacement that closes the subject's left and right lid, metres.
        classes: (V,) int, index into CLASS_NAMES, -1 where the masks do not tell.
        mediapipe, ibug68: points of these schemes; `index` are their numbers there.
        files: the files that were read.
    """

    eyelids: np.ndarray | None = None
    classes: np.ndarray | None = None
    mediapipe: Points | None = None
    ibug68: Points | None = None
    files: list[Path] = field(default_factory=list)


def read_companions(folder: Path, flame: FlameArrays) -> Companions:
    """What lies in `folder` beside the file of `flame`; raises InputError for a companion that does not fit it."""
    out = Companions()
    there = [folder / name for name in COMPANIONS if (folder / name).is_file()]
    by_name = {path.name: path for path in there}
    lids = [by_name[name] for name in (LEFT_LID, RIGHT_LID) if name in by_name]
    if len(lids) == 1:
        other = RIGHT_LID if lids[0].name == LEFT_LID else LEFT_LID
        raise InputError(f"{lids[0]} stands alone; put {other} beside it, or take it away")
    if lids:
        out.eyelids = _eyelids(lids, flame)
    if MASKS in by_name:
        out.classes = _classes(by_name[MASKS], flame)
    if EMBEDDING_MEDIAPIPE in by_name:
        path = by_name[EMBEDDING_MEDIAPIPE]
        held = read_npz(path, AGAIN)
        index = _whole_numbers(held.get("landmark_indices"), path, "landmark_indices", 478)
        out.mediapipe = _points(held.get("lmk_face_idx"), held.get("lmk_b_coords"), index, flame, path)
    for name in EMBEDDINGS68:
        if name in by_name and out.ibug68 is None:
            out.ibug68 = _ibug(by_name[name], flame)
            out.files.append(by_name[name])
    out.files += [path for path in there if path.name not in EMBEDDINGS68]
    return out


def _eyelids(paths: list[Path], flame: FlameArrays) -> np.ndarray:
    """(V, 3, 2), the subject's left lid first, whichever of the files holds it."""
    middle = float(flame.joints[3:, 0].mean())
    sides, fields_ = [], []
    for path in paths:
        lid = read_npy(path, AGAIN)
        if not isinstance(lid, np.ndarray) or lid.shape != flame.template.shape or not np.isfinite(lid).all():
            raise InputError(f"{path} is no displacement of {len(flame.template)} vertices; get it again")
        lid = lid.astype(np.float64)
        size = np.linalg.norm(lid, axis=1)
        if not 0.001 < size.max() < 0.03:
            raise InputError(f"{path} closes no lid: it moves by up to {1000 * size.max():.3g} mm; get it again")
        sides.append(float(size @ (flame.template[:, 0] - middle)) > 0)
        fields_.append(lid)
    if sides[0] == sides[1]:
        raise InputError(f"{paths[0]} and {paths[1].name} close the same eye; get them again")
    return np.stack(fields_ if sides[0] else fields_[::-1], -1)


def _classes(path: Path, flame: FlameArrays) -> np.ndarray:
    masks = read_pickle(path, AGAIN)
    if not isinstance(masks, dict) or not any(name in masks for name in CLASS_OF_MASK):
        raise InputError(f"{path} holds no vertex masks of FLAME; get it from flame.is.tue.mpg.de")
    out = np.full(len(flame.template), -1)
    for name, region in CLASS_OF_MASK.items():
        if name in masks:
            out[_whole_numbers(masks[name], path, name, len(out))] = CLASS_NAMES.index(region)
    return out


def _ibug(path: Path, flame: FlameArrays) -> Points:
    held = read_npy(path, AGAIN) if path.suffix == ".npy" else read_pickle(path, AGAIN)
    for faces, weights, count in _KEYS68:
        if isinstance(held, dict) and faces in held and weights in held:
            return _points(held[faces], held[weights], np.arange(68 - count, 68), flame, path)
    raise InputError(f"{path} holds no landmark embedding of FLAME; get it again")


def _whole_numbers(value: Any, path: Path, name: str, below: int) -> np.ndarray:
    try:
        array = np.asarray(value).ravel()
    except ValueError:
        array = np.zeros(0)
    if array.dtype.kind not in "iu" or not len(array) or array.min() < 0 or array.max() >= below:
        raise InputError(f"{path}: {name} holds no whole numbers from 0 to {below - 1}; it belongs to another mesh")
    return array.astype(np.int64)


def _points(faces: Any, weights: Any, index: np.ndarray, flame: FlameArrays, path: Path) -> Points:
    triangles = _whole_numbers(faces, path, "the triangles of the landmarks", len(flame.faces))
    try:
        shares = np.asarray(weights, dtype=np.float64).reshape(-1, 3)
    except (ValueError, TypeError):
        shares = np.zeros((0, 3))
    if not len(triangles) == len(shares) == len(index) or not np.allclose(shares.sum(1), 1, atol=1e-2):
        raise InputError(f"{path}: landmarks, triangles and weights do not fit one another; get it again")
    return Points(index, flame.faces[triangles], shares / shares.sum(1, keepdims=True))
