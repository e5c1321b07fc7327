"""The demo clip: scikit-image's public-domain portrait on the built-in head, moved by known parameters."""
