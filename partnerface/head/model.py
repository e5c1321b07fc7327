"""The head model: one struct in FLAME's layout, whoever fills it."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from partnerface.artefacts import files
from partnerface.conventions import CLASS_NAMES, JOINT_NAMES
from partnerface.errors import ArtefactError

FORMAT = "partnerface-head-1"
JOINTS = len(JOINT_NAMES)
POSE_FEATURES = 9 * (JOINTS - 1)


@dataclass
class HeadModel:
    """A head that moves: V vertices, F triangles, S shape and E expression components.

    Arrays are numpy; lengths in metres, FLAME's axes (x to the subject's left, y up, z out of the face).

    Attributes:
        name: which model it is; expression codes of models with different names never mix.
        template: (V, 3) float32.
        shape_basis, expression_basis, eyelid_basis: (V, 3, S), (V, 3, E), (V, 3, 2) float32, metres per unit. Lid 0 is
            the subject's left; 1 closes it.
        pose_basis: (V, 3, 36) float32: displacement per element of the row-major flattened R_j - I of joints 1..4.
        joint_regressor: (5, V) float32, rows sum to 1: joints from rest vertices.
        skinning_weights: (V, 5) float32, rows sum to 1.
        faces: (F, 3) int32, counter-clockwise seen from outside.
        regions: (V,) uint8, index into conventions.CLASS_NAMES.
        mediapipe_faces, mediapipe_weights: (478, 3) int32 vertex ids and (478, 3) float32 barycentric weights.
        landmark68_faces, landmark68_weights: the same for the 68 iBUG points.
        shape_names, expression_names: one name per component.
    """

    name: str
    template: np.ndarray
    shape_basis: np.ndarray
    expression_basis: np.ndarray
    eyelid_basis: np.ndarray
    pose_basis: np.ndarray
    joint_regressor: np.ndarray
    skinning_weights: np.ndarray
    faces: np.ndarray
    regions: np.ndarray
    mediapipe_faces: np.ndarray
    mediapipe_weights: np.ndarray
    landmark68_faces: np.ndarray
    landmark68_weights: np.ndarray
    shape_names: tuple[str, ...]
    expression_names: tuple[str, ...]

    @property
    def n_vertices(self) -> int:
        """V."""
        return self.template.shape[0]

    @property
    def n_shape(self) -> int:
        """S."""
        return self.shape_basis.shape[2]

    @property
    def n_expression(self) -> int:
        """E."""
        return self.expression_basis.shape[2]

    def expression_index(self, name: str) -> int:
        """Position of the expression component `name`; KeyError when there is none."""
        try:
            return self.expression_names.index(name)
        except ValueError:
            raise KeyError(f"head {self.name} has no expression component {name!r}") from None

    def with_offset(self, offset: np.ndarray) -> "HeadModel":
        """The same head with a static per-vertex offset (V, 3), metres, added to its template.

        Hair or a subject's own surface must not move the skeleton: the regressor is adjusted so that the global, neck
        and jaw joints stay where they are. The eyes' joints follow their eyeballs.
        """
        template = (self.template + offset).astype(np.float32)
        regressor = self.joint_regressor.astype(np.float64).copy()
        for joint in range(3):
            used = np.flatnonzero(regressor[joint])
            # The smallest change of the weights that restores the joint and keeps their sum.
            system = np.concatenate([template[used].T.astype(np.float64), np.ones((1, len(used)))])
            miss = -regressor[joint, used] @ offset[used].astype(np.float64)
            regressor[joint, used] += np.linalg.pinv(system) @ np.append(miss, 0.0)
        return replace(self, template=template, joint_regressor=regressor.astype(np.float32))

    def problems(self) -> list[str]:
        """What is inconsistent in the arrays, one sentence each; empty for a sound model."""
        count, found = self.template.size // 3, []
        expected = {
            "template": (count, 3),
            "shape_basis": (count, 3, len(self.shape_names)),
            "expression_basis": (count, 3, len(self.expression_names)),
            "eyelid_basis": (count, 3, 2),
            "pose_basis": (count, 3, POSE_FEATURES),
            "joint_regressor": (JOINTS, count),
            "skinning_weights": (count, JOINTS),
            "faces": (self.faces.size // 3, 3),
            "regions": (count,),
            "mediapipe_faces": (478, 3),
            "mediapipe_weights": (478, 3),
            "landmark68_faces": (68, 3),
            "landmark68_weights": (68, 3),
        }
        for name, shape in expected.items():
            array, whole = getattr(self, name), name.endswith("faces") or name == "regions"
            if array.shape != shape:
                found.append(f"{name} has shape {array.shape}, expected {shape}")
            elif array.dtype.kind not in ("iu" if whole else "f"):
                found.append(f"{name} holds values of the type {array.dtype}")
            elif array.dtype.kind == "f" and not np.isfinite(array).all():
                found.append(f"{name} holds values that are not finite")
        if found:
            return found
        for name in ("faces", "mediapipe_faces", "landmark68_faces"):
            array = getattr(self, name)
            if array.size and (array.min() < 0 or array.max() >= count):
                found.append(f"{name} points outside the {count} vertices")
        if self.regions.max(initial=0) >= len(CLASS_NAMES):
            found.append("regions holds an unknown class")
        for name, sums in (
            ("skinning_weights", self.skinning_weights.sum(1)),
            ("joint_regressor", self.joint_regressor.sum(1)),
            ("mediapipe_weights", self.mediapipe_weights.sum(1)),
            ("landmark68_weights", self.landmark68_weights.sum(1)),
        ):
            if np.abs(sums - 1).max(initial=0) > 1e-3:
                found.append(f"rows of {name} do not sum to 1")
        return found

    def arrays(self) -> dict[str, np.ndarray]:
        """The model as arrays by name, without pickles."""
        out: dict[str, np.ndarray] = {"format": np.array(FORMAT)}
        for field in fields(self):
            value: Any = getattr(self, field.name)
            out[field.name] = value if isinstance(value, np.ndarray) else np.array(value, dtype=np.str_)
        return out

    def save(self, path: Path, stage: str = "tracking") -> None:
        """Write the model as one stamped .npz; `stage` is named when the file is later found damaged."""
        files.write_npz(Path(path), self.arrays(), stage)

    @classmethod
    def load(cls, path: Path, stage: str = "tracking") -> "HeadModel":
        """Read a model that `save` wrote.

        Raises:
            ArtefactError: the file is missing, damaged, or not a head model of this format.
        """
        return cls.from_arrays(files.read_npz(Path(path), stage), str(path))

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray], source: str = "the head model") -> "HeadModel":
        """The inverse of `arrays`; raises ArtefactError where something is missing or inconsistent."""
        wanted = [field.name for field in fields(cls)]
        missing = [name for name in wanted if not isinstance(arrays.get(name), np.ndarray)]
        if missing or str(arrays.get("format")) != FORMAT:
            what = f"lacks {', '.join(missing)}" if missing else "has another format"
            raise ArtefactError(f"{source} is no head model of this version ({what}); run the stage that made it again")
        values: dict[str, Any] = {name: arrays[name] for name in wanted}
        values["name"] = str(values["name"])
        for name in ("shape_names", "expression_names"):
            values[name] = tuple(str(item) for item in values[name].ravel())
        model = cls(**values)
        if found := model.problems():
            raise ArtefactError(f"{source} is inconsistent: {found[0]}; run the stage that made it again")
        return model
