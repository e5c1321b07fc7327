"""How likely a colour is, given samples: a small mixture of Gaussians in Lab."""

import numpy as np

COMPONENTS = 5
#: Least spread of a component in Lab units: light changes colours by that much from frame to frame.
MIN_SPREAD = np.array([4.0, 3.0, 3.0])
MAX_SAMPLES = 6000
#: Components with a smaller share than this are strays (glasses, a reflection).
MIN_WEIGHT = 0.06


def to_lab(image: np.ndarray, lightness: float = 1.0) -> np.ndarray:
    """(..., 3) uint8 sRGB to float32 Lab with L scaled by `lightness` (shade changes L more than the tint)."""
    import cv2

    flat = np.ascontiguousarray(image.reshape(-1, 1, 3), dtype=np.float32) / 255
    lab = cv2.cvtColor(flat, cv2.COLOR_RGB2LAB).reshape(image.shape)
    return lab * np.array([lightness, 1, 1], np.float32)


class ColourModel:
    """Mixture of Gaussians with diagonal spread, found by k-means from evenly taken samples; deterministic.

    Args:
        samples: (n, 3) Lab colours, n >= 1.
    """

    def __init__(self, samples: np.ndarray):
        import cv2

        samples = np.ascontiguousarray(samples[:: -(-len(samples) // MAX_SAMPLES)], dtype=np.float32)
        count = max(1, min(COMPONENTS, len(samples) // 50))
        labels, self.centres = np.zeros(len(samples), np.int32), samples.mean(0, keepdims=True)
        if count > 1:
            criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)
            cv2.setRNGSeed(0)
            _, found, self.centres = cv2.kmeans(samples, count, labels[:, None], criteria, 2, cv2.KMEANS_PP_CENTERS)
            labels = found.ravel()
        self.spread = np.stack([samples[labels == k].std(0) for k in range(count)])
        self.spread = np.maximum(np.nan_to_num(self.spread), MIN_SPREAD)
        self.weight = np.maximum(np.bincount(labels, minlength=count) / len(samples), 1e-3)
        kept = self.weight >= min(MIN_WEIGHT, self.weight.max())
        self.centres, self.spread, self.weight = self.centres[kept], self.spread[kept], self.weight[kept]

    def log_likelihood(self, colours: np.ndarray) -> np.ndarray:
        """(...) log density of Lab colours (..., 3)."""
        flat = colours.reshape(-1, 3)
        each = [
            np.log(weight) - np.log(spread).sum() - 0.5 * _square(flat, centre, spread)
            for centre, spread, weight in zip(self.centres, self.spread, self.weight, strict=True)
        ]
        top = np.maximum.reduce(each)
        return (top + np.log(sum(np.exp(value - top) for value in each))).reshape(colours.shape[:-1])

    def distance(self, colours: np.ndarray) -> np.ndarray:
        """(...) distance to the nearest component, in its spreads."""
        flat = colours.reshape(-1, 3)
        pairs = zip(self.centres, self.spread, strict=True)
        nearest = np.minimum.reduce([_square(flat, centre, spread) for centre, spread in pairs])
        return np.sqrt(nearest).reshape(colours.shape[:-1])


def _square(colours: np.ndarray, centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """(n,) squared distance of (n, 3) colours from a component, in its spreads."""
    scaled = (colours - centre) / spread
    return np.einsum("nc,nc->n", scaled, scaled)
