"""The ear: a relief over its own plane, drawn in polar rings around the concha.

In that plane u runs backwards, v upwards and w away from the head, metres; then it is tilted back and turned out.
"""

import numpy as np

from partnerface.head.builtin.parts import Part, _grid

SEGMENTS = 28
#: Rings of the outer side as shares of the way from the concha's middle to the rim, and of the back as share and depth.
FRONT_RINGS = (0.14, 0.30, 0.42, 0.52, 0.61, 0.70, 0.79, 0.87, 0.94, 1.0)
BACK_RINGS = ((0.985, -0.0028), (0.80, -0.0050), (0.60, -0.0105), (0.46, -0.0180))
CONCHA = np.array([0.0095, -0.0010])
TURNED_OUT, TILTED = np.radians(25), np.radians(13)


def _angles() -> np.ndarray:
    """Angles around the concha, 0 backwards and a quarter turn upwards; closer where the rim is narrow."""
    return 2 * np.pi * np.arange(SEGMENTS) / SEGMENTS


def _bump(value: float, centre: np.ndarray | float, width: float) -> np.ndarray:
    return np.exp(-(((value - centre) / width) ** 2))


def _between(angle: np.ndarray, start: float, stop: float, soft: float = 18.0) -> np.ndarray:
    """1 where `angle` (degrees, -180..180) lies between two others, with soft ends."""
    rise = np.clip((angle - start) / soft + 0.5, 0, 1)
    fall = np.clip((stop - angle) / soft + 0.5, 0, 1)
    return rise * rise * (3 - 2 * rise) * fall * fall * (3 - 2 * fall)


def outline(angle: np.ndarray) -> np.ndarray:
    """(n, 2) rim: an egg, broad above, its front edge straight, with a lobe below."""
    u = 0.0170 * np.cos(angle) * (1 + 0.22 * np.sin(angle)) + 0.0145
    v = 0.0315 * np.sin(angle) + 0.0035
    # The lobe hangs forward of the ear's middle.
    low = np.clip(-np.sin(angle), 0, 1) ** 2
    u -= 0.0035 * low
    return np.stack([u, v], 1)


def relief(share: float, angle: np.ndarray) -> np.ndarray:
    """(n,) height w of the outer side, metres."""
    degrees = (np.degrees(angle) + 180) % 360 - 180
    # The helix: along the rim from below the back over the top, then down into the concha in front.
    enters = np.clip((degrees - 105) / 65, 0, 1)
    helix = _bump(share, 0.93 - 0.42 * enters, 0.085) * _between(degrees, -62, 172)
    antihelix = _bump(share, 0.60, 0.105) * _between(degrees, -75, 82)
    groove = _bump(share, 0.77, 0.07) * _between(degrees, -50, 95)
    back = np.abs(degrees) > 90
    front = np.where(degrees > 0, degrees, degrees + 360)  # 90..270 in front
    tragus = _bump(share, 0.62, 0.17) * _between(front, 172, 212) * back
    antitragus = _bump(share, 0.50, 0.12) * _between(front, 232, 272) * (front > 180)
    bowl = 1 / (1 + np.exp((share - 0.44) / 0.05))
    height = 0.0036 * helix + 0.0030 * antihelix - 0.0010 * groove + 0.0042 * tragus + 0.0022 * antitragus
    height += 0.0010 - 0.0062 * bowl
    # In front the rim sinks under the skin of the cheek, and above it the root of the helix does.
    sunk = _between(front, 118, 218, 40) * np.clip((share - 0.70) / 0.30, 0, 1) ** 1.5
    # The rim itself is thin and rolls back.
    rolled = np.clip((share - 0.95) / 0.05, 0, 1)
    return height - 0.0085 * sunk - 0.0016 * rolled


def left_ear(tragus: np.ndarray) -> Part:
    """The left ear; `tragus` is the place of its foremost middle, on the side of the head."""
    angle = _angles()
    rim = outline(angle)
    points = []
    for share in FRONT_RINGS:
        points.append(np.concatenate([CONCHA + share * (rim - CONCHA), relief(share, angle)[:, None]], 1))
    for number, (share, depth) in enumerate(BACK_RINGS):
        # Where the rim is sunk the back lies deeper still.
        back = np.minimum(depth, relief(1.0, angle) - 0.0015 * (number + 1))
        points.append(np.concatenate([CONCHA + share * (rim - CONCHA), back[:, None]], 1))
    rows = len(points)
    middle = np.array([[*CONCHA, relief(0.0, angle).mean() - 0.0005]])
    around = np.arange(SEGMENTS)
    following = (around + 1) % SEGMENTS
    faces = np.concatenate(
        [_grid(rows, SEGMENTS, True), np.stack([np.full(SEGMENTS, rows * SEGMENTS), around, following], 1)]
    )
    plane = np.concatenate([*points, middle])
    u = plane[:, 0] * np.cos(TILTED) + plane[:, 1] * np.sin(TILTED)
    v = plane[:, 1] * np.cos(TILTED) - plane[:, 0] * np.sin(TILTED)
    w = plane[:, 2]
    x = w * np.cos(TURNED_OUT) + u * np.sin(TURNED_OUT)
    z = -u * np.cos(TURNED_OUT) + w * np.sin(TURNED_OUT)
    return Part(tragus + np.stack([x, v, z], 1), faces)
