"""Driving: the motion of one person, relative to that person's neutral, carried over to an avatar."""
