"""What can be set in each stage: one frozen dataclass per section of config.yaml.

The owner of a stage writes its fields with `setting`. Allowed field types: bool, int, float, str, each of them
`| None`, and `tuple[T, ...]`. config.yaml, the flags of `partnerface <stage>` and workflow/schemas follow from here
(`make schema` writes the schema anew).
"""

from dataclasses import dataclass

from partnerface.config.fields import setting


@dataclass(frozen=True)
class FramesSettings:
    """From the video to square, cropped frames."""

    size: int = setting(512, "greatest edge of the stored frames; smaller videos are not enlarged", "px", 64, 4096)


@dataclass(frozen=True)
class LandmarksSettings:
    """The landmarks of the face in each frame."""


@dataclass(frozen=True)
class TrackingSettings:
    """The fit of the head model to the landmarks of the whole clip."""


@dataclass(frozen=True)
class ParsingSettings:
    """Semantic classes and soft alpha of each frame."""


@dataclass(frozen=True)
class DatasetSettings:
    """Compositing, mask policy and splits."""

    size: int = setting(256, "edge of the images that training sees", "px", 32, 2048)


@dataclass(frozen=True)
class TrainSettings:
    """The training of one avatar."""


@dataclass(frozen=True)
class RenderSettings:
    """The rendering of the held-out frames."""


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
