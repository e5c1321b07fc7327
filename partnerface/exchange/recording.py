"""What every format is read into: pictures, cameras and the head model's parameters under our names and axes."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from partnerface.errors import InputError

#: Parameters per frame, with their length where it is fixed; `expression` has the format's own length.
PER_FRAME = {
    "expression": None,
    "global_orient": 3,
    "neck_pose": 3,
    "jaw_pose": 3,
    "eye_pose": 6,
    "eyelids": 2,
    "translation": 3,
}
#: A file that says it is text of a tracking is not read beyond this.
MOST_JSON_BYTES = 1 << 30


@dataclass(frozen=True)
class Recording:
    """N frames of one person as another program left them.

    Attributes:
        format: a name of `formats.FORMATS`.
        folder: where it was read from.
        numbers: (N,) number of each frame in its clip, counted from 0, rising within a clip.
        clip: (N,) which clip each frame is of.
        images: N pictures.
        masks: N pictures of the person's alpha, or None where the pictures' own alpha is all there is.
        size: width and height in px of the picture that `K` speaks of.
        K: (N, 3, 3) float64 intrinsics in px, both focal lengths positive, pixel centres at +0.5.
        w2c: (N, 4, 4) float64, world to camera: OpenCV axes (x right, y down, z forward), metres.
        head: the head model that the parameters belong to, as `flame2020` or `builtin-2`; empty without parameters.
        parameters: `shape` (S,) and the names of `PER_FRAME` for N frames, float64: they pose the head in the world.
            Empty where the format has none.
        skull_still: the world is the skull's own space (trackers that move the camera round the head): `global_orient`
            and `translation` are absent, since `neck_pose` and `w2c` fix them.
        static_offset: (V, 3) metres, added to the template; None without.
        fps: frames per second where the format says so.
        notes: what was lost or assumed, a sentence each.
    """

    format: str
    folder: Path
    numbers: np.ndarray
    clip: np.ndarray
    images: tuple[Path, ...]
    masks: tuple[Path | None, ...]
    size: tuple[int, int]
    K: np.ndarray
    w2c: np.ndarray
    head: str = ""
    parameters: dict[str, np.ndarray] = field(default_factory=dict)
    skull_still: bool = False
    static_offset: np.ndarray | None = None
    fps: float | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, index: np.ndarray) -> "Recording":
        """Some of the frames."""
        own = {name: value[index] for name, value in self.parameters.items() if name != "shape"}
        return replace(
            self,
            numbers=self.numbers[index],
            clip=self.clip[index],
            images=tuple(self.images[k] for k in index),
            masks=tuple(self.masks[k] for k in index),
            K=self.K[index],
            w2c=self.w2c[index],
            parameters={"shape": self.parameters["shape"], **own} if self.parameters else {},
        )

    def in_order(self) -> "Recording":
        """The frames by clip and number: the order in which files list them means nothing."""
        return self.take(np.lexsort((self.numbers, self.clip)))

    def without_parameters(self, note: str) -> "Recording":
        """The pictures and cameras alone."""
        return replace(self, head="", parameters={}, skull_still=False, static_offset=None, notes=(*self.notes, note))

    def checked(self) -> "Recording":
        """The same, if it is sound; raises InputError with what is wrong otherwise."""
        where, count = str(self.folder), len(self)
        if not count:
            raise InputError(f"{where} has no frames")
        pairs = list(zip(self.clip.tolist(), self.numbers.tolist(), strict=True))
        if len(set(pairs)) < count:
            twice = next(pair for pair in pairs if pairs.count(pair) > 1)
            raise InputError(f"{where} has the frame {twice[1]} twice; take one of them away")
        for name, array in (("intrinsics", self.K), ("camera poses", self.w2c), *self.parameters.items()):
            if not np.isfinite(array).all():
                raise InputError(f"{where}: {name} holds values that are not numbers; track the clip again")
        if (self.K[:, 0, 0] <= 0).any() or (self.K[:, 1, 1] <= 0).any():
            raise InputError(f"{where}: a focal length is not positive")
        turn = self.w2c[:, :3, :3]
        miss = np.abs(turn @ turn.transpose(0, 2, 1) - np.eye(3)).max((1, 2))
        if miss.max() > 1e-2 or (np.linalg.det(turn) < 0).any():
            number = int(self.numbers[int(miss.argmax())])
            raise InputError(f"{where}: the camera of frame {number} is no rotation and translation")
        for name, value in self.parameters.items():
            fixed = PER_FRAME.get(name)
            if name != "shape" and (value.shape[0] != count or (fixed and value.shape[1:] != (fixed,))):
                raise InputError(f"{where}: {name} has the shape {value.shape}, expected {fixed or 'n'} per frame")
        return self
