"""Which frames are held out: for each way of testing a mask, and what is left to train on.

Ways, as they stand in the settings and in `dataset.splits`:

* `tail:F`   the last share F of the frames: what comes after the training, as the literature tests.
* `last:N`   the last N frames.
* `unseen-expression:F`   whole stretches of about a second, together a share F of the frames, whose expressions lie
  farthest from the rest; frames that are nearly the same as a held-out one are in neither set. See `unseen.py`.
* `json:PATH`   a file {"name": [source frame numbers], ...}; each name is a split of its own.

One avatar serves all ways: training uses the frames that none of them holds out or guards. Numpy only.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from partnerface.errors import ConfigError
from partnerface.training.unseen import nearest_distance, twin_distance, unseen_expression

KINDS = ("tail", "last", "unseen-expression", "json")
#: Training on fewer frames than this makes no avatar.
MIN_TRAIN = 8


@dataclass(frozen=True)
class SplitSpec:
    """One way of testing, parsed: its kind, and the share, count or path behind the colon."""

    kind: str
    share: float = 0.0
    count: int = 0
    path: Path | None = None

    @property
    def text(self) -> str:
        """The way as it was written."""
        value = {"last": str(self.count), "json": str(self.path)}.get(self.kind, f"{self.share:g}")
        return f"{self.kind}:{value}"


@dataclass(frozen=True)
class Splits:
    """The outcome for N frames.

    Attributes:
        names: name of each split, as it stands in the tables: its kind, or the name in the JSON file.
        heldout: (n_splits, N) bool.
        guard: (N,) bool: neither tested nor trained on, since nearly the same as a held-out frame.
        train: (N,) bool: in no held-out set and not guarded.
        twin_distance: frames nearer than this in expression count as nearly the same.
        novelty: (N,) distance in expression to the nearest training frame, in twin distances; 0 for training frames.
    """

    names: tuple[str, ...]
    heldout: np.ndarray
    guard: np.ndarray
    train: np.ndarray
    twin_distance: float
    novelty: np.ndarray


def parse_split(text: str) -> SplitSpec:
    """Parse `tail:0.2` and its like.

    Raises:
        ConfigError: the kind is unknown, or what follows the colon is impossible.
    """
    kind, _, value = text.partition(":")
    if kind not in KINDS:
        raise ConfigError(
            f"dataset.splits: unknown split {text!r}; use tail:F, last:N, unseen-expression:F or json:PATH"
        )
    if kind == "json":
        if not value:
            raise ConfigError(f"dataset.splits: {text!r} names no file; write json:PATH")
        return SplitSpec(kind, path=Path(value))
    if kind == "last":
        if not value.isdigit() or int(value) < 1:
            raise ConfigError(f"dataset.splits: {text!r} needs a whole number of frames, such as last:350")
        return SplitSpec(kind, count=int(value))
    try:
        share = float(value)
    except ValueError:
        share = np.nan
    if not 0 < share < 1:
        raise ConfigError(f"dataset.splits: {text!r} needs a share between 0 and 1, such as {kind}:0.2")
    return SplitSpec(kind, share=share)


def parse_splits(texts: list[str] | tuple[str, ...]) -> list[SplitSpec]:
    """Parse all of them; raises ConfigError when there is none or one stands twice."""
    specs = [parse_split(text) for text in texts]
    if not specs:
        raise ConfigError("dataset.splits is empty; write at least one, such as tail:0.2")
    names = [spec.kind for spec in specs if spec.kind != "json"]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"dataset.splits: {name} stands there twice; the tables know a split by this name")
    return specs


def make_splits(
    specs: list[SplitSpec], frame: np.ndarray, time_s: np.ndarray, features: np.ndarray, clip: str = "the clip"
) -> Splits:
    """Hold out frames in every wanted way.

    Args:
        specs: the ways.
        frame: (N,) source frame numbers, growing.
        time_s: (N,) seconds, growing.
        features: (N, D) expression features in which distance means difference (`unseen.expression_features`).
        clip: the clip's name, for messages.

    Raises:
        ConfigError: a JSON file can't be used, a split is empty, or too few frames are left to train on.
    """
    count = len(frame)
    names: list[str] = []
    heldout: list[np.ndarray] = []
    guard = np.zeros(count, bool)
    for spec in specs:
        mask = np.zeros(count, bool)
        if spec.kind == "json":
            for name, numbers in _read_json(spec.path or Path()).items():
                names.append(name)
                heldout.append(np.isin(frame, numbers))
            continue
        if spec.kind == "unseen-expression":
            found = unseen_expression(time_s, features, spec.share)
            mask = found.heldout
            guard |= found.guard
        else:
            wanted = spec.count if spec.kind == "last" else round(spec.share * count)
            mask[max(0, count - max(1, wanted)) :] = True
        names.append(spec.kind)
        heldout.append(mask)
    held = np.stack(heldout)
    for name, mask in zip(names, held, strict=True):
        if not mask.any():
            raise ConfigError(f"dataset.splits: {name} holds out no frame of {clip}; check its numbers")
    if len(set(names)) < len(names):
        raise ConfigError(
            f"dataset.splits: two splits have one name ({', '.join(names)}); rename those in the JSON file"
        )
    guard &= ~held.any(0)
    train = ~held.any(0) & ~guard
    if train.sum() < MIN_TRAIN:
        raise ConfigError(
            f"dataset.splits ({', '.join(spec.text for spec in specs)}) leave only {int(train.sum())} of {count} "
            f"frames of {clip} to train on, at least {MIN_TRAIN} are needed; hold out less, or give a longer clip"
        )
    twin = twin_distance(time_s, features)
    novelty = np.where(train, 0, nearest_distance(features, train) / max(twin, 1e-12)).astype(np.float32)
    return Splits(tuple(names), held, guard, train, twin, novelty)


def _read_json(path: Path) -> dict[str, list[int]]:
    try:
        value = json.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"dataset.splits: cannot read {path}: {error.strerror}") from None
    except ValueError:
        raise ConfigError(f"dataset.splits: {path} is not JSON") from None
    sound = isinstance(value, dict) and value and all(
        isinstance(numbers, list) and all(isinstance(n, int) and not isinstance(n, bool) for n in numbers)
        for numbers in value.values()
    )  # fmt: skip
    if not sound:
        raise ConfigError(f'dataset.splits: {path} must hold {{"name": [source frame numbers], ...}}')
    return value
