"""MediaPipe's 478 points by name: the one place that says which of them lies where.

Left and right are the subject's, here and everywhere. The two chains of a pair run side by side, the upper one first;
where they share their ends, their `ring` goes along the upper one and back along the lower one. Indices are those of
MediaPipe's face mesh: 468 points of the skin, then five of each iris (its middle, then the right, top, left and bottom
of it as seen in the picture).
"""

Points = tuple[int, ...]
Chains = tuple[Points, Points]


def ring(chains: Chains) -> Points:
    """The closed outline of two chains with common ends: along the first and back along the second, each point once."""
    first, second = chains
    return (*first, *reversed(second[1:-1]))


#: How many points there are, and how many of them lie on the skin.
COUNT, ON_SKIN = 478, 468

#: Outer corners of the eyes, right and left: the unit of lengths, since neither speech nor a blink changes it.
OUTER_EYE_CORNERS = (33, 263)
#: Outer and inner corner of each eye.
RIGHT_EYE_CORNERS, LEFT_EYE_CORNERS = (33, 133), (263, 362)
#: Lid margins from the outer corner to the inner one: upper lid, lower lid.
RIGHT_LID_CHAINS: Chains = ((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133))
LEFT_LID_CHAINS: Chains = ((263, 466, 388, 387, 386, 385, 384, 398, 362), (263, 249, 390, 373, 374, 380, 381, 382, 362))
RIGHT_EYE, LEFT_EYE = ring(RIGHT_LID_CHAINS), ring(LEFT_LID_CHAINS)
#: Upper and lower lid down the middle of each eye, from the outer side inwards.
RIGHT_EYE_OPENING = ((160, 144), (159, 145), (158, 153))
LEFT_EYE_OPENING = ((387, 373), (386, 374), (385, 380))
#: Middle and outline of each iris.
RIGHT_IRIS, LEFT_IRIS = (468, 469, 470, 471, 472), (473, 474, 475, 476, 477)
IRISES = (*RIGHT_IRIS, *LEFT_IRIS)

#: Brows from the temple inwards: upper edge, lower edge; and around.
RIGHT_BROW_EDGES: Chains = ((70, 63, 105, 66, 107), (46, 53, 52, 65, 55))
LEFT_BROW_EDGES: Chains = ((300, 293, 334, 296, 336), (276, 283, 282, 295, 285))
RIGHT_BROW = (*RIGHT_BROW_EDGES[0], *reversed(RIGHT_BROW_EDGES[1]))
LEFT_BROW = (*LEFT_BROW_EDGES[0], *reversed(LEFT_BROW_EDGES[1]))
BROWS = (*RIGHT_BROW, *LEFT_BROW)

#: Edges of the red of the lips from the right corner of the mouth to the left one: upper lip, lower lip.
OUTER_LIP_CHAINS: Chains = (
    (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291),
    (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291),
)
INNER_LIP_CHAINS: Chains = (
    (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),
    (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308),
)
OUTER_LIPS, INNER_LIPS = ring(OUTER_LIP_CHAINS), ring(INNER_LIP_CHAINS)
#: Rings around the mouth from the edge of the red inwards, each from the right corner over the upper lip; the n-th of
#: the upper lip and the n-th of the lower one counted backwards lie over each other.
LIP_RINGS = (
    OUTER_LIPS,
    (76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306, 307, 320, 404, 315, 16, 85, 180, 90, 77),
    (62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292, 325, 319, 403, 316, 15, 86, 179, 89, 96),
    INNER_LIPS,
)
#: Corners of the mouth, right and left.
MOUTH_CORNERS = (61, 291)
#: Upper and lower inner lip in the middle of the mouth, then to the right and to the left of it.
MOUTH_OPENING = ((13, 14), (82, 87), (312, 317))

#: Outline of the face from the forehead's middle by the right side.
OVAL = (
    *(10, 109, 67, 103, 54, 21, 162, 127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152),
    *(377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356, 389, 251, 284, 332, 297, 338),
)
#: From the bridge of the nose down to its tip, and the point below the nose.
NOSE_RIDGE, NOSE_BASE = (168, 6, 197, 195, 5, 4, 1), 2
FOREHEAD, CHIN = 10, 152
#: Single points spread over the face, those of what moves most first: mouth, upper lids, brows; then chin, tip of the
#: nose, cheeks, forehead, bridge of the nose and corners of the jaw.
SPREAD = (*MOUTH_CORNERS, 0, 17, 159, 386, 105, 334, CHIN, 4, 205, 425, FOREHEAD, NOSE_RIDGE[0], 172, 397)
