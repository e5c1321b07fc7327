"""Video files in and out, the face that is followed through them, and the one crop around it."""
