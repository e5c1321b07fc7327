"""MediaPipe's face mesh with irises (478 points), run on squares that we cut ourselves.

MediaPipe's own road from picture to model samples the square bilinearly without a low-pass, and counts the picture's
pixel centres at +0 but the model's at +0.5, which shifts every landmark by (scale - 1) / 2 px, where scale is the
number of picture pixels per model pixel. Cutting the square here, with an area filter and +0.5 on both sides, removes
the shift and part of the trembling; the model then sees a picture that it need not resample. The model's own x, y in
[0, 1] times its edge are then positions with pixel centres at +0.5.
"""

from types import TracebackType
from typing import Any

import numpy as np

from partnerface.landmarks.region import Region
from partnerface.quiet import hush_logs, quiet

POINTS = 478
#: Edge of the model's input, px.
INPUT = 192

_GRAPH = """
input_stream: "image"
input_stream: "region"
output_stream: "landmarks"
node {
  calculator: "ConstantSidePacketCalculator"
  output_side_packet: "PACKET:with_attention"
  options { [mediapipe.ConstantSidePacketCalculatorOptions.ext] { packet { bool_value: true } } }
}
node {
  calculator: "FaceLandmarkCpu"
  input_stream: "IMAGE:image"
  input_stream: "ROI:region"
  input_side_packet: "WITH_ATTENTION:with_attention"
  output_stream: "LANDMARKS:landmarks"
}
"""
#: The score that the graph tests against 0.5 before it lets landmarks through; inner streams carry their node's name.
_SCORE = "facelandmarkcpu__face_presence_score"


def cut_square(image: np.ndarray, region: Region, pixels: int = INPUT) -> np.ndarray:
    """The square's content as a (pixels, pixels, 3) uint8 image, area-filtered where it shrinks."""
    import cv2

    matrix = region.matrix(pixels)
    scale = region.size / pixels
    if scale > 1.05:
        height, width = image.shape[:2]
        size = (max(1, round(width / scale)), max(1, round(height / scale)))
        matrix = matrix * np.array([[size[0] / width], [size[1] / height]])
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    # OpenCV puts pixel centres at whole numbers: u + 0.5 on the square's side, x + 0.5 on the picture's.
    matrix = matrix.copy()
    matrix[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, matrix, (pixels, pixels), flags=flags, borderMode=cv2.BORDER_REPLICATE)


class FaceMesh:
    """The landmark model; a context manager."""

    def __init__(self) -> None:
        hush_logs()
        from mediapipe.framework.formats import rect_pb2
        from mediapipe.python.solution_base import PacketDataType, SolutionBase

        messages: Any = rect_pb2  # its classes are made at run time
        self._whole = messages.NormalizedRect(x_center=0.5, y_center=0.5, width=1, height=1, rotation=0)
        with quiet():
            self._graph: Any = SolutionBase(
                graph_config=_GRAPH,
                outputs=["landmarks", _SCORE],
                stream_type_hints={
                    "image": PacketDataType.IMAGE_FRAME,
                    "region": PacketDataType.PROTO,
                    "landmarks": PacketDataType.PROTO,
                    _SCORE: PacketDataType.FLOAT,
                },
            )
            # The notes of a graph come with its first picture.
            self._run(np.zeros((INPUT, INPUT, 3), np.uint8))

    def __enter__(self) -> "FaceMesh":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._graph.close()

    def _run(self, square: np.ndarray) -> tuple[np.ndarray, float] | None:
        result = self._graph.process({"image": square, "region": self._whole})
        if result.landmarks is None:
            return None
        points = np.array([(point.x, point.y, point.z) for point in result.landmarks.landmark]) * INPUT
        return points, float(getattr(result, _SCORE))

    def __call__(self, image: np.ndarray, region: Region) -> tuple[np.ndarray, float] | None:
        """Landmarks of the face in a square of a picture.

        Args:
            image: (h, w, 3) uint8 sRGB.
            region: the square.

        Returns:
            (478, 3) float64 x, y in px of `image` with pixel centres at +0.5 and z in the same scale, and the presence
            score from 0.5 to 1; None when the model sees no face.
        """
        found = self._run(cut_square(image, region))
        if found is None:
            return None
        points, score = found
        matrix = region.matrix(INPUT)
        flat = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        return np.column_stack([flat, points[:, 2] * region.size / INPUT]), score
