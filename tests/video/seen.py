"""What a first pass saw, made up."""

from pathlib import Path

import numpy as np

from partnerface.video.probe import VideoInfo
from partnerface.video.sheet import Thumbnails
from partnerface.video.survey import Survey


def survey(boxes: np.ndarray, width: int = 640, height: int = 480, **changes) -> Survey:
    """A survey of one shot in which each frame has one face, the one with the box if that is known."""
    count = len(boxes)
    values = {
        "path": Path("clip.mp4"),
        "info": VideoInfo(width, height, width, height, 25.0, count / 25, 0.0, False),
        "number": np.arange(count),
        "time_s": np.arange(count) / 25,
        "boxes": np.asarray(boxes, float),
        "faces": np.ones(count, int),
        "shot": np.zeros(count, int),
        "framed": np.ones(count, bool),
        "chosen": np.ones(count, bool),
        "sharpness": np.ones(count),
        "others": 0,
        "thumbnails": Thumbnails(),
    }
    return Survey(**(values | changes))
