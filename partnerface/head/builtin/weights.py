"""Joints and skinning weights of the built-in head. Metres, origin midway between the outer eye corners."""

import numpy as np

from partnerface.geometry.mesh import smooth_field
from partnerface.head.builtin.assembly import Assembly, ids
from partnerface.head.points import INNER_LIPS, OVAL

NECK_BASE_JOINT = (0.0, -0.190, -0.105)
SKULL_JOINT = (0.0, -0.040, -0.088)  # where the skull rests on the atlas: below and behind the ear canals
JAW_JOINT = (0.0, -0.016, -0.064)  # midway between the jaw's hinges, a thumb's breadth before the ear canals

# Columns of the rings behind the face that run down the middle of the throat, and the first ring that stays.
THROAT, THROAT_RINGS = slice(13, 24), 10

# MediaPipe points that ride on the jaw, and points that stay with the skull. Between them, over the cheeks and the
# jaw's angles, on which the skin slides, weights are interpolated.
JAW_POINTS = (
    *(17, 84, 314, 181, 405, 91, 321, 16, 85, 315, 180, 404, 15, 86, 316, 14, 87, 317, 178, 402, 88, 318),
    *(18, 83, 313, 182, 406, 200, 201, 421, 199, 208, 428, 175, 171, 396, 152, 148, 377, 176, 400, 149, 378),
    *(32, 262, 140, 369, 170, 395, 211, 431, 204, 424, 194, 418, 106, 335, 43, 273),
)
SKULL_POINTS = (
    *(0, 37, 267, 39, 269, 40, 270, 11, 72, 302, 73, 303, 12, 38, 268, 13, 82, 312, 81, 311, 80, 310, 164, 167, 393, 2),
    *(
        98,
        327,
        165,
        391,
        92,
        322,
        203,
        423,
        36,
        266,
        205,
        425,
        50,
        280,
        123,
        352,
        116,
        345,
        117,
        346,
        118,
        347,
        101,
        330,
    ),
    *(
        234,
        454,
        127,
        356,
        162,
        389,
        93,
        323,
        137,
        366,
        4,
        1,
        195,
        129,
        358,
        126,
        355,
        142,
        371,
        33,
        263,
        133,
        362,
        151,
        10,
    ),
)


def _smoothstep(t: np.ndarray) -> np.ndarray:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


def _jaw_weights(head: Assembly) -> np.ndarray:
    """(n_skin,) how far the skin rides on the jaw: 1 on chin and lower lip, 0 on the upper lip, smooth in between."""
    rings, lining = head.groups["rings"], head.groups["lining"]
    half = len(INNER_LIPS) // 2
    # The throat gives way to the chin: before it the skin is free as far down as the larynx.
    still = rings[THROAT_RINGS:].ravel(), np.delete(rings[6:THROAT_RINGS], THROAT, axis=1).ravel()
    upper, lower = lining[:, 2 : half - 1], lining[:, half + 2 : -1]
    one = np.concatenate([ids(*JAW_POINTS), lower[:3].ravel()])
    zero = np.concatenate([ids(*SKULL_POINTS), upper[:3].ravel(), *still, rings[:, :8].ravel(), rings[:, -7:].ravel()])
    fixed = np.concatenate([one, zero, lining[3], head.groups["throat"]])
    back = np.full(len(lining[3]) + 1, 0.3)
    values = np.concatenate([np.ones(len(one)), np.zeros(len(zero)), back])
    lids = np.concatenate([head.groups["left_lid"].ravel(), head.groups["right_lid"].ravel()])
    fixed, values = np.concatenate([fixed, lids]), np.concatenate([values, np.zeros(len(lids))])
    weights = smooth_field(*head.operator(), fixed, values, order=1)
    # The harmonic field has kinks at the fixed points; one step of diffusion over a few millimetres rounds them.
    return np.clip(_diffuse(head, np.clip(weights, 0, 1), 0.0025), 0, 1)


def _diffuse(head: Assembly, values: np.ndarray, width: float) -> np.ndarray:
    """`values` over the skin after heat has spread for about `width` metres."""
    from scipy.sparse import diags
    from scipy.sparse.linalg import splu

    operator, area = head.operator()
    return splu((diags(area) + width**2 * operator).tocsc()).solve(area * values)


def skinning_weights(head: Assembly) -> np.ndarray:
    """(V, 5) weights of the joints global, neck, jaw, left eye, right eye; rows sum to 1."""
    weights = np.zeros((len(head.vertices), 5))
    jaw = head.whole(_jaw_weights(head))
    jaw[head.groups["lower_teeth"]] = 1.0
    jaw[head.groups["tongue"]] = 0.85
    # The neck turns more the nearer it is to the skull; its front rises higher under the chin than its back.
    rings = head.groups["rings"]
    bottom = head.vertices[rings[-1]][:, 1].mean()
    height = head.vertices[:, 1] - (-0.35 * (head.vertices[:, 2] + 0.095))
    still = 1 - _smoothstep((height - bottom) / (-0.075 - bottom))
    still[head.n_skin :] = 0
    still[np.setdiff1d(np.arange(468), ids(*OVAL))] = 0
    jaw *= 1 - still
    weights[:, 0], weights[:, 2] = still, jaw
    weights[:, 1] = 1 - still - jaw
    for joint, name in ((3, "left_eye"), (4, "right_eye")):
        weights[head.groups[name]] = np.eye(5)[joint]
    weights = (weights + weights[head.mirror][:, [0, 1, 2, 4, 3]]) / 2
    weights[weights < 1e-4] = 0
    return weights / weights.sum(1, keepdims=True)


def joint_regressor(head: Assembly) -> np.ndarray:
    """(5, V): weights, summing to 1, that give each joint from the vertices around it, and follow them under shape."""
    out = np.zeros((5, len(head.vertices)))
    skin = head.vertices[: head.n_skin]
    rings = head.groups["rings"]
    outside = np.unique(np.concatenate([rings.ravel(), np.arange(468)]))
    for joint, place in enumerate((NECK_BASE_JOINT, SKULL_JOINT, JAW_JOINT)):
        # Vertices whose height and depth are near the joint's, on both sides of the head and all around the neck.
        plane = np.linalg.norm((skin[outside] - place)[:, 1:], axis=1)
        chosen = rings[-2:].ravel() if joint == 0 else outside[np.argsort(plane, kind="stable")[:120]]
        chosen = np.unique(np.concatenate([chosen, head.mirror[chosen]]))
        out[joint, chosen] = _least_norm_weights(skin[chosen], np.array(place))
    for joint, name in ((3, "left_eye"), (4, "right_eye")):
        out[joint, head.groups[name]] = _least_norm_weights(head.vertices[head.groups[name]], head.centres[joint - 3])
    return out


def _least_norm_weights(points: np.ndarray, place: np.ndarray) -> np.ndarray:
    """The evenest weights (n,) that sum to 1 and bring `points` (n, 3) to `place` (3,)."""
    count = len(points)
    system = np.concatenate([points.T, np.ones((1, count))])
    even = np.full(count, 1 / count)
    return even + np.linalg.pinv(system) @ (np.append(place, 1.0) - system @ even)
