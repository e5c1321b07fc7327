"""The fit of a head model to the landmarks of a whole clip: all frames at once, on a CPU."""
