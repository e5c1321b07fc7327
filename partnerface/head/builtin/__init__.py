"""The built-in head: FLAME's structure without FLAME's licence, made from measurements and first principles.

Nothing in it comes from another head model. The face is the mean of MediaPipe meshes over eleven people
(`partnerface.head.measure`), everything else is drawn from human proportions by the modules of this package.
"""

import functools

import numpy as np

from partnerface.head.builtin.assembly import Assembly, assemble
from partnerface.head.builtin.correctives import pose_basis
from partnerface.head.builtin.expressions import measured_components, named_components
from partnerface.head.builtin.eyelids import eyelid_basis
from partnerface.head.builtin.identity import shape_components
from partnerface.head.builtin.labels import landmark_embeddings, region_labels
from partnerface.head.builtin.weights import joint_regressor, skinning_weights
from partnerface.head.model import HeadModel

NAME = "builtin-2"

#: From the point midway between the outer eye corners to the model's origin, inside the head.
ORIGIN = np.array([0.0, 0.020, 0.045])


@functools.lru_cache(maxsize=1)
def _assembled() -> Assembly:
    return assemble()


def builtin_parts() -> dict[str, np.ndarray]:
    """Vertex ids of the built-in head by part: left_eye, right_eye, upper_teeth, lower_teeth, tongue, left_ear,
    right_ear; of the skin: left_lid, right_lid (the margins' inner rings), lining and throat (inside the mouth)."""
    return dict(_assembled().groups)


def _jaw_directions(head: Assembly, weights: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """(V, 3, 3) first-order displacement by one radian of the jaw about each axis."""
    arm = head.vertices - joints[2]
    return np.stack([np.cross(axis, arm) * weights[:, 2:3] for axis in np.eye(3)], -1)


@functools.lru_cache(maxsize=1)
def builtin_head() -> HeadModel:
    """The built-in head model. Takes a few seconds the first time; later calls return the same, read-only arrays."""
    head = _assembled()
    weights = skinning_weights(head)
    regressor = joint_regressor(head)
    lids = eyelid_basis(head)
    named = named_components(head)
    jaw = _jaw_directions(head, weights, regressor @ head.vertices)
    measured = measured_components(head, np.concatenate([np.stack(list(named.values()), -1), lids, jaw], -1))
    expressions = {**named, **measured}
    shapes = shape_components(head)
    model = HeadModel(
        name=NAME,
        template=(head.vertices + ORIGIN).astype(np.float32),
        shape_basis=np.stack(list(shapes.values()), -1).astype(np.float32),
        expression_basis=np.stack(list(expressions.values()), -1).astype(np.float32),
        eyelid_basis=lids.astype(np.float32),
        pose_basis=pose_basis(head).astype(np.float32),
        joint_regressor=regressor.astype(np.float32),
        skinning_weights=weights.astype(np.float32),
        faces=head.faces.astype(np.int32),
        regions=region_labels(head),
        shape_names=tuple(shapes),
        expression_names=tuple(expressions),
        **landmark_embeddings(head),
    )
    for array in vars(model).values():
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    return model
