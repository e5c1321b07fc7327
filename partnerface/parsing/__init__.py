"""Who is what in each frame: soft alpha of the person, and semantic classes from the fitted head."""
