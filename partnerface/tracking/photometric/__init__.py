"""Photometric refinement: the same place of the skin has the same colour in every frame, under one light per frame."""
