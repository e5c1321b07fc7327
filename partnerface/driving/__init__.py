"""Driving: the motion of one person, relative to that person's neutral, carried over to an avatar."""

#: How far an avatar may go beyond what it saw in training, as a share of what it saw.
BEYOND = 1.0
