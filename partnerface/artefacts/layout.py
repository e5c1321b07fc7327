"""The name of every file under results/<subject>/, in one place."""

from dataclasses import dataclass
from pathlib import Path

from partnerface.errors import InputError


@dataclass(frozen=True)
class SubjectFolder:
    """results/<subject>/ and the files that the stages leave in it."""

    root: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root))

    @property
    def name(self) -> str:
        """The subject's name."""
        return self.root.resolve().name

    # demo
    clip = property(lambda self: self.root / "clip.mp4")
    truth = property(lambda self: self.root / "truth.npz")
    # import: what the other program had beside frames and tracking; undeclared to Snakemake, since not all have it.
    imported_alpha = property(lambda self: self.root / "alpha.imported.npy")
    imported_cameras = property(lambda self: self.root / "cameras.imported.npz")
    # frames
    frames = property(lambda self: self.root / "frames.npy")
    frame_index = property(lambda self: self.root / "frames.csv")
    camera = property(lambda self: self.root / "frames.json")
    contact_sheet = property(lambda self: self.root / "frames.jpg")
    sound = property(lambda self: self.root / "sound.m4a")
    # What was seen of a clip that can't be used; undeclared to Snakemake, which deletes what a failed job declares.
    seen_sheet = property(lambda self: self.root / "frames.failed.jpg")
    # landmarks
    landmarks = property(lambda self: self.root / "landmarks.npz")
    # tracking
    tracking = property(lambda self: self.root / "tracking.npz")
    head = property(lambda self: self.root / "head.npz")
    tracking_video = property(lambda self: self.root / "tracking.mp4")
    tracking_sheet = property(lambda self: self.root / "tracking.jpg")
    # parsing
    alpha = property(lambda self: self.root / "alpha.npy")
    classes = property(lambda self: self.root / "classes.npy")
    masks = property(lambda self: self.root / "masks.npz")
    masks_sheet = property(lambda self: self.root / "masks.jpg")
    # capture
    capture = property(lambda self: self.root / "capture.json")
    capture_sheet = property(lambda self: self.root / "capture.jpg")
    # dataset
    dataset = property(lambda self: self.root / "dataset")

    def run(self, name: str) -> "RunFolder":
        """The folder of one method (`partnerface`) or one further seed of it (`partnerface/seed1`)."""
        return RunFolder(self.root / name)


@dataclass(frozen=True)
class RunFolder:
    """results/<subject>/<run>/: one method trained on one subject with one seed."""

    root: Path

    avatar = property(lambda self: self.root / "avatar.safetensors")
    log = property(lambda self: self.root / "train.jsonl")
    # Undeclared to Snakemake, which deletes declared outputs before a rerun: this is what a killed run resumes from.
    state = property(lambda self: self.root / "state")
    renders = property(lambda self: self.root / "renders.npy")
    render_index = property(lambda self: self.root / "renders.npz")
    video = property(lambda self: self.root / "heldout.mp4")
    metrics = property(lambda self: self.root / "metrics.csv")
    protocol = property(lambda self: self.root / "protocol.json")


@dataclass(frozen=True)
class DatasetFolder:
    """results/<subject>/dataset/: all that training, rendering and evaluation need."""

    root: Path

    rgb = property(lambda self: self.root / "rgb.npy")
    alpha = property(lambda self: self.root / "alpha.npy")
    classes = property(lambda self: self.root / "classes.npy")
    parameters = property(lambda self: self.root / "dataset.npz")
    head = property(lambda self: self.root / "head.npz")


def find_avatar(path: Path, run: str = "partnerface") -> Path:
    """The avatar's file that a path means: the file itself, a run's folder, or a subject's folder with that run.

    Raises:
        InputError: there is none.
    """
    path = Path(path).expanduser()
    if path.is_file():
        return path
    for candidate in (RunFolder(path).avatar, SubjectFolder(path).run(run).avatar):
        if candidate.is_file():
            return candidate
    what = "holds no avatar.safetensors, and no run of that name does" if path.is_dir() else "does not exist"
    raise InputError(
        f"{path} {what}; give results/<subject>/<method>/avatar.safetensors, which `partnerface train` writes, or its "
        "folder"
    )
