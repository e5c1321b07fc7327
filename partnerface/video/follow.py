"""One person through the clip: faces of single frames are linked to tracks, tracks that look alike to a person."""

from dataclasses import dataclass, field

import numpy as np

from partnerface.video.appearance import DIFFERENT, SAME, difference

#: Boxes of neighbouring frames are one face when they overlap at least so much (intersection over union).
MIN_OVERLAP = 0.25
#: How much overlap one unit of difference in appearance counts for when faces cross.
APPEARANCE_WEIGHT = 0.15


@dataclass
class Track:
    """One face through neighbouring frames of one shot.

    Attributes:
        frames: numbers of the frames in which it is seen, ascending.
        boxes: (4,) each.
        looks: sum of their descriptions.
        lately: running mean of the last few descriptions.
        score: sum of the detector's scores.
    """

    frames: list[int] = field(default_factory=list)
    boxes: list[np.ndarray] = field(default_factory=list)
    looks: np.ndarray | None = None
    lately: np.ndarray | None = None
    score: float = 0.0

    def add(self, frame: int, box: np.ndarray, looks: np.ndarray | None) -> None:
        """The face is seen once more; `box` may carry its score as a fifth number."""
        self.frames.append(frame)
        self.boxes.append(box[:4])
        self.score += float(box[4]) if len(box) > 4 else 1.0
        if looks is not None:
            self.looks = looks.copy() if self.looks is None else self.looks + looks
            self.lately = looks if self.lately is None else self.lately + 0.2 * (looks - self.lately)

    def unlike(self, looks: np.ndarray | None) -> float:
        """Difference to a description: to what was seen lately, since a head that turns away changes its looks. 0 where
        one of them is not known."""
        return 0.0 if self.lately is None or looks is None else difference(self.lately, looks)

    def weight(self) -> float:
        """Sum of box edges: a face counts by how large it is and how long it is seen."""
        return float(sum(np.sqrt(max(area(box), 0.0)) for box in self.boxes))


def area(box: np.ndarray) -> float:
    """Area of a box x0, y0, x1, y1."""
    return float((box[2] - box[0]) * (box[3] - box[1]))


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes x0, y0, x1, y1."""
    size = np.minimum(a[2:4], b[2:4]) - np.maximum(a[:2], b[:2])
    if (size <= 0).any():
        return 0.0
    shared = float(size[0] * size[1])
    return shared / (area(a) + area(b) - shared)


def link(
    detections: list[np.ndarray],
    max_gap: int,
    looks: list[np.ndarray] | None = None,
    shot: np.ndarray | None = None,
) -> list[Track]:
    """Tracks of all faces, by overlap and appearance; no track goes on across a cut.

    Args:
        detections: per frame (n, 4 or more) boxes.
        max_gap: a track that was not seen for more frames than this is closed.
        looks: per frame (n, D) descriptions of the faces.
        shot: (N,) number of each frame's shot.
    """
    tracks: list[Track] = []
    shots = np.zeros(len(detections), int) if shot is None else shot
    for number, found in enumerate(detections):
        seen = [None] * len(found) if looks is None else list(looks[number])
        active = [
            track
            for track in tracks
            if number - track.frames[-1] <= max_gap and shots[track.frames[-1]] == shots[number]
        ]
        pairs = []
        for t, track in enumerate(active):
            for b, box in enumerate(found):
                shared = overlap(track.boxes[-1], box)
                unlike = track.unlike(seen[b]) if shared >= MIN_OVERLAP else 0.0
                if shared >= MIN_OVERLAP and unlike <= DIFFERENT:
                    pairs.append((shared - APPEARANCE_WEIGHT * unlike, t, b))
        taken_tracks: set[int] = set()
        taken_boxes: set[int] = set()
        for _, t, b in sorted(pairs, reverse=True):
            if t not in taken_tracks and b not in taken_boxes:
                active[t].add(number, found[b], seen[b])
                taken_tracks.add(t)
                taken_boxes.add(b)
        for b in range(len(found)):
            if b not in taken_boxes:
                tracks.append(Track())
                tracks[-1].add(number, found[b], seen[b])
    return tracks


def choose(tracks: list[Track], at: tuple[float, float, int] | None = None) -> Track | None:
    """The track of the person to follow: the one at a point, or the one that is largest and longest seen.

    Args:
        tracks: of all faces.
        at: x, y in px and the number of a frame.

    Returns:
        None where there are no tracks, or no face within its own edge of the point at that frame.
    """
    if at is None:
        return max(tracks, key=Track.weight, default=None)
    best, nearest = None, np.inf
    for track in tracks:
        position = int(np.abs(np.array(track.frames) - at[2]).argmin())
        box, away = track.boxes[position], abs(track.frames[position] - at[2])
        edge = max(float(np.sqrt(max(area(box), 0.0))), 1e-6)
        distance = float(np.hypot((box[0] + box[2]) / 2 - at[0], (box[1] + box[3]) / 2 - at[1])) / edge
        # A second away counts as much as an edge beside.
        cost = distance + away / 25
        if cost < min(nearest, 1.0):
            best, nearest = track, cost
    return best


def follow(
    tracks: list[Track], person: Track | None, count: int, shot: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The followed person's box in each frame, from its own track and those that take it up later or earlier.

    A track is taken in where no other box is known yet, when it looks like the person; within a shot it may also look
    a little different if it is near by and of like size.

    Args:
        tracks: all tracks.
        person: the one to follow.
        count: how many frames there are.
        shot: (N,) number of each frame's shot.

    Returns:
        (N, 4) boxes, NaN where the person is not seen, and (N,) int, which of `tracks` each is from, -1 for none.
    """
    boxes, source = np.full((count, 4), np.nan), np.full(count, -1)
    if person is None:
        return boxes, source
    shots = np.zeros(count, int) if shot is None else shot
    looks, number = None, 0
    others = sorted((track for track in tracks if track is not person), key=Track.weight, reverse=True)
    for track in [person, *others]:
        if (source[track.frames] >= 0).any():
            continue
        if track is not person:
            mean = None if track.looks is None else track.looks / len(track.frames)
            unlike = 0.0 if looks is None or mean is None else difference(looks / number, mean)
            known = looks is not None and track.looks is not None
            near = unlike <= DIFFERENT and _near(boxes, shots, track)
            if not (near or (known and unlike <= SAME)):
                continue
        boxes[track.frames] = track.boxes
        source[track.frames] = tracks.index(track)
        if track.looks is not None:
            looks, number = track.looks if looks is None else looks + track.looks, number + len(track.frames)
    return boxes, source


def _near(boxes: np.ndarray, shots: np.ndarray, track: Track) -> bool:
    """Whether a track takes up the followed face after a gap within a shot: near by, and of like size."""
    for position in (0, -1):
        seen = np.flatnonzero(np.isfinite(boxes[:, 0]) & (shots == shots[track.frames[position]]))
        if not len(seen):
            continue
        nearest = boxes[seen[np.abs(seen - track.frames[position]).argmin()]]
        box = track.boxes[position]
        edge, other = np.sqrt(area(nearest)), np.sqrt(max(area(box), 1e-9))
        distance = np.linalg.norm((box[:2] + box[2:] - nearest[:2] - nearest[2:]) / 2)
        if distance <= 1.5 * edge and 0.5 <= other / edge <= 2.0:
            return True
    return False


def alike_framing(boxes: np.ndarray, shot: np.ndarray) -> np.ndarray:
    """(N,) bool: frames of the shots that show the person as the main shot does, so that one camera and one crop serve.

    The main shot is the one that shows the person longest. Another is framed alike when the middle of its median box
    lies within an edge of the main shot's and its edge is 0.7 to 1.4 times as long.

    Args:
        boxes: (N, 4) boxes of the followed person, NaN where it is not seen.
        shot: (N,) number of each frame's shot.
    """
    seen = np.isfinite(boxes[:, 0])
    if not seen.any():
        return np.ones(len(shot), bool)
    main = int(np.bincount(shot[seen]).argmax())
    out = shot == main
    middle, edge = _median_place(boxes[seen & out])
    for number in np.unique(shot[seen]):
        place, length = _median_place(boxes[seen & (shot == number)])
        if np.linalg.norm(place - middle) <= edge and 0.7 <= length / edge <= 1.4:
            out |= shot == number
    return out


def _median_place(boxes: np.ndarray) -> tuple[np.ndarray, float]:
    middle = np.median((boxes[:, :2] + boxes[:, 2:]) / 2, axis=0)
    return middle, float(np.median(np.sqrt((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))))
