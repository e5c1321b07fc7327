"""The rows of the table: names, what each measures, which others it leans on, and how large the work is."""

from collections.abc import Sequence
from dataclasses import dataclass

from partnerface.errors import InputError

#: Stages, in the order in which they run; unit frames/s.
STAGES = {
    "frames": "stage frames: decode, find the face, crop and store",
    "landmarks": "stage landmarks: 478 points",
    "tracking": "stage tracking: fit the head to the clip, draw the overlay",
    "parsing": "stage parsing: alpha and classes",
}
#: MediaPipe's own solutions, one call per frame; unit frames/s.
MODELS = {
    "mediapipe_face_detection": "the bare model that frames leans on",
    "mediapipe_face_mesh": "the bare model that landmarks leans on",
    "mediapipe_selfie": "the bare model that parsing leans on",
}
#: A row of a stage → the bare model that it is compared with.
BARE = {"frames": "mediapipe_face_detection", "landmarks": "mediapipe_face_mesh", "parsing": "mediapipe_selfie"}
FRONT = {"front": "frames, landmarks and parsing together"}
#: Fits of a long clip, each in a process of its own for its memory; unit frames/s.
FITS = {
    "tracking_1000": "the fit to the landmarks of 1000 frames, nothing drawn",
    "tracking_1000_refined": "the same and its refinement in the frames",
}
OPS = {
    "field_mlp": "the radiance field's two networks",
    "part_mixture": "eight local deformation networks, blended",
    "hash_grid": "features of points from twelve lattices",
    "composite": "weights and colours of rays",
    "march": "places on rays in occupied voxels; forward alone",
    "inverse_skinning": "points from posed to canonical space",
}
TRAINING = {
    "train_step": "a step of the stage train, method partnerface",
    "render_128": "a picture of 128 x 128 px of the avatar that was trained",
    "render_512": "the same at 512 x 512 px",
}
ROWS = {**STAGES, **FITS, **FRONT, **MODELS, **OPS, **TRAINING}
#: Rows that need a clip.
ON_A_CLIP = {*STAGES, *FITS, *FRONT, *MODELS}
#: What else is measured when a row is asked for, since its figures lean on it or say the rest.
NEEDS = {**{stage: (model,) for stage, model in BARE.items()}, "front": tuple(BARE), "tracking": tuple(FITS)}


@dataclass(frozen=True)
class Sizes:
    """How large the work is.

    Attributes:
        frames: of the clip. warm_up: of those, what the stages see before the clock runs; 0 is a cold start.
        edge: of the clip that is made, and the greatest of stored frames, px.
        samples: that an op gets. rays: of a training step, and that march gets.
        steps: of the training. dataset: edge of its pictures, px. step_mm: distance of two samples on a ray.
        fitted: frames of the long clip that is fitted.
        drawn: frames of the drawn head, which stands in where there is no clip.
    """

    frames: int = 100
    warm_up: int = 12
    edge: int = 512
    samples: int = 49152
    rays: int = 4096
    steps: int = 200
    dataset: int = 256
    step_mm: float = 4.0
    drawn: int = 48
    fitted: int = 1000


#: Shows within seconds that every row runs; the figures mean nothing.
TINY = Sizes(
    frames=24, warm_up=0, edge=256, samples=512, rays=128, steps=50, dataset=64, step_mm=40.0, drawn=12, fitted=40
)


def chosen(names: Sequence[str]) -> list[str]:
    """The rows to measure, in the table's order: those named (all, if none is) and those that they lean on.

    Raises:
        InputError: a name is no row.
    """
    for name in names:
        if name not in ROWS:
            raise InputError(f"no row {name!r}; choose among {', '.join(ROWS)}")
    wanted, found = list(names or ROWS), set()
    while wanted:
        name = wanted.pop()
        found.add(name)
        wanted += NEEDS.get(name, ())
    return [name for name in ROWS if name in found]
