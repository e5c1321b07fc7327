"""Draw every component of a head to look at: `python -m partnerface.head.sheet FOLDER`.

Leaves `identity.png`, `expressions.png` and `poses.png`: of each component its name and the head at -2, 0 and +2 (poses
at angles of their own), from the front and from the subject's left.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from partnerface.errors import InputError
from partnerface.head.model import HeadModel
from partnerface.head.picture import View, draw, vertex_colours
from partnerface.head.skinning import HeadTensors, head_tensors, pose_head

AMOUNTS = (-2.0, 0.0, 2.0)
THREE_QUARTER = -0.65
#: What is seen of the head: identity of all of it, expressions of the face.
WHOLE = (0.31, (0.0, -0.005, -0.02))
FACE = (0.20, (0.0, -0.015, 0.02))
CAPTION = 14  # px

Pose = dict[str, tuple[float, ...]]
#: Name → three poses that are drawn side by side.
POSES: dict[str, tuple[Pose, Pose, Pose]] = {
    "jaw open 0.15 0.35 0.6": tuple({"jaw_pose": (x, 0.0, 0.0)} for x in (0.15, 0.35, 0.6)),  # type: ignore[dict-item]
    "jaw left 0.15, open 0.25": (
        {"jaw_pose": (0.0, 0.15, 0.0)}, {"jaw_pose": (0.25, 0.15, 0.0)}, {"jaw_pose": (0.25, -0.15, 0.0)},
    ),
    "eyelids 0.5 1, left": ({"eyelids": (0.5, 0.5)}, {"eyelids": (1.0, 1.0)}, {"eyelids": (1.0, 0.0)}),
    "eyes down left up": (
        {"eye_pose": (0.35, 0.0, 0.0) * 2}, {"eye_pose": (0.0, 0.5, 0.0) * 2}, {"eye_pose": (-0.35, 0.0, 0.0) * 2},
    ),
    "neck nod 0.45 -0.45": ({"neck_pose": (0.45, 0.0, 0.0)}, {}, {"neck_pose": (-0.45, 0.0, 0.0)}),
    "neck turn 0.7": ({"neck_pose": (0.0, -0.7, 0.0)}, {}, {"neck_pose": (0.0, 0.7, 0.0)}),
    "neck tilt 0.4": ({"neck_pose": (0.0, 0.0, -0.4)}, {}, {"neck_pose": (0.0, 0.0, 0.4)}),
}  # fmt: skip


def posed(
    head: HeadTensors,
    shape: dict[int, float] | None = None,
    expression: dict[int, float] | None = None,
    pose: Pose | None = None,
) -> np.ndarray:
    """(V, 3) vertices in the head's own axes, metres, of components by their index and poses by their name."""
    codes = [torch.zeros(basis.shape[2]) for basis in (head.shape_basis, head.expression_basis)]
    for code, given in zip(codes, (shape, expression), strict=True):
        for index, amount in (given or {}).items():
            code[index] = amount
    turned: Any = {name: torch.tensor([value]) for name, value in (pose or {}).items()}
    return pose_head(head, codes[0], codes[1][None], torch.zeros(1, 3), **turned).vertices[0].numpy()


class Sheets:
    """Draws the cells of one head; `size` is the height of a picture in px."""

    def __init__(self, head: HeadModel, parts: dict[str, np.ndarray] | None, size: int):
        self.head, self.tensors, self.size = head, head_tensors(head), size
        self.colours = vertex_colours(head, parts)

    def cell(self, name: str, bodies: Sequence[np.ndarray], frame: tuple[float, tuple]) -> np.ndarray:
        """(h, w, 3) one component: posed heads side by side, from the front above, from the side below."""
        height, middle = frame
        size = (self.size, round(0.82 * self.size))
        rows = [
            np.concatenate(
                [draw(self.head, body, self.colours, View(yaw, 0, height, middle), size) for body in bodies], 1
            )
            for yaw in (0.0, THREE_QUARTER)
        ]
        return np.concatenate([_caption(name, rows[0].shape[1]), *rows])

    def identity(self) -> list[np.ndarray]:
        """A cell of each identity component."""
        return [
            self.cell(name, [posed(self.tensors, shape={k: amount}) for amount in AMOUNTS], WHOLE)
            for k, name in enumerate(self.head.shape_names)
        ]

    def expressions(self) -> list[np.ndarray]:
        """A cell of each expression component; the tongue's with the mouth open."""
        out = []
        for k, name in enumerate(self.head.expression_names):
            pose: Pose = {"jaw_pose": (0.3, 0.0, 0.0)} if name.startswith("tongue") else {}
            bodies = [posed(self.tensors, expression={k: amount}, pose=pose) for amount in AMOUNTS]
            out.append(self.cell(name, bodies, FACE))
        return out

    def poses(self) -> list[np.ndarray]:
        """A cell of each joint's ways, and of the lids."""
        return [
            self.cell(name, [posed(self.tensors, pose=pose) for pose in poses], WHOLE if "neck" in name else FACE)
            for name, poses in POSES.items()
        ]


def _caption(text: str, width: int) -> np.ndarray:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (width, CAPTION), "white")
    ImageDraw.Draw(image).text((3, 1), text, fill="black")
    return np.asarray(image, np.float32) / 255


def arrange(cells: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """(h, w, 3) the cells row by row, white where there is none."""
    blank = np.ones_like(cells[0])
    cells = [*cells, *[blank] * (-len(cells) % columns)]
    padded = [np.pad(cell, ((0, 6), (0, 6), (0, 0)), constant_values=1.0) for cell in cells]
    rows = [np.concatenate(padded[start : start + columns], 1) for start in range(0, len(padded), columns)]
    return np.concatenate(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    from PIL import Image

    from partnerface.head.builtin import builtin_head, builtin_parts

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the sheets go")
    parser.add_argument("--head", type=Path, help="head.npz of a subject instead of the built-in head")
    parser.add_argument("--size", type=int, default=150, help="height of each picture, px")
    parser.add_argument("--columns", type=int, default=5)
    parser.add_argument("--only", choices=("identity", "expressions", "poses"), help="draw this sheet alone")
    given = parser.parse_args(arguments)
    if given.size < 16 or given.columns < 1:
        raise InputError(f"--size {given.size} --columns {given.columns}: give at least 16 px and one column")
    head = HeadModel.load(given.head) if given.head else builtin_head()
    same = head.faces.shape == builtin_head().faces.shape and (head.faces == builtin_head().faces).all()
    sheets = Sheets(head, builtin_parts() if same else None, given.size)
    given.folder.mkdir(parents=True, exist_ok=True)
    for name in (given.only,) if given.only else ("identity", "expressions", "poses"):
        image = arrange(getattr(sheets, name)(), given.columns)
        path = given.folder / f"{name}.png"
        Image.fromarray(np.round(image * 255).astype(np.uint8)).save(path)
        print(path)


if __name__ == "__main__":
    main()
