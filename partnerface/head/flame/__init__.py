"""FLAME from the user's own files: read without trusting them, checked, and completed from the built-in head."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from partnerface.errors import InputError
from partnerface.head.flame.carry import Carried, carry
from partnerface.head.flame.companions import read_companions
from partnerface.head.flame.layout import FlameArrays, read_flame
from partnerface.head.flame.registration import NoHeadError
from partnerface.head.flame.versions import TRIANGLES, VERTICES, content_digest, version_of
from partnerface.head.model import HeadModel
from partnerface.head.places import model_file

SHAPES, EXPRESSIONS = 100, 50
#: Metres; a face that the built-in head misses by more is none.
MOST_MISS = 0.004


@dataclass
class FlameHead:
    """A FLAME head and how it came about.

    Attributes:
        model: the head.
        version: `flame-2020` and so on, see `versions`.
        sha256: of the model's file.
        files: what was read, the model first.
        carried: what comes from the built-in head, by name.
        miss: metres, mean distance of the built-in head's face, laid onto this head, to its surface.
    """

    model: HeadModel
    version: str
    sha256: str
    files: list[Path]
    carried: list[str] = field(default_factory=list)
    miss: float = 0.0


def load_flame(
    path: Path, shapes: int = SHAPES, expressions: int = EXPRESSIONS, version: str | None = None
) -> FlameHead:
    """Read FLAME from a .pkl file, or from the folder that holds it.

    Companions in the same folder (see `companions`) are used; what they do not give comes from the built-in head, laid
    onto this one.

    Args:
        path: the file or its folder.
        shapes, expressions: how many components to keep, from the first on; files that have fewer give what they have.
        version: what the user says it is, one of `versions.VERSIONS`; for files whose checksum tells nothing.

    Raises:
        InputError: no such file, not FLAME, not to be trusted, or of another version than the user says.
    """
    from partnerface.head.builtin import builtin_head

    file = model_file(Path(path))
    flame = read_flame(file)
    mesh = len(flame.template) == VERTICES and len(flame.faces) == TRIANGLES
    what = version_of(flame.sha256, version, mesh, file)
    beside = read_companions(file.parent, flame)
    try:
        made = carry(builtin_head(), flame, beside)
    except NoHeadError as error:
        raise InputError(f"{file}: {error}; give a FLAME file") from None
    if made.registration.miss > MOST_MISS:
        raise InputError(
            f"{file}: the built-in head can't be laid onto it ({1000 * made.registration.miss:.1f} mm beside it on "
            "average); is it an upright head in FLAME's axes, and are the landmarks beside it of this mesh?"
        )
    model = _model(flame, made, what, shapes, expressions)
    if problems := model.problems():
        raise InputError(f"{file} is damaged: {problems[0]}; get it again")
    carried = ["iris points"]
    carried += ["eyelids"] if beside.eyelids is None else []
    carried += ["classes" if beside.classes is None else "brows"]
    told = 0 if beside.mediapipe is None else len(np.unique(beside.mediapipe.index))
    jaw_line = 68 if beside.ibug68 is None else 68 - len(beside.ibug68.index)
    carried += [f"{468 - told} of MediaPipe's points", f"{jaw_line} of iBUG's"]
    return FlameHead(model, what, flame.sha256, [file, *beside.files], carried, made.registration.miss)


def _model(flame: FlameArrays, made: Carried, version: str, shapes: int, expressions: int) -> HeadModel:
    shape, expression = flame.shape_basis[..., :shapes], flame.expression_basis[..., :expressions]
    digest = content_digest([flame.template, flame.shape_basis, flame.expression_basis, flame.pose_basis,
                             flame.joint_regressor, flame.weights, flame.faces])  # fmt: skip

    def single(array: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(array, np.float32)

    return HeadModel(
        name=f"{version}-s{shape.shape[2]}e{expression.shape[2]}-{digest}",
        template=single(flame.template),
        shape_basis=single(shape),
        expression_basis=single(expression),
        eyelid_basis=single(made.eyelid_basis),
        pose_basis=single(flame.pose_basis),
        joint_regressor=single(flame.joint_regressor),
        skinning_weights=single(flame.weights),
        faces=flame.faces.astype(np.int32),
        regions=made.regions,
        mediapipe_faces=made.mediapipe.corners.astype(np.int32),
        mediapipe_weights=single(made.mediapipe.weights),
        landmark68_faces=made.ibug68.corners.astype(np.int32),
        landmark68_weights=single(made.ibug68.weights),
        shape_names=tuple(f"shape_{number:03d}" for number in range(shape.shape[2])),
        expression_names=tuple(f"expression_{number:03d}" for number in range(expression.shape[2])),
    )
