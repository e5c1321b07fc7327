"""One person through the clip: detections of single frames linked to tracks by overlap, the largest track kept."""

from dataclasses import dataclass, field

import numpy as np

#: Boxes of neighbouring frames are one face when they overlap at least so much (intersection over union).
MIN_OVERLAP = 0.25


@dataclass
class _Track:
    frames: list[int] = field(default_factory=list)
    boxes: list[np.ndarray] = field(default_factory=list)

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


def follow(detections: list[np.ndarray], max_gap: int) -> np.ndarray:
    """The box of the one followed face in each frame.

    Args:
        detections: per frame (n, 5) boxes and scores.
        max_gap: a track that was not seen for more frames than this is closed.

    Returns:
        (N, 4) float64 boxes, NaN where the followed face is not seen.
    """
    tracks = _link(detections, max_gap)
    boxes = np.full((len(detections), 4), np.nan)
    if not tracks:
        return boxes
    tracks.sort(key=_Track.weight, reverse=True)
    for track in tracks:
        if track is tracks[0] or _continues(boxes, track):
            boxes[track.frames] = track.boxes
    return boxes


def _link(detections: list[np.ndarray], max_gap: int) -> list[_Track]:
    tracks: list[_Track] = []
    for number, found in enumerate(detections):
        active = [track for track in tracks if number - track.frames[-1] <= max_gap]
        pairs = sorted(
            ((overlap(track.boxes[-1], box), t, b) for t, track in enumerate(active) for b, box in enumerate(found)),
            reverse=True,
        )
        taken_tracks: set[int] = set()
        taken_boxes: set[int] = set()
        for shared, t, b in pairs:
            if shared >= MIN_OVERLAP and t not in taken_tracks and b not in taken_boxes:
                active[t].frames.append(number)
                active[t].boxes.append(found[b, :4])
                taken_tracks.add(t)
                taken_boxes.add(b)
        for b in range(len(found)):
            if b not in taken_boxes:
                tracks.append(_Track([number], [found[b, :4]]))
    return tracks


def _continues(boxes: np.ndarray, track: _Track) -> bool:
    """Whether a track takes up the followed face after a gap: at other times, near by, of like size."""
    if np.isfinite(boxes[track.frames, 0]).any():
        return False
    seen = np.flatnonzero(np.isfinite(boxes[:, 0]))
    for position in (0, -1):
        nearest = boxes[seen[np.abs(seen - track.frames[position]).argmin()]]
        box = track.boxes[position]
        edge, other = np.sqrt(area(nearest)), np.sqrt(max(area(box), 1e-9))
        distance = np.linalg.norm((box[:2] + box[2:] - nearest[:2] - nearest[2:]) / 2)
        if distance <= 1.5 * edge and 0.5 <= other / edge <= 2.0:
            return True
    return False
