"""Measure the human face as MediaPipe sees it: `python -m partnerface.head.measure CLIP... -o face.npz`.

Run by hand; the built-in head needs only the file that this leaves. What it leaves, in units of the distance between
the outer eye corners, origin midway between them, x to the subject's left, y up, z out of the face:

* `mean` (478, 3): the neutral face, mean over the clips' subjects, made left-right symmetric,
* `mirror` (478,): the index of each point's mirror image,
* `triangles` (852, 3): the 3-cycles of MediaPipe's tesselation edges, counter-clockwise seen from the front,
* `identity` (I, 478, 3): principal differences between subjects' neutral faces, one standard deviation each,
* `motion` (M, 478, 3): principal expressive motion of all frames against their subject's neutral face, one standard
  deviation each; every frame is also taken mirrored, so that each mode is either symmetric or antisymmetric.
"""

import argparse
from pathlib import Path

import numpy as np

from partnerface.head.points import (
    COUNT,
    LEFT_EYE_OPENING,
    MOUTH_CORNERS,
    MOUTH_OPENING,
    OUTER_EYE_CORNERS,
    RIGHT_EYE_OPENING,
)

# Points that hardly move with expression: forehead, temples, bridge of the nose, eye corners.
STEADY = (
    *(10, 338, 297, 332, 284, 251, 21, 54, 103, 67, 109, 151, 108, 337, 69, 299),
    *(9, 8, 168, 6, 197, 195, 5, 4, 33, 133, 362, 263, 127, 356, 234, 454),
)
FRONT = (10, 109)  # an edge of the forehead's uppermost triangle, run through counter-clockwise seen from the front
IDENTITY_MODES, MOTION_MODES = 6, 24
MIRRORED = np.array([-1.0, 1.0, 1.0])


def similarity(source: np.ndarray, target: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """`source` (n, 3) under the similarity that brings it nearest to `target` in weighted squares (Umeyama 1991)."""
    weights = weights / weights.sum()
    a, b = source - weights @ source, target - weights @ target
    u, values, vt = np.linalg.svd((a * weights[:, None]).T @ b)
    flip = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    scale = (values * flip).sum() / (weights @ (a * a).sum(1))
    return scale * a @ (u * flip @ vt) + weights @ target


def landmarks_of(path: Path, every: int) -> np.ndarray:
    """MediaPipe's points (n, 478, 3) of every `every`-th frame with a face, y and z turned to head axes."""
    import cv2
    import mediapipe as mp

    video, points, count = cv2.VideoCapture(str(path)), [], 0
    with mp.solutions.face_mesh.FaceMesh(max_num_faces=1, refine_landmarks=True) as mesh:  # type: ignore[attr-defined]
        while True:
            good, image = video.read()
            if not good:
                return np.array(points)
            count += 1
            if count % every:
                continue
            found = mesh.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)).multi_face_landmarks
            if found:
                height, width = image.shape[:2]
                # MediaPipe's z is in the scale of x, growing away from the camera.
                scale = np.array([width, -height, -width])
                points.append(np.array([[p.x, p.y, p.z] for p in found[0].landmark]) * scale)


def tesselation() -> np.ndarray:
    """(852, 3) triangles, counter-clockwise seen from the front: the 3-cycles of the edges that MediaPipe lists.

    Eye and mouth openings are holes.
    """
    import mediapipe as mp

    edges = set(mp.solutions.face_mesh_connections.FACEMESH_TESSELATION)  # type: ignore[attr-defined]
    following: dict[int, set[int]] = {}
    for a, b in edges:
        following.setdefault(a, set()).add(b)
    cycles = {tuple(sorted((a, b, c))) for a, b in edges for c in following[b] if (c, a) in edges}
    uses: dict[tuple[int, int], int] = {}
    for a, b, c in cycles:
        for edge in ((a, b), (b, c), (a, c)):
            uses[edge] = uses.get(edge, 0) + 1
    # Beside each nostril three triangles close a ring around a fourth cycle, which is no triangle of the surface.
    return orient(sorted(t for t in cycles if min(uses[t[0], t[1]], uses[t[1], t[2]], uses[t[0], t[2]]) < 3))


def orient(triangles: list[tuple[int, ...]]) -> np.ndarray:
    """Turn triangles the same way round as the first one that holds `FRONT`, each edge being run through both ways."""
    first = next(t for t in triangles if set(FRONT) <= set(t))
    tip = next(vertex for vertex in first if vertex not in FRONT)
    todo: list[tuple[int, ...]] = [(*FRONT, tip)]
    left, done = set(triangles) - {first}, []
    by_edge: dict[frozenset[int], list[tuple[int, ...]]] = {}
    for triangle in triangles:
        for skipped in range(3):
            by_edge.setdefault(frozenset(triangle[:skipped] + triangle[skipped + 1 :]), []).append(triangle)
    while todo:
        triangle = todo.pop()
        done.append(triangle)
        for corner in range(3):
            a, b = triangle[corner], triangle[(corner + 1) % 3]
            for other in by_edge[frozenset((a, b))]:
                if other in left:
                    left.remove(other)
                    todo.append((b, a, next(vertex for vertex in other if vertex not in (a, b))))
    return np.array(sorted(done))


def find_mirror(points: np.ndarray) -> np.ndarray:
    """(n,) index of each point's mirror image: one-to-one partners nearest to the mirrored cloud, aligned to itself."""
    from scipy.optimize import linear_sum_assignment

    moved = (points - points.mean(0)) * MIRRORED + points.mean(0)
    order = np.arange(len(points))
    for _ in range(10):
        order = linear_sum_assignment(((moved[:, None] - points[None]) ** 2).sum(-1))[1]
        moved = similarity(points * MIRRORED, points[order], np.ones(len(points)))
    if not (order[order] == np.arange(len(points))).all():
        raise ValueError(
            "the mirrored partners are not mutual; let the first clip begin with a face seen from the front"
        )
    return order


def normalise(points: np.ndarray) -> np.ndarray:
    """Origin midway between the outer eye corners, unit distance between them."""
    right, left = OUTER_EYE_CORNERS
    points = points - (points[right] + points[left]) / 2
    return points / np.linalg.norm(points[right] - points[left])


def neutral_frames(aligned: np.ndarray) -> np.ndarray:
    """Indices of the twelfth of the frames whose mouth is most nearly closed and of usual width, eyes open."""

    def distance(a: int, b: int) -> np.ndarray:
        return np.linalg.norm(aligned[:, a] - aligned[:, b], axis=1)

    eyes, width = distance(*RIGHT_EYE_OPENING[1]) + distance(*LEFT_EYE_OPENING[1]), distance(*MOUTH_CORNERS)
    score = distance(*MOUTH_OPENING[0]) + 0.3 * np.abs(width - np.median(width))
    score = np.where(eyes > np.percentile(eyes, 30), score, np.inf)
    return np.argsort(score)[: max(6, len(aligned) // 12)]


def principal(rows: np.ndarray, count: int) -> np.ndarray:
    """The first `count` principal directions of centred rows (n, 478, 3), each one standard deviation long."""
    _, values, vt = np.linalg.svd(rows.reshape(len(rows), -1), full_matrices=False)
    modes = vt[:count] * values[:count, None] / np.sqrt(len(rows))
    signs = np.sign(modes[np.arange(count), np.abs(modes).argmax(1)])
    return (modes * signs[:, None]).reshape(count, -1, 3)


def measure(clips: list[np.ndarray]) -> dict[str, np.ndarray]:
    """All measurements from the clips' landmarks, a list of (n, 478, 3), one clip per subject."""
    weights = np.full(COUNT, 0.02)
    weights[list(STEADY)] = 1.0
    triangles = tesselation()
    mean, mirror = normalise(clips[0][0]), np.arange(COUNT)
    neutrals: list[np.ndarray] = []
    aligned: list[np.ndarray] = []
    for _ in range(4):
        aligned = [np.array([similarity(frame, mean, weights) for frame in clip]) for clip in clips]
        neutrals = [clip[neutral_frames(clip)].mean(0) for clip in aligned]
        mean = normalise(np.mean(neutrals, axis=0))
        mirror = find_mirror(mean)
        mean = normalise((mean + similarity(mean[mirror] * MIRRORED, mean, np.ones(COUNT))) / 2)
        # The symmetric mean still stands at the angle of the first frame: turn its mirror plane into x = 0.
        across = (mean - mean[mirror]).T @ np.abs(mean - mean[mirror])[:, 0]
        x = across / np.linalg.norm(across) * np.sign(across[0])
        y = np.array([0.0, 1.0, 0.0]) - x * x[1]
        y /= np.linalg.norm(y)
        mean = normalise(mean @ np.stack([x, y, np.cross(x, y)]).T)
        mean = (mean + mean[mirror] * MIRRORED) / 2

    def both(rows: np.ndarray) -> np.ndarray:
        return np.concatenate([rows, rows[:, mirror] * MIRRORED])

    people = both(np.array([similarity(item, mean, np.ones(COUNT)) for item in neutrals]) - mean)
    # Every clip weighs the same, however long it is.
    motion = [(clip - item) / np.sqrt(len(clip)) for clip, item in zip(aligned, neutrals, strict=True)]
    rows = np.concatenate(motion) * np.sqrt(sum(map(len, motion)) / len(motion))
    return {
        "mean": mean.astype(np.float32),
        "mirror": mirror.astype(np.int16),
        "triangles": triangles.astype(np.int16),
        "identity": principal(people, IDENTITY_MODES).astype(np.float16),
        "motion": principal(both(rows), MOTION_MODES).astype(np.float16),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "data" / "face.npz")
    parser.add_argument("--every", type=int, default=2, help="take every n-th frame")
    arguments = parser.parse_args()
    found = measure([landmarks_of(clip, arguments.every) for clip in arguments.clips])
    np.savez_compressed(arguments.output, **found)  # type: ignore[arg-type]
    print(f"{arguments.output}: {arguments.output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
