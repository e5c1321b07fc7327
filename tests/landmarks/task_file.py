"""A face_landmarker.task put together from the models that MediaPipe's wheel bundles.

Google's own file is not at hand offline. It is an archive of three models with metadata: a face detector, which the
wheel has; a landmark model with 478 points in its first output and the presence in its second, which the wheel's
attention model becomes by joining its 468 surface points with its two times five iris points (at depth 0; its refined
eyes and lips are left out); and a model of 52 blendshapes, for which the wheel has none. In its place stands one that
answers `score(k)` for the k-th whatever it is shown, so that names, order and storing can be tested, but not Google's
numbers.
"""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

NEUTRAL_INPUTS = 146


def score(index: int) -> float:
    """What the stand-in for the blendshape model answers."""
    return (index + 1) / 60


def write_task(path: Path, blendshapes: bool = True) -> Path:
    """Write the file, with or without the third model."""
    import mediapipe

    modules = Path(mediapipe.__file__).parent / "modules"
    detector = (modules / "face_detection" / "face_detection_short_range.tflite").read_bytes()
    mesh = (modules / "face_landmark" / "face_landmark_with_attention.tflite").read_bytes()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("face_detector.tflite", with_metadata(detector, -1.0, 1.0))
        archive.writestr("face_landmarks_detector.tflite", with_metadata(joined(mesh), 0.0, 1.0))
        if blendshapes:
            archive.writestr("face_blendshapes.tflite", constant_scores())
    return path


def with_metadata(model: bytes, low: float, high: float) -> bytes:
    """A model that says that its input is RGB with values from `low` to `high`, as the Tasks API wants to know."""
    import flatbuffers
    from mediapipe.tasks.metadata import metadata_schema_py_generated as schema
    from mediapipe.tasks.metadata import schema_py_generated as tflite
    from mediapipe.tasks.python.metadata.metadata import MetadataPopulator

    scale = 255 / (high - low)
    options = schema.NormalizationOptionsT()
    options.mean, options.std = [-low * scale], [scale]
    unit = schema.ProcessUnitT()
    unit.optionsType, unit.options = schema.ProcessUnitOptions.NormalizationOptions, options
    image = schema.ImagePropertiesT()
    image.colorSpace = schema.ColorSpaceType.RGB
    content = schema.ContentT()
    content.contentPropertiesType, content.contentProperties = schema.ContentProperties.ImageProperties, image
    taken = schema.TensorMetadataT()
    taken.processUnits, taken.content = [unit], content
    graph = schema.SubGraphMetadataT()
    graph.inputTensorMetadata = [taken]
    outputs = len(tflite.ModelT.InitFromPackedBuf(model, 0).subgraphs[0].outputs)
    graph.outputTensorMetadata = [schema.TensorMetadataT() for _ in range(outputs)]
    metadata = schema.ModelMetadataT()
    metadata.subgraphMetadata = [graph]
    builder = flatbuffers.Builder(0)
    builder.Finish(metadata.Pack(builder), b"M001")
    populator = MetadataPopulator.with_model_buffer(model)
    populator.load_metadata_buffer(bytearray(builder.Output()))
    populator.populate()
    return bytes(populator.get_model_buffer())


class Surgery:
    """A TFLite model as objects, to which tensors and operators are added.

    Args:
        model: the model to open; None begins an empty one.
    """

    def __init__(self, model: bytes | None):
        from mediapipe.tasks.metadata import schema_py_generated as tflite

        self.tflite = tflite
        if model is not None:
            self.model = tflite.ModelT.InitFromPackedBuf(model, 0)
            self.graph = self.model.subgraphs[0]
            return
        self.model, self.graph = tflite.ModelT(), tflite.SubGraphT()
        self.model.version, self.model.subgraphs, self.model.operatorCodes = 3, [self.graph], []
        self.model.buffers = [tflite.BufferT()]
        self.graph.tensors, self.graph.operators = [], []

    def tensor(self, name: str, shape: list[int], values: np.ndarray | None = None) -> int:
        """Add a tensor, constant where it has values."""
        one = self.tflite.TensorT()
        kind = self.tflite.TensorType.INT32 if values is not None and values.dtype == np.int32 else 0
        one.name, one.shape, one.type, one.buffer = name, shape, kind, 0
        if values is not None:
            buffer: Any = self.tflite.BufferT()  # its types are written for reading
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            one.buffer = len(self.model.buffers) - 1
        self.graph.tensors.append(one)
        return len(self.graph.tensors) - 1

    def operator(self, kind: str, inputs: list[int], output: int, options: object = None, of: str = "") -> int:
        """Add an operator by its name in the schema; returns its output."""
        number = getattr(self.tflite.BuiltinOperator, kind)
        code = self.tflite.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), 1
        self.model.operatorCodes.append(code)
        one: Any = self.tflite.OperatorT()
        one.opcodeIndex, one.inputs, one.outputs = len(self.model.operatorCodes) - 1, inputs, [output]
        if of:
            one.builtinOptionsType, one.builtinOptions = getattr(self.tflite.BuiltinOptions, of), options
        self.graph.operators.append(one)
        return output

    def done(self) -> bytes:
        """The model's bytes."""
        import flatbuffers

        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def joined(model: bytes) -> bytes:
    """The attention model with two outputs: its points in one list, and the presence."""
    work = Surgery(model)
    graph: Any = work.graph
    named = {graph.tensors[i].name.decode(): i for i in graph.outputs}
    parts = [named["output_mesh_identity"]]
    for side in ("left", "right"):
        flat = named[f"output_{side}_iris"]  # x, y of five points
        apart = work.tensor(f"{side}_apart", [1, 1, 5, 2])
        padded = work.tensor(f"{side}_padded", [1, 1, 5, 3])
        again = work.tensor(f"{side}_again", [1, 1, 1, 15])
        split = work.tensor(f"{side}_split", [4], np.array([1, 1, 5, 2], np.int32))
        edges = work.tensor(f"{side}_edges", [4, 2], np.array([0, 0] * 3 + [0, 1], np.int32))
        merge = work.tensor(f"{side}_merge", [4], np.array([1, 1, 1, 15], np.int32))
        work.operator("RESHAPE", [flat, split], apart)
        work.operator("PAD", [apart, edges], padded)
        parts.append(work.operator("RESHAPE", [padded, merge], again))
    options = work.tflite.ConcatenationOptionsT()
    options.axis = 3
    points = work.tensor("points", [1, 1, 1, 1434])
    work.operator("CONCATENATION", parts, points, options, "ConcatenationOptions")
    graph.outputs = [points, named["conv_faceflag"]]
    return work.done()


def constant_scores() -> bytes:
    """A model of 146 points x 2 to 52 scores, which answers `score(k)`: a dense layer without weights."""
    work = Surgery(None)
    work.graph.inputs = [work.tensor("points", [1, NEUTRAL_INPUTS, 2])]
    flat = work.tensor("flat", [1, 2 * NEUTRAL_INPUTS])
    shape = work.tensor("shape", [2], np.array([1, 2 * NEUTRAL_INPUTS], np.int32))
    work.operator("RESHAPE", [work.graph.inputs[0], shape], flat)
    weights = work.tensor("weights", [52, 2 * NEUTRAL_INPUTS], np.zeros((52, 2 * NEUTRAL_INPUTS), np.float32))
    bias = work.tensor("bias", [52], np.array([score(k) for k in range(52)], np.float32))
    out = work.tensor("scores", [1, 52])
    work.operator(
        "FULLY_CONNECTED", [flat, weights, bias], out, work.tflite.FullyConnectedOptionsT(), "FullyConnectedOptions"
    )
    work.graph.outputs = [out]
    return work.done()
