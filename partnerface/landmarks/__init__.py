"""Points of the face in each frame."""
