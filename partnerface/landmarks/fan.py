"""face-alignment's 68 points (A. Bulat, G. Tzimiropoulos, "How far are we from solving the 2D & 3D face alignment
problem?", ICCV 2017), read in the squares of the face that we follow.

The package gives the network; cutting the picture and reading the heat maps are ours, since its own count pixels from
1 and round places to whole ones. Its face detectors are not needed. Weights are never fetched: the user puts them on
disk.
"""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from partnerface.artefacts.arrays import ClipArray
from partnerface.errors import InputError, PartNerFaceError
from partnerface.landmarks.container import Landmarks
from partnerface.landmarks.cut import cut_square
from partnerface.landmarks.region import Region
from partnerface.landmarks.schemes import GROUPS, IBUG_MIRROR, to_ibug68
from partnerface.progress import Progress

#: Edges of the network's input and of its heat maps, px.
INPUT, MAP = 256, 64
#: The square that the network was trained on: its edge in sums of the box's width and height, and by how much of the
#: box's height its middle lies above the box's.
ENLARGE, RAISE = 200 / 195, 0.12
#: Mean height of the heat maps' peaks below which there is no face. The maps were trained towards peaks of 1.
FOUND_FROM = 0.25
FILE = "2DFAN4-11f355bf06.pth.tar"
SOURCE = f"get {FILE} from www.adrianbulat.com/downloads/python-fan (BSD-3-Clause)"


def weights_file(folder: str | None) -> Path:
    """The weights in a folder; in that of torch.hub, where face-alignment itself keeps them, when None.

    Raises:
        InputError: they are not there.
    """
    if folder is None:
        import torch

        place = Path(torch.hub.get_dir()) / "checkpoints"
    else:
        place = Path(folder).expanduser()
    path = place / FILE
    if not path.is_file():
        raise InputError(f"landmarks.detector wants face-alignment's weights: {SOURCE} and put it into {place}")
    return path


def load_network(path: Path) -> Any:
    """The network with its weights, ready to use.

    Raises:
        InputError: the file is damaged or holds something else.
        PartNerFaceError: the package is not installed.
    """
    import torch

    try:
        from face_alignment.models import FAN
    except ImportError as error:
        raise PartNerFaceError(
            f"landmarks.detector wants the package face-alignment ({error}); `pip install -c constraints.txt "
            "'.[landmarks68]'`"
        ) from None
    network = FAN(4)
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, pickle.UnpicklingError):
        raise InputError(f"{path} is damaged or holds other weights than 2DFAN-4's; {SOURCE}") from None
    return network.eval()


def square_of(box: np.ndarray, angle: float = 0.0) -> Region:
    """The square that the network wants around a face's box x0, y0, x1, y1 (brows to chin)."""
    width, height = float(box[2] - box[0]), float(box[3] - box[1])
    x, y = float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2
    rise = RAISE * height
    return Region(x + rise * np.sin(angle), y - rise * np.cos(angle), (width + height) * ENLARGE, angle)


def squares(faces: np.ndarray, known: Landmarks | None = None) -> list[Region]:
    """The square of each frame: around MediaPipe's points, turned with the eyes, where they are known, else the box."""
    out = [square_of(box) for box in faces]
    if known is not None:
        points = to_ibug68(known.points)[..., :2]
        right, left = (points[:, list(GROUPS["ibug68"][name])].mean(1) for name in ("right_eye", "left_eye"))
        for index in np.flatnonzero(known.found):
            across = left[index] - right[index]
            angle = float(np.arctan2(across[1], across[0]))
            out[index] = _around(points[index], angle)
    return out


def _around(points: np.ndarray, angle: float) -> Region:
    """The network's square around points (68, 2), turned by an angle."""
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    upright = points @ turn.T
    low, high = upright.min(0), upright.max(0)
    x, y = turn.T @ ((low + high) / 2)
    half = (high - low) / 2
    return square_of(np.array([x - half[0], y - half[1], x + half[0], y + half[1]]), angle)


def read_maps(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The peaks of heat maps.

    To parts of a pixel by the parabola through the logarithms of the peak and its neighbours on each axis, which is
    exact for the Gaussians that the network is trained towards.

    Args:
        maps: (L, h, w).

    Returns:
        (L, 2) x, y in px of the map with pixel centres at +0.5, and (L,) the height of the peak.
    """
    count, height, width = maps.shape
    flat = maps.reshape(count, -1).argmax(1)
    row, column = flat // width, flat % width
    which = np.arange(count)
    peak = maps[which, row, column]

    def part(before: np.ndarray, after: np.ndarray, inside: np.ndarray) -> np.ndarray:
        good = inside & (before > 0) & (after > 0) & (peak > 0)
        a, b, c = (np.log(np.where(good, values, 1.0)) for values in (before, peak, after))
        bend = a - 2 * b + c
        bent = good & (bend < 0)
        return np.where(bent, (a - c) / np.where(bent, 2 * bend, 1.0), 0.0).clip(-0.5, 0.5)

    left, right = maps[which, row, (column - 1).clip(0)], maps[which, row, (column + 1).clip(max=width - 1)]
    above, below = maps[which, (row - 1).clip(0), column], maps[which, (row + 1).clip(max=height - 1), column]
    x = column + 0.5 + part(left, right, (column > 0) & (column < width - 1))
    y = row + 0.5 + part(above, below, (row > 0) & (row < height - 1))
    return np.stack([x, y], 1), peak


def detect68(frames: ClipArray, regions: list[Region], network: Any) -> Landmarks:
    """iBUG's 68 points in each frame, mean of the square and its mirror image.

    Args:
        frames: (N, h, w, 3) uint8 sRGB, may be a memory map.
        regions: the squares, one per frame.
        network: what `load_network` gives.
    """
    import torch

    count = len(frames)
    points, visibility = np.zeros((count, 68, 3), np.float32), np.zeros((count, 68), np.float32)
    bar = Progress("landmarks: face-alignment", count)
    for index, region in enumerate(regions):
        square = cut_square(frames[index], region, INPUT)
        picture = torch.from_numpy(square).permute(2, 0, 1)[None].float() / 255
        with torch.inference_mode():
            straight, mirrored = (network(view)[-1][0].numpy() for view in (picture, picture.flip(-1)))
        places, peak = read_maps((straight + mirrored[list(IBUG_MIRROR), :, ::-1]) / 2)
        matrix = region.matrix(MAP)
        points[index, :, :2] = places @ matrix[:, :2].T + matrix[:, 2]
        visibility[index] = peak.clip(0, 1)
        bar.step()
    confidence = visibility.mean(1)
    found = confidence >= FOUND_FROM
    return Landmarks(
        "ibug68",
        points * found[:, None, None],
        found,
        confidence * found,
        visibility * found[:, None],
    )
