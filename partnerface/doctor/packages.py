"""Packages, loaded for real in a child process: that a wheel is there does not say that it loads."""

import importlib.metadata
import subprocess
import sys
from dataclasses import dataclass

from partnerface.doctor.finding import Finding
from partnerface.errors import PartNerFaceError

#: Import name → (distribution, what it is for).
NEEDED = {
    "numpy": ("numpy", "everything"),
    "pandas": ("pandas", "tables"),
    "yaml": ("pyyaml", "config.yaml"),
    "safetensors": ("safetensors", "avatars"),
    "tqdm": ("tqdm", "progress"),
    "torch": ("torch", "training and rendering"),
    "scipy": ("scipy", "tracking"),
    "skimage": ("scikit-image", "the demo clip"),
    "PIL": ("pillow", "picture sheets"),
    "ffmpeg": ("ffmpeg-python", "videos"),
    "imageio_ffmpeg": ("imageio-ffmpeg", "videos"),
    "cv2": ("opencv-contrib-python", "frames and landmarks"),
    "mediapipe": ("mediapipe", "landmarks and masks"),
    "jinja2": ("jinja2", "the report"),
    "matplotlib": ("matplotlib", "the report"),
    "snakemake": ("snakemake", "the workflow"),
}
#: System libraries that wheels lean on, and the Debian package that brings each.
LIBRARIES = {
    "libGL.so": "libgl1",
    "libGLESv2.so": "libgles2",
    "libEGL.so": "libegl1",
    "libglib-2.0.so": "libglib2.0-0",
    "libgthread-2.0.so": "libglib2.0-0",
    "libSM.so": "libsm6",
    "libXext.so": "libxext6",
}


@dataclass(frozen=True)
class Loaded:
    """The outcome of one import: its version, or what went wrong."""

    name: str
    version: str
    trouble: str


def packages() -> list[Finding]:
    """One finding for all that load, and one for each that doesn't."""
    loaded = [load(name) for name in NEEDED]
    good = ", ".join(f"{NEEDED[item.name][0]} {item.version}" for item in loaded if not item.trouble)
    findings = [Finding("packages", good or "none")]
    for item in loaded:
        if item.trouble:
            distribution, use = NEEDED[item.name]
            findings.append(
                Finding("packages", f"{distribution}: {item.trouble}", cure(distribution, use, item.trouble))
            )
    return findings


def load(name: str) -> Loaded:
    """Import a module in a child process."""
    distribution = NEEDED[name][0]
    try:
        version = importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return Loaded(name, "", "not installed")
    try:
        done = subprocess.run(
            [sys.executable, "-c", f"import {name}"], capture_output=True, text=True, errors="replace", timeout=300
        )
    except subprocess.SubprocessError as error:
        return Loaded(name, version, f"does not load ({error})")
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return Loaded(name, version, f"does not load ({lines[-1] if lines else f'status {done.returncode}'})")
    return Loaded(name, version, "")


def cure(distribution: str, use: str, trouble: str) -> str:
    """How to mend a package that is missing or does not load."""
    for library, debian in LIBRARIES.items():
        if library in trouble:
            return f"{distribution} (for {use}) misses the system's {library}; on Debian: apt install {debian}"
    return f"{distribution} (for {use}) is missing or broken; `make env` installs it"


def ffmpeg() -> Finding:
    """The ffmpeg that the stages use."""
    try:
        from partnerface.video.program import ffmpeg_path

        path = ffmpeg_path()
    except ImportError as error:
        return Finding("ffmpeg", f"not to be used: {error}", "the packages of the video stages are missing; `make env`")
    except PartNerFaceError as error:
        return Finding("ffmpeg", "none", str(error))
    said = subprocess.run([path, "-version"], capture_output=True, text=True, errors="replace").stdout
    return Finding("ffmpeg", f"{said.partition(' Copyright')[0].strip()} at {path}")
