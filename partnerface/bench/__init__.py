"""`partnerface bench`: how fast the stages, the ops, a training step and a picture are on this machine."""
