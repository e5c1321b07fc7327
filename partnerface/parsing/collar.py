"""The collar: one smooth cut below the neck for the whole clip, drawn on the neck.

What a mask keeps is what an avatar must reproduce, so the cut must not follow the pixels of single frames. It is a
curve v_cut(u) on the neck's front (`neck.NeckFrames`), learnt from the whole clip: frames are laid onto that front,
each cell collects evidence for cloth against skin and hair, and dynamic programming finds the curve that parts them
best. Whatever is below is cloth (or shoulder, or hair that hangs lower), whatever is above is head and neck.

Evidence of a person's pixel, positive for cloth:
* it has the skin's colour (known from the fitted face): against cloth;
* it has not, and its patch does not reach up to the head's side, past skin or background: cloth, since hair hangs from
  the head;
* it has not, and hangs: whether its colour is nearer to the cloth found so far or to the hair above the face.
"""

from dataclasses import dataclass

import numpy as np

from partnerface.parsing.colours import ColourModel, to_lab
from partnerface.parsing.neck import CELL, NeckFrames, grid

#: Lowest cut: below the chin in the middle; beside the neck it rises, so that bare shoulders are left out too.
LOWEST, NECK_HALF, SHOULDER_RISE = -0.075, 0.06, 0.35
#: Lightness counts half when skin is compared: a neck lies in the chin's shadow.
SKIN_LIGHTNESS = 0.5
SKIN_REACH = 3.0
STRONG, WEAK = 2.0, 1.0
#: Colours of fewer samples than this are not known.
FEW = 200
#: So much of what is seen around the neck has to be cloth for its colours to be known.
CLOTH_SHARE = 0.15
#: A cell that this share of the frames shows counts in full.
FULL_SHARE = 0.4
#: Mean evidence below this is none.
DOUBT = 0.5
#: What speaks for keeping a cell of which nothing is known.
KEEP = 0.1
#: Columns by which the learnt cut is widened, and metres by which it is raised.
MARGIN, RAISE = 4, 0.014
#: What a step of one cell in v from one column to the next costs, in units of evidence.
STEP_COST = 0.6


@dataclass(frozen=True)
class Layer:
    """A frame laid onto the neck's front, (rows, columns, .) as `neck.grid` has them.

    Attributes:
        lab: colours.
        person: alpha from 0 to 1.
        face: share of the fitted head without its neck, from 0 to 1.
        inside: False where the front reaches beyond the frame.
    """

    lab: np.ndarray
    person: np.ndarray
    face: np.ndarray
    inside: np.ndarray


def lay(image: np.ndarray, person: np.ndarray, face: np.ndarray, neck: NeckFrames, index: int) -> Layer:
    """Lay one frame onto the neck's front.

    Args:
        image: (h, w, 3) uint8 sRGB.
        person: (h, w) alpha.
        face: (r, r) share of the fitted head without its neck, any resolution.
        neck, index: where the front lies.
    """
    import cv2

    u, v = grid()
    # Shrink first, so that a cell is about a pixel and the warp does not alias.
    scale = min(1.0, 1.0 / (neck.scale(index) * CELL))
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    places = np.stack(np.meshgrid(u, v), axis=-1)
    # OpenCV puts pixel centres at whole numbers.
    pixels = neck.pixels(index, places.reshape(-1, 2)) * (size[0] / image.shape[1]) - 0.5
    x, y = np.moveaxis(pixels.reshape(places.shape).astype(np.float32), -1, 0)

    def warp(picture: np.ndarray, edge: int) -> np.ndarray:
        return cv2.remap(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), x, y, cv2.INTER_LINEAR, None, edge)

    inside = warp(np.full(image.shape[:2], 255, np.uint8), cv2.BORDER_CONSTANT) > 250
    colours = to_lab(warp(image, cv2.BORDER_REPLICATE))
    covered = warp(np.ascontiguousarray(face, np.float32), cv2.BORDER_CONSTANT)
    return Layer(colours, warp(person, cv2.BORDER_CONSTANT), covered, inside)


def lowest_cut(u: np.ndarray) -> np.ndarray:
    """The lowest allowed cut at each u, metres."""
    return LOWEST + SHOULDER_RISE * np.maximum(0, np.abs(u) - NECK_HALF)


def hangs(body: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """(rows, columns) bool: person's pixels beside the head that may be hair, since they reach up to the top row.

    They do so straight up their column, or within a patch that has not the skin's colour.

    Args:
        body: person's pixels outside the fitted head, (rows, columns) bool.
        skin: pixels of the skin's colour.
    """
    import cv2

    _, labels = cv2.connectedComponents((body & ~skin).astype(np.uint8), connectivity=4)
    top = np.unique(labels[0])
    return np.isin(labels, top[top > 0]) | np.cumprod(body, axis=0).astype(bool)


def learn_cut(layers: list[Layer], skin: np.ndarray, hair: np.ndarray) -> np.ndarray:
    """The cut v_cut(u) of a clip.

    Args:
        layers: some frames, laid into the plane.
        skin, hair: (n, 3) Lab colours from the fitted face, and from above and beside it.

    Returns:
        (columns,) v in metres; what lies below is cut.
    """
    u, v = grid()
    evidence = _evidence(layers, skin, hair) - KEEP
    # Below the lowest cut everything goes, whatever it looks like.
    evidence[v[:, None] < lowest_cut(u)] = STRONG
    line = v[0] - (best_rows(evidence) - 0.5) * CELL
    # A little higher and wider than the evidence asks: a sliver of collar is seen, a sliver less of neck is not.
    line = np.max([np.roll(np.pad(line, MARGIN, mode="edge"), shift) for shift in range(-MARGIN, MARGIN + 1)], axis=0)
    return np.maximum(_smooth(line[MARGIN:-MARGIN] + RAISE), lowest_cut(u))


def _evidence(layers: list[Layer], skin: np.ndarray, hair: np.ndarray) -> np.ndarray:
    """(rows, columns) mean evidence for cloth over the layers in which a cell shows the person."""
    import cv2

    shade = np.array([SKIN_LIGHTNESS, 1, 1], np.float32)
    skin_model = ColourModel(skin * shade)
    hair_model = ColourModel(hair) if len(hair) >= FEW else None
    shaded_hair = ColourModel(hair * shade) if len(hair) >= FEW else None
    bodies, skins, cloth_samples = [], [], []
    for layer in layers:
        # At the outline colours mix with the background's, so a cell there says nothing.
        person = cv2.erode((layer.person > 0.5).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        body = person & (layer.face < 0.05) & layer.inside
        like_skin = skin_model.distance(layer.lab * shade) < SKIN_REACH
        if shaded_hair is not None:  # brown hair is near to shaded skin
            like_skin &= skin_model.log_likelihood(layer.lab * shade) > shaded_hair.log_likelihood(layer.lab * shade)
        bodies.append(body)
        skins.append(like_skin)
        cloth_samples.append(layer.lab[body & ~like_skin & ~hangs(body, like_skin)])
    samples = np.concatenate(cloth_samples) if cloth_samples else np.zeros((0, 3))
    enough = max(FEW, CLOTH_SHARE * sum(int(body.sum()) for body in bodies))
    cloth_model = ColourModel(samples) if len(samples) >= enough else None
    total, count = np.zeros(bodies[0].shape), np.zeros(bodies[0].shape)
    for layer, body, like_skin in zip(layers, bodies, skins, strict=True):
        value = np.full(body.shape, STRONG)
        hanging = hangs(body, like_skin)
        if cloth_model is None:
            value[hanging] = -WEAK
        else:
            cloth = cloth_model.log_likelihood(layer.lab)
            others = hair_model.log_likelihood(layer.lab) if hair_model else np.full(body.shape, -20.0)
            value[hanging] = np.clip(cloth - others, -WEAK, WEAK)[hanging]
        value[like_skin] = -STRONG
        total += np.where(body, value, 0)
        count += body
    # Cells that few frames show say little, and so do cells in which frames contradict each other.
    mean = total / np.maximum(count, FULL_SHARE * len(layers))
    mean = np.sign(mean) * np.maximum(np.abs(mean) - DOUBT, 0)
    # Cloth is no narrow strip; a shadow along the neck is.
    broad = cv2.morphologyEx((mean > 0).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 5), np.uint8)) > 0
    return np.where((mean > 0) & ~broad, 0, mean)


def best_rows(evidence: np.ndarray) -> np.ndarray:
    """The row r(c) of each column that minimises (evidence above the cut) - (evidence below it) + steps; exact.

    Returns:
        (columns,) from 0 (all is cut) to the number of rows (nothing is).
    """
    rows, columns = evidence.shape
    above = np.concatenate([np.zeros((1, columns)), np.cumsum(evidence, axis=0)])
    cost = 2 * above - above[-1]
    steps = STEP_COST * np.abs(np.arange(rows + 1)[:, None] - np.arange(rows + 1))
    best, back = cost[:, 0], np.zeros((columns, rows + 1), np.int64)
    for column in range(1, columns):
        paths = best[None, :] + steps
        back[column] = paths.argmin(1)
        best = paths.min(1) + cost[:, column]
    out = np.zeros(columns, np.int64)
    out[-1] = int(best.argmin())
    for column in range(columns - 1, 0, -1):
        out[column - 1] = back[column, out[column]]
    return out


def _smooth(values: np.ndarray, sigma: float = 2.0) -> np.ndarray:
    reach = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return np.convolve(np.pad(values, reach, mode="edge"), kernel / kernel.sum(), mode="valid")


def below_cut(cut: np.ndarray, neck: NeckFrames, index: int, height: int, width: int) -> np.ndarray:
    """(height, width) float32: 1 below the cut, 0 above, antialiased between."""
    import cv2

    line = neck.pixels(index, np.column_stack([grid()[0], cut])) - 0.5
    # The cut runs on straight beyond its ends, and the polygon closes far below the picture.
    along = (line[-1] - line[0]) / np.linalg.norm(line[-1] - line[0])
    far = 4.0 * max(height, width)
    ends = np.stack([line[0] - far * along, line[-1] + far * along])
    down = far * np.array([-along[1], along[0]])
    outline = np.concatenate([ends[:1], line, ends[1:], ends[1:] + down, ends[:1] + down])
    bits = 4
    # Points far outside overflow OpenCV's fixed-point numbers.
    fixed = np.round(np.clip(outline, -2 * far, 2 * far) * 2**bits).astype(np.int32)
    out = np.zeros((height, width), np.uint8)
    cv2.fillPoly(out, [fixed], [255], lineType=cv2.LINE_AA, shift=bits)
    return out.astype(np.float32) / 255
