"""`partnerface doctor`: what this machine has, and whether the default path can be walked on it."""
