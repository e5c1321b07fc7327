"""What a clip should show, as numbers: each measure with where it is good and where it is poor, and why there.

The limits were set by looking at seven clips of 6 to 20 s, not against how good their avatars became, and by the rule
that an avatar can only be driven to what it has seen: a talking person who sits still turns by 5 to 10 degrees, one who
looks around by 30.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """One measure.

    Attributes:
        name: its key in capture.json, with the unit.
        title, unit: for readers.
        good, poor: its state is `good` from the first on and `poor` from the second on, `usable` between; whichever is
            greater says in which direction better lies.
        decisive: whether a poor value makes the whole clip poor; others cost detail, not the avatar.
        topic: of several measures of one topic the worst alone gives advice.
        advice: what to do about it; `{value}` is the measure.
    """

    name: str
    title: str
    unit: str
    good: float
    poor: float
    decisive: bool
    topic: str
    advice: str


RULES = (
    # A fifth to two fifths of a clip are held out; what is left has to show every expression more than once.
    Rule("length_s", "length of what can be used", "s", 30, 5, True, "length", "film {missing:.0f} s more"),
    Rule("frames_kept", "frames kept", "", 300, 60, True, "length", "film longer, at 25 frames per second or more"),
    Rule("dropped_percent", "frames dropped", "%", 5, 30, False, "view", "keep the whole face in the picture"),
    Rule("not_found_percent", "kept frames without landmarks", "%", 1, 20, False, "view",
         "keep the face visible and in the light"),
    # Training sees 256 px across the whole crop, of which a face takes half.
    Rule("face_height_px", "height of the face", "px", 150, 70, True, "size",
         "film from closer, the face is only {value:.0f} px high"),
    # 0.4 is a good phone's own file, 0.2 is visibly soft; a frame counts as blurred beside the clip's sharp ones.
    Rule("sharpness", "sharpness of the face (median)", "", 0.25, 0.12, True, "sharp",
         "focus on the eyes, clean the lens and use the camera's own file"),
    Rule("blurred_percent", "blurred frames", "%", 10, 40, True, "sharp",
         "add light and move more slowly, {value:.0f} % of the frames are blurred"),
    # Ranges hold 90 % of the time; a fifth of what is good is the wavering of a head that is held still.
    Rule("yaw_range_deg", "head turned left and right", "°", 25, 5, True, "pose", "turn the head 20° to each side"),
    Rule("pitch_range_deg", "head raised and lowered", "°", 12, 2.4, True, "pose", "raise and lower the head by 10°"),
    Rule("roll_range_deg", "head tilted", "°", 6, 1.2, False, "pose", "tilt the head to either shoulder"),
    # RMS over the points of the tracked face with its pose taken out; quiet speech moves the mouth by 2 mm.
    Rule("mouth_motion_mm", "motion of the mouth", "mm", 2, 0.6, True, "expression", "speak, smile and pout"),
    Rule("brow_motion_mm", "motion of the brows", "mm", 0.7, 0.15, False, "expression", "raise and lower the brows"),
    Rule("expression_directions", "independent movements of the face", "", 2, 1, False, "expression",
         "make more varied faces"),
    # The eye corners lie 9 cm apart: 15 % is a mouth opened by 14 mm, as in a clear "ah".
    Rule("mouth_widest_percent", "widest mouth, of the eye corners' distance", "%", 15, 4, True, "mouth",
         "open the mouth wide a few times"),
    Rule("mouth_open_percent", "time with the mouth open", "%", 15, 1, False, "mouth",
         "speak for a third of the clip or more"),
    Rule("teeth_percent", "time with teeth in sight", "%", 5, 0.5, False, "teeth", "show the teeth in a broad smile"),
    Rule("blinks", "blinks", "", 3, 0.5, False, "eyes", "blink a few times and keep the eyes shut for a second"),
    Rule("gaze_range_deg", "eyes turned left and right", "°", 10, 2, False, "eyes",
         "look to either side without turning the head"),
    # Shading by turns alone comes to some 10 to 15 %; steady daylight flickers by less than half a percent.
    Rule("light_drift_percent", "light changes over the clip", "%", 25, 80, True, "steady",
         "lock the camera's exposure and keep the light as it is"),
    Rule("flicker_percent", "light changes from frame to frame", "%", 1.5, 6, False, "steady",
         "use daylight or another lamp, the light flickers"),
    Rule("white_percent", "skin burnt to white", "%", 3, 15, True, "light",
         "lower the exposure, skin is burnt to white"),
    Rule("black_percent", "skin sunk into black", "%", 3, 20, False, "light", "light the shaded side of the face"),
    # The brightest hundredth of a face (whites of the eyes, teeth, shine) tells the light whatever the skin's colour.
    Rule("brightest_percent", "brightest parts of the face, of white", "%", 25, 6, True, "light",
         "film in more light, the face is dark"),
    Rule("covered_percent", "time with the face covered", "%", 2, 15, True, "cover",
         "keep hands, hair and microphone off the face"),
)  # fmt: skip
