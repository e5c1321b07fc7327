"""A tracked and parsed subject of ours, as the writers see it; posed meshes, depth, and what they share."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from partnerface.errors import InputError
from partnerface.exchange.axes import inverse
from partnerface.exchange.pictures import WHITE, cut
from partnerface.exchange.place import skull_motion
from partnerface.head.model import HeadModel

#: Frames posed at once.
BATCH = 16


@dataclass(frozen=True)
class Picture:
    """One frame: rgb (s, s, 3), alpha (s, s) of what the mask policy keeps, classes (s, s); uint8."""

    rgb: np.ndarray
    alpha: np.ndarray
    classes: np.ndarray


@dataclass(frozen=True)
class Ours:
    """N frames to export.

    Attributes:
        name: the subject's.
        numbers: (N,) numbers of the source frames, rising.
        fps: frames per second.
        size: edge of the pictures, px.
        focal: px.
        principal_point: (N, 2) px.
        tracking: the names of tracking.npz for these frames, float64.
        head: the head model, with the subject's own surface.
        picture: gives frame k, 0 to N - 1.
        held_out: how many frames at the end are for testing.
    """

    name: str
    numbers: np.ndarray
    fps: float
    size: int
    focal: float
    principal_point: np.ndarray
    tracking: dict[str, np.ndarray]
    head: HeadModel
    picture: Callable[[int], Picture]
    held_out: int

    def __len__(self) -> int:
        return len(self.numbers)

    def skull(self) -> np.ndarray:
        """(N, 4, 4) the camera of a world in which the skull is at rest: world to camera, OpenCV's axes, metres."""
        return skull_motion(self.tracking, self.head)

    def posed(self) -> Iterator[tuple[int, np.ndarray]]:
        """Each frame with the head's vertices (V, 3) in camera space, metres, float64."""
        import torch

        from partnerface.head.posing import posed_vertices

        for start in range(0, len(self), BATCH):
            some = np.arange(start, min(start + BATCH, len(self)))
            yield from enumerate(posed_vertices(self.head, self.tracking, some, dtype=torch.float64), start)

    def canonical(self, jaw: float) -> np.ndarray:
        """(V, 3) the head at rest in its own axes, the jaw open by so many radians."""
        import torch

        from partnerface.head.posing import posed_vertices

        rest = {"expression": np.zeros((1, self.head.n_expression)), "global_orient": np.zeros((1, 3))}
        pose = {**rest, "shape": self.tracking["shape"], "jaw_pose": np.array([[jaw, 0.0, 0.0]])}
        return posed_vertices(self.head, pose, dtype=torch.float64)[0]

    def for_one_camera(self) -> tuple["Ours", list[str]]:
        """The same for a format with one principal point for all frames: pictures are shifted to it.

        Returns:
            The frames, and a note where pictures had to be shifted; what comes in at an edge is white and transparent.
        """
        middle = np.median(self.principal_point, 0)
        shift = self.principal_point - middle
        most = float(np.abs(shift).max())
        if most < 1e-3:
            return self, []

        def moved(k: int) -> Picture:
            picture, x, y = self.picture(k), *shift[k]
            box = np.array([x, y, x + self.size, y + self.size])
            near = np.concatenate([np.round(box[:2]), np.round(box[:2]) + self.size])  # classes are not mixed
            return Picture(
                cut(picture.rgb, box, self.size, WHITE),
                cut(picture.alpha, box, self.size, 0),
                cut(picture.classes, near, self.size, 0),
            )

        made = replace(self, principal_point=np.tile(middle, (len(self), 1)), picture=moved)
        return made, [f"the format has one camera for all frames: pictures are shifted to it, by up to {most:.1f} px"]

    def test_from(self) -> int:
        """The first frame that is held out."""
        return len(self) - self.held_out


def in_skull_space(vertices: np.ndarray, skull: np.ndarray) -> np.ndarray:
    """Vertices (V, 3) of camera space in the skull's, given its motion (4, 4)."""
    back = inverse(skull[None])[0]
    return vertices @ back[:3, :3].T + back[:3, 3]


def depth_picture(vertices: np.ndarray, faces: np.ndarray, focal: float, centre: np.ndarray, size: int) -> np.ndarray:
    """(size, size) uint16 depth of a mesh in millimetres, 0 where there is none."""
    from partnerface.geometry.camera import project
    from partnerface.geometry.rasterize import rasterize

    _, _, depth = rasterize(project(vertices, focal, centre), vertices[:, 2], faces, size, size)
    return np.where(np.isfinite(depth), np.clip(np.round(depth * 1000), 0, 65535), 0).astype(np.uint16)


def write_obj(path: Path, vertices: np.ndarray, faces: np.ndarray) -> None:
    """A mesh as Wavefront OBJ, lengths in metres to a tenth of a micrometre."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"v {x:.7f} {y:.7f} {z:.7f}" for x, y, z in vertices.tolist()]
    lines += [f"f {a} {b} {c}" for a, b, c in (faces + 1).tolist()]
    path.write_text("\n".join(lines) + "\n")


def write_column(path: Path, values: np.ndarray) -> None:
    """Numbers one per line; nine digits give every float32 back as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{value:.9g}\n" for value in np.asarray(values, np.float32).tolist()))


def write_json(path: Path, value: Any) -> None:
    """JSON with numbers in full precision."""
    path.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n")


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`, renamed to it when all is written and removed otherwise.

    Raises:
        InputError: there is something at `path` already, or it can't be written.
    """
    path = Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f"{path} is there already; give a new folder with -o, or take the old one away")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; choose a folder that you may write to") from None
    try:
        yield temporary
        temporary.chmod(0o755)
        temporary.replace(path)  # an empty folder gives way
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
