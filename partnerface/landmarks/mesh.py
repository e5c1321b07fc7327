"""MediaPipe's face mesh with irises (478 points), run on squares that we cut ourselves.

MediaPipe's own road from picture to model samples the square bilinearly without a low-pass, and counts the picture's
pixel centres at +0 but the model's at +0.5, which shifts every landmark by (scale - 1) / 2 px, where scale is the
number of picture pixels per model pixel. Cutting the square here, with an area filter and +0.5 on both sides, removes
the shift and part of the trembling; the model then sees a picture that it need not resample. The model's own x, y in
px of its input are then positions with pixel centres at +0.5.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import Any

import numpy as np

from partnerface.errors import PartNerFaceError
from partnerface.landmarks.cut import cut_squares
from partnerface.landmarks.look import Look, to_picture
from partnerface.landmarks.region import Region
from partnerface.quiet import hush_logs, quiet

POINTS = 478
#: Edge of the model's input, px.
INPUT = 192

# The points leave the graph as one list of floats, in px of the input: turning MediaPipe's message of 478 points into
# an array in Python takes a tenth of the model's own time.
_GRAPH = """
input_stream: "image"
input_stream: "region"
output_stream: "points"
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
node { calculator: "ImagePropertiesCalculator" input_stream: "IMAGE:image" output_stream: "SIZE:size" }
node {
  calculator: "LandmarksToTensorCalculator"
  input_stream: "NORM_LANDMARKS:landmarks"
  input_stream: "IMAGE_SIZE:size"
  output_stream: "TENSORS:tensors"
  node_options {
    [type.googleapis.com/mediapipe.LandmarksToTensorCalculatorOptions] {
      attributes: X attributes: Y attributes: Z flatten: true
    }
  }
}
node { calculator: "TensorsToFloatsCalculator" input_stream: "TENSORS:tensors" output_stream: "FLOATS:points" }
"""
#: The score that the graph tests against 0.5 before it lets landmarks through; inner streams carry their node's name.
_SCORE = "facelandmarkcpu__face_presence_score"
#: What to do where MediaPipe no longer brings its models along (its graph API was removed in 0.10.30 or so).
_MEND = (
    "install mediapipe==0.10.21, which bundles its models, or set landmarks.task_file to Google's face_landmarker.task"
)


class FaceMesh:
    """The landmark model that the wheel bundles; a context manager.

    Raises:
        PartNerFaceError: this version of MediaPipe has no bundled models.
    """

    blendshape_names: tuple[str, ...] = ()

    def __init__(self) -> None:
        hush_logs()
        try:
            from mediapipe.framework.formats import rect_pb2
            from mediapipe.python.solution_base import PacketDataType, SolutionBase
        except ImportError:
            raise PartNerFaceError(f"{_version()} has no bundled face mesh; {_MEND}") from None

        messages: Any = rect_pb2  # its classes are made at run time
        self._whole = messages.NormalizedRect(x_center=0.5, y_center=0.5, width=1, height=1, rotation=0)
        with quiet():
            self._graph: Any = SolutionBase(
                graph_config=_GRAPH,
                outputs=["points", _SCORE],
                stream_type_hints={
                    "image": PacketDataType.IMAGE_FRAME,
                    "region": PacketDataType.PROTO,
                    "points": PacketDataType.FLOAT_LIST,
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
        if result.points is None:
            return None
        return np.array(result.points).reshape(POINTS, 3), float(getattr(result, _SCORE))

    def looks(self, image: np.ndarray, regions: Sequence[Region]) -> list[Look | None]:
        """Landmarks of the face in each of some squares of a picture; see `Reader.looks`.

        The score is the model's presence score, from 0.5 to 1; below that there is no answer.
        """
        answers: list[Look | None] = []
        for region, square in zip(regions, cut_squares(image, regions, INPUT), strict=True):
            found = self._run(square)
            answers.append(None if found is None else Look(to_picture(found[0], region, INPUT), found[1]))
        return answers

    def __call__(self, image: np.ndarray, region: Region) -> Look | None:
        """Landmarks of the face in one square."""
        return self.looks(image, [region])[0]


def _version() -> str:
    import importlib.metadata

    try:
        return f"mediapipe {importlib.metadata.version('mediapipe')}"
    except importlib.metadata.PackageNotFoundError:
        return "mediapipe is not installed; this environment"
