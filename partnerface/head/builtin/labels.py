"""Region labels and landmark embeddings of the built-in head."""

import numpy as np

from partnerface.conventions import CLASS_NAMES
from partnerface.head.builtin import parts
from partnerface.head.builtin.assembly import Assembly
from partnerface.head.points import LIP_RINGS, RIGHT_BROW

NOSE = (
    *(
        168,
        6,
        197,
        195,
        5,
        4,
        1,
        19,
        94,
        2,
        98,
        97,
        326,
        327,
        64,
        294,
        48,
        278,
        49,
        279,
        131,
        360,
        134,
        363,
        51,
        281,
        3,
        248,
    ),
    *(
        45,
        275,
        44,
        274,
        220,
        440,
        115,
        344,
        218,
        438,
        219,
        439,
        235,
        455,
        59,
        289,
        166,
        392,
        79,
        309,
        239,
        459,
        238,
        458,
    ),
    *(
        241,
        461,
        237,
        457,
        242,
        462,
        141,
        370,
        125,
        354,
        20,
        250,
        60,
        290,
        75,
        305,
        99,
        328,
        240,
        460,
        102,
        331,
        129,
        358,
    ),
    *(196, 419, 122, 351, 236, 456, 198, 420, 174, 399, 217, 437, 126, 355, 209, 429, 218, 438, 237, 457),
)
LIPS = sum(LIP_RINGS, ())

#: MediaPipe points that stand for the 68 iBUG points, in iBUG's order: jaw from the subject's right ear to the left
#: one, right brow, left brow, bridge, under the nose, right eye, left eye, outer lips, inner lips.
IBUG68 = (
    *(127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356),
    *(70, 63, 105, 66, 107, 336, 296, 334, 293, 300),
    *(168, 197, 5, 4, 98, 97, 2, 326, 327),
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),
    *(78, 82, 13, 312, 308, 317, 14, 87),
)


# Where hair grows on the shell behind the face, as height of its lower edge over depth z (metres): low on the nape,
# rising behind the ear, higher at the temple.
_HAIRLINE_Z = (-0.125, -0.085, -0.070, -0.050)
_HAIRLINE_Y = (-0.066, -0.045, -0.008, 0.022)


def region_labels(head: Assembly) -> np.ndarray:
    """(V,) uint8, index into conventions.CLASS_NAMES."""
    number = {name: position for position, name in enumerate(CLASS_NAMES)}
    rings = head.groups["rings"]
    count = int(head.groups["throat"].max()) + 1
    shell = len(CLASS_NAMES)  # a class for the time being: cranium, neck and what lies between
    coarse = np.full(count, number["skin"], dtype=np.uint8)
    coarse[list(RIGHT_BROW)] = coarse[head.face.mirror[list(RIGHT_BROW)]] = number["brows"]
    coarse[list(NOSE)] = number["nose"]
    coarse[list(LIPS)] = number["lips"]
    coarse[rings.ravel()] = shell
    coarse[head.groups["lining"].ravel()] = coarse[head.groups["throat"]] = number["mouth_inside"]

    labels = np.full(len(head.vertices), number["skin"], dtype=np.uint8)
    labels[: head.n_skin] = _subdivided(head, coarse, number["skin"])
    _, y, z = head.vertices.T
    is_shell = labels == shell
    labels[is_shell] = number["skin"]
    labels[is_shell & (y < -0.055 - 0.25 * (z + 0.09))] = number["neck"]
    labels[is_shell & (y > np.interp(z, _HAIRLINE_Z, _HAIRLINE_Y))] = number["hair"]
    for part, region in (
        *(("left_eye", "eyes"), ("right_eye", "eyes"), ("left_ear", "ears"), ("right_ear", "ears")),
        *((name, "mouth_inside") for name in ("upper_teeth", "lower_teeth", "tongue")),
    ):
        labels[head.groups[part]] = number[region]
    return labels


def _subdivided(head: Assembly, coarse: np.ndarray, plain: int) -> np.ndarray:
    """(n_skin,) labels of the subdivided skin: a midpoint takes the label of its two ends; where they differ, plain
    skin's if that is one of them, else the later class's."""
    triangles = head.skin_faces
    count = len(coarse)
    low = np.full(head.n_skin, 255, dtype=np.uint8)
    high = np.zeros(head.n_skin, dtype=np.uint8)
    has_plain = np.zeros(head.n_skin, dtype=bool)
    for own in range(3):
        for other in ((own + 1) % 3, (own + 2) % 3):
            # Of a small triangle's neighbours the coarse ones are a midpoint's ends.
            use = (triangles[:, own] >= count) & (triangles[:, other] < count)
            vertex, label = triangles[use, own], coarse[triangles[use, other]]
            np.minimum.at(low, vertex, label)
            np.maximum.at(high, vertex, label)
            has_plain[vertex[label == plain]] = True
    out = np.where(low == high, low, np.where(has_plain, plain, high)).astype(np.uint8)
    out[:count] = coarse
    return out


def _on_vertices(head: Assembly, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Embedding exactly at vertices: a triangle of each, with the whole weight on its corner."""
    first: dict[int, np.ndarray] = {}
    for triangle in head.faces:
        for vertex in triangle.tolist():
            first.setdefault(vertex, triangle)
    triangles = np.array([first[int(vertex)] for vertex in vertices])
    return triangles.astype(np.int32), (triangles == vertices[:, None]).astype(np.float32)


def landmark_embeddings(head: Assembly) -> dict[str, np.ndarray]:
    """Faces and weights of MediaPipe's 478 points and of the 68 iBUG points; the irises lie on the eyeballs."""
    right = [int(head.groups["right_eye"][0]) + vertex for vertex in parts.iris_vertices()]
    left = [int(head.groups["left_eye"][0]) + vertex for vertex in parts.iris_vertices()]
    mediapipe = _on_vertices(head, np.array([*range(468), *right, *left]))
    ibug = _on_vertices(head, np.array(IBUG68))
    return {
        "mediapipe_faces": mediapipe[0],
        "mediapipe_weights": mediapipe[1],
        "landmark68_faces": ibug[0],
        "landmark68_weights": ibug[1],
    }
