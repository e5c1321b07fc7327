"""Stage demo: a talking-head clip with known parameters, made on the spot."""

import argparse
from pathlib import Path

HELP = (
    "reads nothing; writes clip.mp4 (a talking head made from scikit-image's public-domain portrait, textured onto the "
    "built-in head, with a quiet tone) and truth.npz (its true pose, jaw, eyes, lids, expression, focal length, hair "
    "offset and projected landmarks, under the names of tracking.npz)"
)
SETTINGS = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `partnerface demo`."""
    parser.add_argument("subject_dir", type=Path, metavar="SUBJECT_DIR", help="results/<subject>")
    parser.add_argument("--frames", type=int, default=None, metavar="N", help="length of the clip, for tests [360]")


def run(args: argparse.Namespace, settings: None) -> None:
    """Make the clip and its truth; the same bytes each time on one machine."""
    import tempfile

    from partnerface.artefacts import SubjectFolder, write, write_npz
    from partnerface.errors import InputError

    if args.frames is not None and args.frames < 2:
        raise InputError(f"--frames is {args.frames}; a clip needs at least 2 frames")
    from partnerface.demo.clip import draw, make_demo, truth, write_tone
    from partnerface.demo.motion import FPS, FRAMES
    from partnerface.progress import track
    from partnerface.video.encode import encode

    folder, count = SubjectFolder(args.subject_dir), args.frames or FRAMES
    demo = make_demo(count)
    with tempfile.TemporaryDirectory() as temporary, write(folder.clip, "demo", params={"frames": count}) as path:
        tone = Path(temporary) / "tone.wav"
        write_tone(tone, count / FPS)
        encode(path, track(draw(demo), "demo", count), FPS, audio=tone, crf=14)
    write_npz(folder.truth, truth(demo), "demo", [folder.clip])
