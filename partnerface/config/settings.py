"""What can be set in each stage: one frozen dataclass per section of config.yaml.

The owner of a stage writes its fields with `setting`. Allowed field types: bool, int, float, str, each of them
`| None`, and `tuple[T, ...]`. config.yaml, the flags of `partnerface <stage>` and workflow/schemas follow from here
(`make schema` writes the schema anew).
"""

from dataclasses import dataclass

from partnerface.config.fields import setting


@dataclass(frozen=True)
class ImportSettings:
    """Another program's tracking in place of our own, for subjects with `import`; docs/formats.md."""

    format: str = setting("auto", "which program wrote the folder; auto tells it by the keys in its files",
                          choices=("auto", "metrical-tracker", "insta", "imavatar", "vhap", "nerfstudio"))  # fmt: skip
    head: str = setting("builtin", "the head model that its codes belong to: builtin, or the path of FLAME's .pkl or "
                        "of a head.npz of ours")  # fmt: skip
    tracking: str = setting("imported", "imported takes its tracking; own takes its pictures and cameras alone, and "
                            "our own tracker tracks the head anew", choices=("imported", "own"))  # fmt: skip
    basis: str | None = setting(None, "the FLAME that its codes are of, where it is not the format's usual one",
                                choices=("flame2019", "flame2020", "flame2023", "flame2023-open"))  # fmt: skip
    camera: str | None = setting(None, "which camera, where the folder has several; its id or index")
    fps: float | None = setting(None, "frames per second; null is what the folder says, or 25", "1/s", 0.1, 1000.0)
    size: int = setting(512, "greatest edge of the stored frames; smaller pictures are not enlarged", "px", 64, 4096)
    max_error: float = setting(8.0, "stop when the head's landmarks miss those found in the pictures by more",
                               "% of the distance of the outer eye corners", 0.1, 1000.0)  # fmt: skip
    check_frames: int = setting(60, "frames on which that is looked at", "frames", 1, 100_000)


@dataclass(frozen=True)
class FramesSettings:
    """From the video to square, cropped frames."""

    size: int = setting(512, "greatest edge of the stored frames; smaller videos are not enlarged", "px", 64, 4096)
    rate: float | None = setting(None, "frames per second to use; null is every frame of the video", "1/s", 1.0, 1000.0)
    start: float = setting(0.0, "where in the video to begin", "s", 0.0)
    end: float | None = setting(None, "where in the video to stop; null is its end", "s", 0.0)
    max_frames: int | None = setting(None, "use at most so many source frames; null is all", "frames", 1)
    face_at: str | None = setting(None, "whom to follow if several people are seen: x,y or x,y,t of the face, in px "
                                  "and s of the upright video; null is the one largest and longest seen")  # fmt: skip
    min_sharpness: float = setting(0.35, "drop frames whose face has less than this share of the sharpness around "
                                   "them; 0 drops none", None, 0.0, 1.0)  # fmt: skip
    tone_map: str = setting("mobius", "how a video of high dynamic range becomes sRGB",
                            choices=("mobius", "reinhard", "clip"))  # fmt: skip
    min_kept: int = setting(24, "stop when fewer frames than this can be used", "frames", 1)
    min_kept_fraction: float = setting(0.5, "stop when less than this share of the frames can be used", None, 0.0, 1.0)
    detect_size: int = setting(640, "longest edge of the pictures in which faces are looked for", "px", 128, 4096)
    min_score: float = setting(0.5, "least score of a face detection", None, 0.05, 0.99)


@dataclass(frozen=True)
class LandmarksSettings:
    """The landmarks of the face in each frame."""

    detector: str = setting("mediapipe", "what finds the points; tracking uses MediaPipe's, both adds 68 beside them",
                            choices=("mediapipe", "face-alignment", "both"))  # fmt: skip
    task_file: str | None = setting(None, "your face_landmarker.task; null takes the models that MediaPipe bundles")
    weights: str | None = setting(None, "folder of face-alignment's weights; null is torch.hub's own")
    views: int = setting(3, "how many slightly different cuts of a face are averaged; more are steadier", None, 1, 5)
    smoothing: float = setting(2.0, "steadying over time of where landmarks are read; 0 is none", "frames", 0.0, 30.0)
    filter: str = setting("none", "steadying over time of the points themselves; the unfiltered ones are kept as well",
                          choices=("none", "gaussian", "one-euro"))  # fmt: skip
    filter_width: float = setting(
        0.04, "the Gaussian's deviation, or one-euro's time constant at rest", "s", 0.001, 1.0
    )
    min_found_fraction: float = setting(0.5, "stop when landmarks are found in less than this share of the frames",
                                        None, 0.0, 1.0)  # fmt: skip


@dataclass(frozen=True)
class TrackingSettings:
    """The fit of the head model to the landmarks of the whole clip."""

    head: str = setting("builtin", "the head model: builtin, or the path of your FLAME file, of its folder, or of a "
                        "head.npz of ours")  # fmt: skip
    head_version: str | None = setting(
        None,
        "which FLAME your file is, where its checksum tells nothing",
        choices=("2017", "2019", "2020", "2023", "2023-no-jaw", "2023-open"),
    )
    head_shapes: int = setting(100, "shape components of FLAME that are used", None, 1, 300)
    head_expressions: int = setting(50, "expression components of FLAME that are used", None, 1, 100)
    keyframes: int = setting(96, "frames from which shape, focal length and surface are found", "frames", 8, 1000)
    offset_rounds: int = setting(3, "times the subject's own surface is found anew; 0 keeps the model's", None, 0, 10)
    focal_ratio: float | None = setting(None, "focal length over frame edge if known; null finds it", None, 0.3, 20)
    expression_std: float = setting(0.5, "how large expressions are expected to be", "standard deviations", 0.01, 10)
    refine: bool = setting(True, "also make the skin look the same in all frames (photometric refinement)")
    torso: bool = setting(True, "also let the torso sway as the pictures show below the neck")
    outline: bool = setting(True, "also bring the head's outline, hair included, to that of the person's mask")
    smoothness: float = setting(1.0, "how strongly trembling is smoothed away", None, 0.01, 100)


@dataclass(frozen=True)
class ParsingSettings:
    """Semantic classes and soft alpha of each frame."""

    alpha: str = setting("selfie", "where the person's alpha comes from; all but selfie want weights of yours",
                         choices=("selfie", "rvm", "rvm_resnet50"))  # fmt: skip
    classes: str = setting("head", "where classes come from: the fitted head, or bisenet with weights of yours",
                           choices=("head", "bisenet"))  # fmt: skip
    weights: str = setting("weights/parsing", "folder of your weight files; `partnerface doctor` names them")
    weights_sha256: tuple[str, ...] = setting((), "SHA-256 of weight files to trust beside the published ones")
    smoothing: float = setting(0.25, "weight of each neighbouring frame's mask, moved with the head; 0 is none; "
                               "alpha from rvm has a memory instead", None, 0.0, 0.33)  # fmt: skip
    raster_size: int = setting(192, "edge of the pictures in which the head is drawn for classes", "px", 64, 1024)


@dataclass(frozen=True)
class DatasetSettings:
    """Compositing, mask policy and splits."""

    size: int = setting(256, "edge of the images that training sees", "px", 32, 2048)
    background: str = setting("white", "what the head is laid over", choices=("white", "black", "grey"))
    mask_policy: str = setting("head+neck", "what belongs to the avatar", choices=("head", "head+neck", "full"))
    splits: tuple[str, ...] = setting(("tail:0.2", "unseen-expression:0.2"),
                                      "what is held out: tail:F, last:N, unseen-expression:F or json:PATH")  # fmt: skip


@dataclass(frozen=True)
class TrainSettings:
    """The training of one avatar."""

    steps: int = setting(1500, "optimisation steps", "steps", 1, 1_000_000)
    rays: int = setting(2048, "rays in a step", "rays", 1, 1_000_000)
    frames: int = setting(16, "frames that the rays of a step come from", "frames", 1, 4096)
    step_mm: float = setting(4.0, "distance of two samples on a ray", "mm", 0.5, 50)
    parts: int | None = setting(None, "number of local MLPs where a method has eight; empty for eight", None, 1, 64)
    warm_up: float = setting(0.25, "first part of the steps, with hard part assignment", "share", 0, 1)
    rate_grid: float = setting(1.0e-2, "learning rate of the hash grid", None, 0, 1)
    rate_field: float = setting(2.0e-3, "learning rate of the radiance field's MLPs", None, 0, 1)
    rate_deformation: float = setting(1.0e-3, "learning rate of the part deformation and its assigner", None, 0, 1)
    rate_calibration: float = setting(1.0e-2, "learning rate of the pose calibration", None, 0, 1)
    final_rate: float = setting(0.05, "learning rates at the last step, as a share of the first", "share", 0, 1)
    code_noise: float = setting(0.2, "noise on the expression code", "standard deviations", 0, 4)
    weight_alpha: float = setting(0.2, "weight of the mask loss", None, 0, 1000)
    weight_spread: float = setting(3.0e-3, "weight of the spread of the density along a ray", None, 0, 1000)
    weight_adrift: float = setting(1.0e-3, "weight of the distance of what is seen from the head model", None, 0, 1000)
    weight_deformation: float = setting(1.0e-2, "weight of the size of the deformation", None, 0, 1000)
    weight_imitation: float = setting(1.0e-2, "weight of the assigner's imitation in the warm-up", None, 0, 1000)
    weight_entropy: float = setting(1.0e-4, "weight of the assigner's entropy after the warm-up", None, 0, 1000)
    weight_balance: float = setting(1.0e-4, "weight of the parts' balance after the warm-up", None, 0, 1000)
    weight_calibration: float = setting(1.0e-4, "weight of the size of the pose calibration", None, 0, 1000)
    weight_apart: float = setting(0.5, "weight of keeping head and shoulders apart, mask policy full", None, 0, 1000)
    average: float = setting(
        0.99, "memory of the running mean of the weights, which is what is kept", "share", 0, 0.99999
    )
    save_every: float = setting(20.0, "greatest time between two saved states, lost at worst by a kill", "s", 0.1, 60)


@dataclass(frozen=True)
class RenderSettings:
    """The rendering of the held-out frames."""

    step_mm: float = setting(4.0, "distance of two samples on a ray", "mm", 0.5, 50)
    train_frames: int = setting(24, "training frames rendered as well, to show the gap", "frames", 0, 100_000)
    heldout_every: int = setting(1, "render every n-th held-out frame", "frames", 1, 1000)


@dataclass(frozen=True)
class EvaluateSettings:
    """Metrics of the rendered frames."""

    lpips_weights: str = setting("weights/lpips", "folder of your LPIPS weight files; without them LPIPS reads absent")
    lpips_device: str = setting(
        "auto", "where LPIPS is computed; auto takes a GPU if there is one", choices=("auto", "cpu", "cuda")
    )


@dataclass(frozen=True)
class ReportSettings:
    """The report in HTML."""

    max_size: float = setting(
        25.0, "size that the report stays under; videos that do not fit are named instead", "MB", 1.0, 500.0
    )


#: Section of config.yaml → its dataclass, in the order of the stages.
SECTIONS: dict[str, type] = {
    "import": ImportSettings,
    "frames": FramesSettings,
    "landmarks": LandmarksSettings,
    "tracking": TrackingSettings,
    "parsing": ParsingSettings,
    "dataset": DatasetSettings,
    "train": TrainSettings,
    "render": RenderSettings,
    "evaluate": EvaluateSettings,
    "report": ReportSettings,
}
