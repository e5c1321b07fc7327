"""The one place for axes, units and names; `docs/conventions.md` is its page and a test holds them together.

* Camera axes are OpenCV's: x right, y down, z forward. Extrinsics map world to camera; the camera stands at the
  world's origin, so camera space is world space and the head's motion is explicit.
* Lengths are metres. Pixel centres lie at +0.5: the middle of an image of width w is cx = w / 2.
* The head model's own axes are FLAME's: x to the subject's left, y up, z out of the face. `global_orient` takes them
  to camera axes, so a head that looks straight into the camera has `global_orient = FACING_CAMERA`.
* Rotations on disk are axis-angle, radians. Images in memory are H x W x 3 sRGB in [0, 1], float32. Masks are soft
  alpha in [0, 1]. Time is in seconds, from the container's time stamps.
"""

import math

#: Axis-angle rotation from head axes (y up, z out of the face) to OpenCV camera axes for a head facing the camera.
FACING_CAMERA = (math.pi, 0.0, 0.0)

#: FLAME's parameter names, as they stand in tracking.npz. `eyelids` is optional in FLAME and ours: 1 is closed.
PARAMETER_NAMES = (
    "shape",
    "expression",
    "global_orient",
    "neck_pose",
    "jaw_pose",
    "eye_pose",
    "eyelids",
    "translation",
)
#: Those of them that have a row per frame.
MOTION_NAMES = PARAMETER_NAMES[1:]

#: Joints in FLAME's order; `eye_pose` holds the left eye's axis-angle first, then the right eye's.
JOINT_NAMES = ("global", "neck", "jaw", "left_eye", "right_eye")
JOINT_PARENTS = (-1, 0, 1, 1, 1)

#: Semantic classes of a pixel or a vertex; the number is the position. "left" is the subject's left.
CLASS_NAMES = (
    "background",
    "skin",
    "brows",
    "eyes",
    "nose",
    "lips",
    "mouth_inside",
    "ears",
    "hair",
    "neck",
    "cloth",
    "glasses",
)

#: Which classes a mask policy keeps.
MASK_POLICIES = {
    "head": tuple(name for name in CLASS_NAMES if name not in ("background", "neck", "cloth")),
    "head+neck": tuple(name for name in CLASS_NAMES if name not in ("background", "cloth")),
    "full": tuple(name for name in CLASS_NAMES if name != "background"),
}

#: Regions of the metric tables.
REGIONS = ("full", "face", "mouth", "eyes")

#: Metric names of the metric tables.
METRICS = ("psnr", "ssim", "ms_ssim", "l1", "lpips_alex", "lpips_vgg", "flip")

#: Metrics of motion, which no single picture shows; lower is better. Per pair of frames and per reading of landmarks.
MOTION_METRICS = ("flicker", "landmark_error")

#: Further names in the long tables: they explain a metric and rank nothing.
DIAGNOSTICS = ("psnr_image", "psnr_shifted")

#: Status of a source frame in frames.csv; `skipped` frames are left out by a lower frame rate.
FRAME_STATUSES = ("kept", "no_face", "blurred", "cut", "out_of_frame", "other_person", "skipped")

#: Methods of the main comparison, in its order: name → what it is. A table of ablations holds the others.
METHODS_COMPARED = {
    "partnerface": "inverse skinning, part-based deformation by local MLPs, canonical radiance field",
    "global": "one deformation MLP with as many parameters as the local ones together",
    "skinning": "inverse skinning alone, no deformation",
    "conditioned": "no skinning; the field is conditioned on the expression",
    "landmark_parts": "local MLPs that stand at landmarks, each blind to what moves other places",
    "retrieval": "the training frame with the nearest landmarks: the trivial baseline",
}
#: Ablations of `partnerface`: name → what is different. `parts_K` has K local MLPs, of as many parameters together.
ABLATIONS = {
    "hard": "every point belongs to one part, by the warm-up's partition",
    "softmax": "weights without zeros",
    "no_warmup": "without the first stage",
    "no_balance": "nothing makes the assigner use all parts, or few at a place",
    "no_blendshapes": "the expression code is an input of the local MLPs, as in the paper",
    "no_offsets": "inverse skinning by the bones alone, the blendshapes' offsets stay",
    "parts_K": "K local MLPs, from 1 to 64, with as many parameters together",
}
METHOD_PATTERN = r"^parts_([1-9]|[1-5][0-9]|6[0-4])$"

#: A subject's name is a folder's name; these belong to the folders beside the subjects.
SUBJECT_PATTERN = r"^[A-Za-z0-9_-]+$"
SUBJECTS_RESERVED = ("benchmarks", "logs", "tables")

#: Stands for a video in config.yaml: the clip that the stage `demo` makes on the spot.
DEMO_VIDEO = "demo"

#: The stages in the order of the road, each with its line in `partnerface --help`; its module and rule bear its name.
STAGES = {
    "demo": "make the demo clip: a talking head with known parameters",
    "import": "take another program's tracking (INSTA, IMavatar, VHAP, ...) as a subject",
    "frames": "decode the video, lock one face, crop; say why a frame was dropped",
    "landmarks": "find 478 landmarks of the face in each frame",
    "tracking": "fit the head model to the whole clip: shape, pose, jaw, eyes, expression",
    "parsing": "classify the pixels and cut out the head with soft edges",
    "capture": "say whether the clip is good enough, and what to film anew",
    "dataset": "composite, split into training and held-out frames",
    "train": "train one method on one subject to an avatar; goes on after a kill",
    "render": "render the held-out frames",
    "evaluate": "measure every metric per frame, region and split",
    "tables": "put all subjects and methods into one table",
    "report": "put everything into one HTML file",
}

#: Commands of the same kind that no rule of the road needs, each with its line in `partnerface --help`.
ASIDE = {"quality": "measure how well a clip is tracked"}
