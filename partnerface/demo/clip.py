"""The demo clip: frames, true parameters and a quiet tone."""

import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from partnerface.conventions import CLASS_NAMES, FACING_CAMERA, JOINT_NAMES
from partnerface.demo.hair import hair_offset
from partnerface.demo.motion import FPS, FRAMES, make_motion
from partnerface.demo.portrait import fit_head, load_portrait
from partnerface.demo.surface import Surface, eye_colour, paint_head, torso
from partnerface.geometry.camera import project
from partnerface.geometry.mesh import vertex_normals
from partnerface.geometry.rasterize import rasterize
from partnerface.head.builtin import builtin_head, builtin_parts
from partnerface.head.builtin.parts import IRIS_RADIUS
from partnerface.head.builtin.skin import EYEBALL_RADIUS
from partnerface.head.model import HeadModel

SIZE = 320
FOCAL_WIDTHS = 1.6  # focal length in widths of the image
DISTANCE = 0.60  # from the camera to the head, metres
SUPERSAMPLE = 2
LIGHT = np.array([-0.35, -0.55, -0.76])  # towards the light, camera axes
AMBIENT = 0.72
PLAIN_LIGHT = 0.90  # under which painted colours are meant
TOP, BOTTOM = np.array([0.66, 0.70, 0.74]), np.array([0.56, 0.60, 0.65])  # of the background
TONE_HZ, TONE_LEVEL, SAMPLE_RATE = 220.0, 0.02, 48000


@dataclass
class Demo:
    """All that the clip is drawn from.

    Attributes:
        head: the built-in head without hair.
        parameters: the truth, under FLAME's names; `offset` (V, 3) is the hair.
        vertices: (N, V, 3) camera space, metres.
        landmarks: (N, 478, 2) px, where MediaPipe's points truly are.
    """

    head: HeadModel
    parameters: dict[str, np.ndarray]
    vertices: np.ndarray
    landmarks: np.ndarray
    rest: np.ndarray
    surface: Surface
    joints: np.ndarray


def _posed(head: HeadModel, parameters: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Posed vertices (N, V, 3), rest vertices (V, 3) and rest joints (5, 3), float64."""
    import torch

    from partnerface.conventions import PARAMETER_NAMES
    from partnerface.head.skinning import head_tensors, pose_head

    given = {name: torch.as_tensor(parameters[name], dtype=torch.float64) for name in PARAMETER_NAMES}
    posed = pose_head(head_tensors(head, dtype=torch.float64), **given)
    return posed.vertices.numpy(), posed.rest.numpy(), posed.joints.numpy()


def _orient(turns: np.ndarray) -> np.ndarray:
    """Axis-angle (N, 3) of a head that faces the camera and turns by pitch, yaw, roll about its own axes."""
    import torch

    from partnerface.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle

    facing = torch.tensor(FACING_CAMERA, dtype=torch.float64)
    own = [axis_angle_to_matrix(torch.as_tensor(turns[:, i : i + 1] * np.eye(3)[i])) for i in range(3)]
    # Yaw first from outside, then pitch, then roll.
    matrix = axis_angle_to_matrix(facing) @ own[1] @ own[0] @ own[2]
    return matrix_to_axis_angle(matrix, near=facing).numpy()


def make_demo(frames: int = FRAMES) -> Demo:
    """Fit the head to the portrait and pose it in every frame. Some ten seconds."""
    head, portrait = builtin_head(), load_portrait()
    fit = fit_head(head, portrait)
    single = {**vars(fit), "neck_pose": np.zeros((1, 3))}
    bare, _, _ = _posed(head, single)
    rotation = _rotation(fit.global_orient[0])
    offset = hair_offset(head, bare[0], rotation, portrait)
    haired = head.with_offset(offset)
    surface = paint_head(haired, _posed(haired, single)[0][0], portrait)
    # The portrait's own light is kept: normals are turned to how the head faces the camera there.
    motion = make_motion(head, frames)
    parameters = {**motion, "shape": fit.shape, "global_orient": _orient(motion["global_orient"])}
    # At rest the middle of the face stands on the optical axis, a little above the image's middle.
    still = {name: value[:1] * 0 for name, value in motion.items()}
    still |= {"shape": fit.shape, "global_orient": np.array([FACING_CAMERA])}
    face = _posed(haired, still)[0][0][[10, 152, 234, 454]].mean(0)
    parameters["translation"] = motion["translation"] + [0, 0.004, DISTANCE] - face
    parameters = {name: value.astype(np.float32) for name, value in parameters.items()}
    vertices, rest, joints = _posed(haired, parameters)
    focal, middle = FOCAL_WIDTHS * SIZE, (SIZE / 2, SIZE / 2)
    marks = (vertices[:, head.mediapipe_faces] * head.mediapipe_weights[..., None]).sum(2)
    parameters |= {
        "focal": np.full(frames, focal, dtype=np.float32),
        "image_size": np.array(SIZE, dtype=np.int64),
        "principal_point": np.array(middle, dtype=np.float32),
        "fps": np.array(FPS, dtype=np.float32),
        "head_name": np.array(head.name),
        "offset": offset,
    }
    return Demo(head, parameters, vertices, project(marks, focal, middle), rest, surface, joints)


def _rotation(axis_angle: np.ndarray) -> np.ndarray:
    import torch

    from partnerface.geometry.rotations import axis_angle_to_matrix

    return axis_angle_to_matrix(torch.as_tensor(axis_angle)).numpy()


def truth(demo: Demo) -> dict[str, np.ndarray]:
    """What goes into truth.npz: the tracking's names and the projected landmarks."""
    return {**demo.parameters, "landmarks_px": demo.landmarks.astype(np.float32)}


def draw(demo: Demo) -> Iterator[np.ndarray]:
    """The frames (SIZE, SIZE, 3) uint8 sRGB, one after the other."""
    import cv2

    head, surface = demo.head, demo.surface
    body, body_faces, body_colour = torso(demo.joints[0])
    count = head.n_vertices
    faces = np.concatenate([head.faces, body_faces + count])
    trust = np.concatenate([surface.trust, np.zeros(len(body))])
    colour = np.concatenate([surface.colour, body_colour])
    uv = np.concatenate([surface.uv, np.zeros((len(body), 2))])
    eyes = _eye_directions(demo)
    flat = np.concatenate([head.regions == CLASS_NAMES.index("eyes"), np.zeros(len(body), dtype=bool)])
    # What light the portrait held already is divided out.
    held = np.concatenate([_shade(surface.lit_normal), np.ones(len(body))])
    held[trust == 0] = PLAIN_LIGHT
    size = SIZE * SUPERSAMPLE
    focal, middle = FOCAL_WIDTHS * size, (size / 2, size / 2)
    ramp = np.linspace(0, 1, size)[:, None, None]
    background = np.broadcast_to(TOP + (BOTTOM - TOP) * ramp, (size, size, 3)).astype(np.float32)
    facing = _rotation(np.array(FACING_CAMERA))
    for frame, vertices in enumerate(demo.vertices):
        place = body @ facing.T + demo.parameters["translation"][frame]
        place = place + (demo.joints[0] - facing @ demo.joints[0])
        points = np.concatenate([vertices, place])
        face_id, weights, _ = rasterize(project(points, focal, middle), points[:, 2], faces, size, size, cull=True)
        normals = vertex_normals(points, faces)
        light = _shade(normals) / held
        values = np.concatenate([uv, trust[:, None], colour, light[:, None], eyes, flat[:, None]], 1).astype(np.float32)
        hit = face_id >= 0
        corners, shares = faces[face_id[hit]], weights[hit]
        found = np.zeros((len(corners), values.shape[1]), dtype=np.float32)
        for corner in range(3):
            found += values[corners[:, corner]] * shares[:, corner : corner + 1]
        place_uv = np.zeros((2, size, size), dtype=np.float32)
        place_uv[:, hit] = found[:, :2].T - 0.5
        place_u, place_v = place_uv
        texture = cv2.remap(surface.texture, place_u, place_v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[hit]
        shown = found[:, 2:3] * texture + (1 - found[:, 2:3]) * found[:, 3:6]
        shown *= found[:, 6:7]
        is_eye = found[:, 10] > 0.99
        shown[is_eye] = _eye_pixels(found[is_eye, 7:10])
        image = background.copy()
        image[hit] = shown
        image = cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
        yield (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)


def _shade(normals: np.ndarray) -> np.ndarray:
    return AMBIENT + (1 - AMBIENT) * np.clip(normals @ LIGHT / np.linalg.norm(LIGHT), 0, 1)


def _eye_directions(demo: Demo) -> np.ndarray:
    """(V + body, 3) rest-space directions from the eyeballs' centres; zero for other vertices."""
    body = len(torso(demo.joints[0])[0])
    out = np.zeros((demo.head.n_vertices + body, 3))
    for name, ids in builtin_parts().items():
        if name in ("left_eye", "right_eye"):
            out[ids] = demo.rest[ids] - demo.joints[JOINT_NAMES.index(name)]
    return out


def _eye_pixels(offsets: np.ndarray) -> np.ndarray:
    direction = offsets / np.maximum(np.linalg.norm(offsets, axis=1, keepdims=True), 1e-9)
    return eye_colour(direction, float(np.arcsin(IRIS_RADIUS / EYEBALL_RADIUS)))


def write_tone(path: Path, seconds: float) -> None:
    """A quiet sine tone as 16-bit mono WAV."""
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    samples = (TONE_LEVEL * 32767 * np.sin(2 * np.pi * TONE_HZ * time)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.tobytes())
