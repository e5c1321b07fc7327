"""The measures of a tracking as a table to read."""

from typing import Any


def _number(value: float | None, digits: int, unit: str = "") -> str:
    return "-" if value is None else f"{value:.{digits}f}{unit}"


def _share(value: float | None) -> str:
    return _number(None if value is None else 100 * value, 0, " %")


def table(found: dict[str, Any]) -> str:
    """Lines of text from what `partnerface.stages.quality.measure` gives."""
    blinks, jitter = found["blinks"], found["jitter"]
    rows = [("error", _number(found["error_percent"], 2, " %"), "of the distance of the outer eye corners, all seen")]
    if "held_out" in found:
        held = found["held_out"]
        parts = ", ".join(f"{name} {_number(value, 1)}" for name, value in held["unseen_by_part"].items())
        rest = f"seen {_number(held['seen_percent'], 2, ' %')}; unseen {parts}"
        rows.append(("error unseen", _number(held["unseen_percent"], 2, " %"), rest))
    rows += [
        ("focal length", _number(found["focal_px"], 0, " px"), f"standard error {_share(found['focal_error'])}"),
        (
            "blink recall",
            _share(blinks["recall"]),
            f"of {blinks['reference']}, precision {_share(blinks['precision'])}",
        ),
        (
            "jitter",
            _number(jitter["fit_percent"], 3, " %"),
            f"landmarks {_number(jitter['landmarks_percent'], 3, ' %')}, ratio {_number(jitter['ratio'], 2)}, "
            f"{jitter['frames']} frames at rest",
        ),
    ]
    for name, values in found["amplitude"].items():
        rest = f"of the landmarks' amplitude, correlation {_number(values['correlation'], 3)}"
        rows.append((name.replace("_", " "), _share(values["ratio"]), rest))
    if "truth" in found:
        rows += _against_truth(found["truth"])
    wide = [max(len(row[column]) for row in rows) for column in (0, 1)]
    head = f"{found['subject']}: {found['frames']} frames, {found['bridged']} bridged"
    return "\n".join([head, *(f"  {name:{wide[0]}}  {value:>{wide[1]}}  {rest}" for name, value, rest in rows)])


def _against_truth(truth: dict[str, Any]) -> list[tuple[str, str, str]]:
    rotation = (
        f"median, 90 % below {_number(truth['rotation_p90_deg'], 2, '°')}; a constant "
        f"{_number(truth['rotation_offset_deg'], 2, '°')} is taken out"
    )
    jaw, lids = (_number(truth[f"{name}_correlation"], 3) for name in ("jaw", "eyelids"))
    motion = ", ".join(f"{name.replace('_', ' ')} {_share(ratio)}" for name, ratio in truth["amplitude"].items())
    return [
        ("true rotation", _number(truth["rotation_deg"], 2, "°"), rotation),
        ("true focal", f"{100 * truth['focal']:+.1f} %", "relative error"),
        ("true mouth", _number(truth["mouth_opening_correlation"], 3), f"correlation; of the jaw's turn {jaw}"),
        ("true eyes", _number(truth["eye_opening_correlation"], 3), f"correlation; of the lids {lids}"),
        ("true blinks", _share(truth["blinks"]["recall"]), f"found, precision {_share(truth['blinks']['precision'])}"),
        ("true amplitude", "", motion),
    ]
