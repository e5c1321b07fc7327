"""A protocol in sentences, to stand under the numbers that it explains."""

from collections.abc import Mapping
from typing import Any

from partnerface.reporting.bootstrap import BLOCK_S, LEAST_BLOCKS, SAMPLES, SEED
from partnerface.reporting.results import Group, Run


def sentences(group: Group) -> list[str]:
    """What a reader has to know of how the numbers of one group were measured."""
    comparable = group.protocol["comparable"]
    return [
        _images(comparable),
        _metrics(comparable["metrics"]),
        _motion(comparable["metrics"]),
        *_landmarks(group),
        *_lpips(group),
        _splits(comparable),
        _statistics(group),
        "Regions: " + "; ".join(f"{name} = {text}" for name, text in comparable["regions"].items()) + ".",
        _made_with(group),
    ]


def _images(comparable: Mapping[str, Any]) -> str:
    width, height = comparable["size"]
    background = ", ".join(f"{value:g}" for value in comparable["background_srgb"])
    return (
        f"Images of {width} x {height} px, mask policy {comparable['mask_policy']}, over the background sRGB "
        f"({background}). An error is averaged over the pixels of its region (area rule: {comparable['area_rule']}); "
        "\"PSNR, image area\" divides the region's error by the whole image's area instead (area rule: image)."
    )


def _metrics(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    ssim, scales = metrics["ssim"], metrics["ms_ssim"]["scales"]
    return (
        f"PSNR: {metrics['psnr']['averaging']}, at most {metrics['psnr']['at_most_db']:g} dB. "
        f"SSIM: Gaussian window of {ssim['window']} x {ssim['window']} px, sigma {ssim['sigma']:g}, K1 {ssim['K1']:g}, "
        f"K2 {ssim['K2']:g}, {ssim['channels']}. MS-SSIM: {scales} scales. L1 in units of the range [0, 1]."
    )


def _motion(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    flip = metrics.get("flip", {})
    return (
        f"FLIP: {flip.get('variant', '')}, {flip.get('pixels_per_degree', 0):.2f} pixels per degree, mean of the map. "
        "Flicker: mean of |change of the render - change of the truth| from one frame to the next, in units of the "
        "range [0, 1]. Landmarks: mean distance between the landmarks read from the render and from "
        "the true frame, in % of the distance of the outer eye corners: lids in eyes, lips in mouth, both and the "
        "brows in face."
    )


def _landmarks(group: Group) -> list[str]:
    """Which detector; for which runs there was none; and where it saw no face in a render, which then has no value."""
    runs = [run for members in group.runs.values() for run in members]
    states = {run.name: run.protocol.get("landmarks", {"present": False, "reason": "not known"}) for run in runs}
    found = []
    detectors = sorted({state["detector"] for state in states.values() if state["present"]})
    if len(detectors) > 1:
        found.append(f"Landmarks: read by different detectors, so do not compare this column: {' / '.join(detectors)}.")
    elif detectors:
        found.append(f"Landmarks: {detectors[0]}.")
    absent = {name: state["reason"] for name, state in states.items() if not state["present"]}
    if absent:
        names = f" for {', '.join(absent)}" if detectors else ""
        found.append(f"Landmarks: absent{names}, {next(iter(absent.values()))}.")
    lost = [
        f"{name} {count} of {split}"
        for name, state in states.items()
        for split, count in state.get("renders_without_a_face", {}).items()
        if count
    ]
    if lost:
        found.append(f"Renders in which no face was found, left out of the landmarks' means: {', '.join(lost)}.")
    return found


def _statistics(group: Group) -> str:
    return (
        "Values are means over frames, then over seeds; ± is the standard deviation over the seeds. In brackets: 95 % "
        f"percentile intervals over frames by a circular block bootstrap ({SAMPLES} draws of blocks of {BLOCK_S:g} s, "
        f"which is {BLOCK_S * group.source_fps:.0f} frames of the source, or a {LEAST_BLOCKS}th of a short split; seed "
        f"{SEED}; all seeds of a method see the same draw, and their means are averaged). They speak of other frames "
        "of such a clip, with these trained avatars."
    )


def _lpips(group: Group) -> list[str]:
    """One sentence per net: with which weights, or absent; and a warning when the runs of the group differ."""
    found = []
    runs = [run for members in group.runs.values() for run in members]
    for name in runs[0].protocol["lpips"]:
        states = [run.protocol["lpips"].get(name, {"present": False, "reason": "not known"}) for run in runs]
        label = f"LPIPS ({name.removeprefix('lpips_')})"
        weights = {tuple(sorted(state["sha256"].items())) for state in states if state["present"]}
        if len(weights) > 1:
            found.append(f"{label}: the runs used different weight files, so do not compare this column.")
        elif weights:
            files = ", ".join(f"{file} (SHA-256 {checksum[:12]}…)" for file, checksum in sorted(*weights))
            found.append(f"{label}: version 0.1 with {files}.")
        absent = [run.name for run, state in zip(runs, states, strict=True) if not state["present"]]
        if absent:
            reason = next(state["reason"] for state in states if not state["present"])
            found.append(f"{label}: absent{' for ' + ', '.join(absent) if weights else ''}, {reason}.")
    return found


def _splits(comparable: Mapping[str, Any]) -> str:
    parts = [
        f"{name} = {split['definition']} ({split['scored_frames']} of {split['frames']} frames measured)"
        for name, split in comparable["splits"].items()
    ]
    return f"Splits: {'; '.join(parts)}. Training saw {comparable['training_frames']} frames."


def _made_with(group: Group) -> str:
    runs = [run for members in group.runs.values() for run in members]
    seeds = "; ".join(f"{method} {', '.join(map(_seed, members))}" for method, members in group.runs.items())
    heads = ", ".join(sorted({str(run.protocol["head_model"]) for run in runs}))
    versions = sorted({", ".join(f"{name} {v}" for name, v in run.protocol["versions"].items()) for run in runs})
    machines = sorted({str(run.protocol.get("processor", "not recorded")) for run in runs})
    return (
        f"Head model: {heads}. Seeds: {seeds}. Measured with {' / '.join(versions)}; processor {' / '.join(machines)}. "
        "Training: seconds of optimisation, mean over seeds; memory: greatest resident set of a training."
    )


def _seed(run: Run) -> str:
    seed = run.protocol["seed"]
    return "not recorded" if seed is None else str(seed)
