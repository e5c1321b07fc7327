"""Where a user says that the person is."""

from partnerface.errors import ConfigError


def face_place(text: str | None) -> tuple[float, float, float | None] | None:
    """`x,y` or `x,y,t` as numbers: px of the upright video and seconds (None is the first frame with a face).

    Raises:
        ConfigError: it is something else.
    """
    if text is None:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (2, 3) or not all(0 <= number < 1e6 for number in numbers):
        raise ConfigError(f"frames.face_at is {text!r}; allowed: x,y or x,y,t in px and seconds, as in 640,300,1.5")
    return numbers[0], numbers[1], numbers[2] if len(numbers) == 3 else None
