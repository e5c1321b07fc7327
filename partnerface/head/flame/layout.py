"""The arrays of a FLAME file: found under their names, checked, and brought into HeadModel's form."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from partnerface.artefacts.foreign import read_pickle
from partnerface.conventions import JOINT_PARENTS
from partnerface.errors import InputError
from partnerface.head.model import JOINTS, POSE_FEATURES

#: Of the columns of `shapedirs` so many are shape; expression follows.
SHAPE_COLUMNS = 300
KEYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f")
MOST_VERTICES = 200_000
SUM_TOLERANCE = 0.02
#: Human heads have their eyes so far apart, metres.
EYE_DISTANCE = (0.03, 0.12)


@dataclass
class FlameArrays:
    """What a FLAME file holds, as doubles, metres, FLAME's axes.

    Attributes:
        template: (V, 3).
        shape_basis, expression_basis: (V, 3, S), (V, 3, E), all that the file has but trailing components of zeros.
        pose_basis: (V, 3, 36). joint_regressor: (5, V). weights: (V, 5). faces: (F, 3) int64.
        sha256: of the file's bytes.
    """

    template: np.ndarray
    shape_basis: np.ndarray
    expression_basis: np.ndarray
    pose_basis: np.ndarray
    joint_regressor: np.ndarray
    weights: np.ndarray
    faces: np.ndarray
    sha256: str

    @property
    def joints(self) -> np.ndarray:
        """(5, 3) of the template."""
        return self.joint_regressor @ self.template


def read_flame(path: Path) -> FlameArrays:
    """The arrays of a FLAME pickle.

    Raises:
        InputError: the file can't be read, is not of FLAME's layout, or its arrays contradict one another.
    """
    held = read_pickle(path, "get the file from its maker, flame.is.tue.mpg.de")
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    missing = [key for key in KEYS if key not in held] if isinstance(held, dict) else list(KEYS)
    if missing:
        raise InputError(f"{path} is no FLAME model: it lacks {missing[0]}; get it from flame.is.tue.mpg.de")
    arrays = {key: _dense(held[key], key, path) for key in KEYS}
    count = _check_shapes(arrays, path)
    shapes, poses = arrays["shapedirs"], arrays["posedirs"].reshape(count, 3, -1)
    faces = arrays["f"].astype(np.int64)
    if len(faces) == 0 or faces.min() < 0 or faces.max() >= count:
        raise InputError(f"{path} is damaged: its triangles point outside its {count} vertices; get it again")
    _check_tree(arrays["kintree_table"], path)
    for key in ("weights", "J_regressor"):
        arrays[key] = _summing_to_one(arrays[key], key, path)
    out = FlameArrays(
        template=arrays["v_template"],
        shape_basis=_without_zeros(shapes[..., :SHAPE_COLUMNS]),
        expression_basis=_without_zeros(shapes[..., SHAPE_COLUMNS:]),
        pose_basis=poses,
        joint_regressor=arrays["J_regressor"],
        weights=arrays["weights"],
        faces=faces,
        sha256=sha256,
    )
    _check_values(out, path)
    return out


def _dense(value: Any, key: str, path: Path) -> np.ndarray:
    """An array of doubles from an array, a list, or the parts of a sparse matrix."""
    wrong = InputError(f"{path} is no FLAME model: its {key} is no array of numbers; get it from flame.is.tue.mpg.de")
    if isinstance(value, dict) and "sparse" in value:
        value = _from_sparse(value)
    try:
        array = np.asarray(value, dtype=np.float64)
    except (ValueError, TypeError):
        raise wrong from None
    if value is None or array.ndim == 0 or not np.isfinite(array).all():
        raise wrong
    return array


def _from_sparse(parts: dict[str, Any]) -> np.ndarray | None:
    """(rows, columns) from compressed columns or rows; None where the parts contradict one another."""
    shape, data, indices, pointers = (parts[name] for name in ("shape", "data", "indices", "indptr"))
    if not isinstance(shape, tuple) or len(shape) != 2 or not all(isinstance(item, np.ndarray) for item in
                                                                  (data, indices, pointers)):  # fmt: skip
        return None
    rows, columns = (int(length) for length in shape)
    major, minor = (columns, rows) if parts["sparse"] else (rows, columns)
    runs = np.diff(pointers.astype(np.int64))
    if not 0 < rows * columns <= JOINTS * MOST_VERTICES or len(pointers) != major + 1 or (runs < 0).any():
        return None
    if runs.sum() != len(data) or len(data) != len(indices) or pointers[0] != 0:
        return None
    if len(indices) and not (indices.min() >= 0 and indices.max() < minor):
        return None
    out = np.zeros((major, minor))
    np.add.at(out, (np.repeat(np.arange(major), runs), indices), data)
    return out.T if parts["sparse"] else out


def _check_shapes(arrays: dict[str, np.ndarray], path: Path) -> int:
    """V; raises InputError where the arrays are not a head's of V vertices."""
    joints = arrays["weights"].shape[-1]
    if joints != JOINTS:
        raise InputError(
            f"{path} has {joints} joints, FLAME has {JOINTS}; it is another model of its family (a body or a hand?): "
            "give a FLAME file"
        )
    count, columns = len(arrays["v_template"]), arrays["shapedirs"].shape[-1]
    expected = {
        "v_template": (count, 3),
        "shapedirs": (count, 3, columns),
        "J_regressor": (JOINTS, count),
        "weights": (count, JOINTS),
        "kintree_table": (2, JOINTS),
        "f": (len(arrays["f"]), 3),
    }
    for key, shape in expected.items():
        if arrays[key].shape != shape:
            raise InputError(f"{path}: {key} has the shape {arrays[key].shape}, expected {shape}; get the file again")
    if arrays["posedirs"].size != count * 3 * POSE_FEATURES:
        raise InputError(
            f"{path}: posedirs has the shape {arrays['posedirs'].shape}, expected {(count, 3, POSE_FEATURES)}; "
            "get the file again"
        )
    if not 100 <= count <= MOST_VERTICES:
        raise InputError(f"{path} has {count} vertices, which is no head; give a FLAME file")
    if columns <= SHAPE_COLUMNS:
        raise InputError(
            f"{path} has {columns} blend shapes; FLAME's first {SHAPE_COLUMNS} are shape and expression follows, of "
            "which it has none: get FLAME 2020 or later"
        )
    return count


def _check_tree(table: np.ndarray, path: Path) -> None:
    """The joints' parents must be ours; the root's parent is -1 or its unsigned form."""
    if tuple(table[0, 1:].astype(np.int64)) != JOINT_PARENTS[1:]:
        raise InputError(f"{path} has another tree of joints than FLAME's; give a FLAME file")


def _without_zeros(basis: np.ndarray) -> np.ndarray:
    """The basis without trailing components that move nothing."""
    used = np.flatnonzero(basis.any((0, 1)))
    return basis[..., : used[-1] + 1 if len(used) else 0]


def _summing_to_one(rows: np.ndarray, key: str, path: Path) -> np.ndarray:
    """Rows that sum to 1 exactly, as files whose numbers were rounded do not."""
    sums = rows.sum(1, keepdims=True)
    if np.abs(sums - 1).max() > SUM_TOLERANCE:
        raise InputError(f"{path}: rows of {key} do not sum to 1; get the file again")
    return rows / sums


def _check_values(arrays: FlameArrays, path: Path) -> None:
    if arrays.expression_basis.shape[2] == 0:
        raise InputError(f"{path} has no expressions: they move nothing; get FLAME 2020 or later")
    across = arrays.joints[3] - arrays.joints[4]
    distance = float(np.linalg.norm(across))
    if not EYE_DISTANCE[0] < distance < EYE_DISTANCE[1]:
        raise InputError(f"{path}: the eyes are {distance:.3g} apart, which are no metres; FLAME's files are in metres")
    if across[0] < 0.9 * distance:
        raise InputError(f"{path}: the left eye does not lie at +x of the right one; FLAME's axes are x left, y up")
