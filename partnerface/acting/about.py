"""What an avatar's file holds, in lines for a reader."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from partnerface.acting.actor import Actor

_WIDTH = 14


def about(actor: "Actor") -> list[str]:
    """The lines of `partnerface drive --about`."""
    import numpy as np

    from partnerface.driving.movements import ARKIT, EXPRESSIONS, IN_DEGREES, JOINTS, vocabulary

    facts, (height, width) = actor.facts, actor.facts["size"]
    camera = np.asarray(facts["camera"])
    parameters = facts.get("parameters", {})
    known = vocabulary(actor.expression_names)
    guessed = " (guessed: an older format holds none)" if actor.known.is_guess else ""
    low, high = (np.degrees(ends["neck_pose"]) for ends in (actor.reach.low, actor.reach.high))
    jaw = np.degrees(actor.reach.high["jaw_pose"][0])
    lids = np.max(actor.reach.high["eyelids"])
    blinks = ", eyes closed" if lids > 0.6 else ", eyes never closed"
    arkit = sum(name in known for name in ARKIT)
    lines = {
        "file": f"{actor.path}, {actor.path.stat().st_size / 1e6:.1f} MB, {actor.format}",
        "method": f"{facts['method']}, seed {facts['seed']}, {facts['settings']['steps']} steps"
        + (f", {sum(parameters.values()):,} parameters" if parameters else ""),
        "made with": f"PartNerFace {facts['version']}" + (f", torch {facts['torch']}" if "torch" in facts else ""),
        "camera": f"{width}x{height} px, focal length {camera[0, 0]:.0f} px, {facts.get('fps', 0):g} frames per second",
        "colour": f"{facts['colour_space']} over {_colour(facts['background'])}; mask policy {facts['mask_policy']}",
        "protocol": f"{facts['training_frames']} training frames; held out: {', '.join(facts['splits']) or 'nothing'}",
        "head": f"{actor.head}, {len(actor.expression_names)} expression components",
        "licences": "; ".join(facts.get("licences", ["not told by this format"])),
        "made from": ", ".join(f"{name} {value[:12]}" for name, value in facts.get("made_from", {}).items())
        or "not told",
        "neutral": f"jaw {np.degrees(actor.neutral.values['jaw_pose'][0]):.1f} degrees open, lids "
        f"{actor.neutral.values['eyelids'].mean():.2f}, face {actor.neutral.size:.2f} of the average size{guessed}",
        "saw": f"head turned {low[1]:+.0f} to {high[1]:+.0f} degrees sideways, {-high[0]:+.0f} to {-low[0]:+.0f} up; "
        f"jaw opened by {jaw:.0f}{blinks}",
        "movements": f"{arkit} of ARKit's {len(ARKIT)}; {', '.join(name for name in EXPRESSIONS if name in known)}; "
        f"{', '.join(name if name not in IN_DEGREES else f'{name} (degrees)' for name in JOINTS)}; "
        f"{', '.join(actor.expression_names)}",
    }
    return [f"{name:{_WIDTH}}{line}" for name, line in lines.items() if line]


def _colour(values: list[float]) -> str:
    from partnerface.stages.dataset import BACKGROUNDS

    return next((name for name, colour in BACKGROUNDS.items() if list(colour) == values), str(values))
