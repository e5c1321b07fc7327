"""Stage frames: from a video to the square, cropped frames of one face."""

import argparse
from pathlib import Path

from partnerface.config.settings import FramesSettings

HELP = (
    "reads a video, writes frames.npy (square crops around the head, one steady crop for the whole clip), frames.csv "
    "(every source frame with its time and why it was dropped), frames.json (crop and rate) and frames.jpg "
    "(contact sheet)"
)
SETTINGS = FramesSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `partnerface frames`."""
    parser.add_argument("video", type=Path, metavar="VIDEO", help="the clip: one person, face in view")
    parser.add_argument("subject_dir", type=Path, metavar="SUBJECT_DIR", help="results/<subject>")


def run(args: argparse.Namespace, settings: FramesSettings) -> None:
    """Decode, follow the face, crop, store."""
    import dataclasses

    from partnerface.artefacts import SubjectFolder, write, write_json
    from partnerface.artefacts.arrays import npy_writer
    from partnerface.video.extract import cut, describe, index_table, stored_size
    from partnerface.video.ffmpeg import probe
    from partnerface.video.sheet import contact_sheet, save_jpeg
    from partnerface.video.survey import require_enough, survey

    folder, video, stage = SubjectFolder(args.subject_dir), Path(args.video), "frames"
    info = probe(video)
    seen = survey(
        video, info, settings.start, settings.end, settings.max_frames, settings.detect_size, settings.min_score
    )
    require_enough(video, seen.status, settings.min_kept, settings.min_kept_fraction)
    size, params = stored_size(seen.crop, settings.size), dataclasses.asdict(settings)
    with (
        write(folder.frames, stage, [video], params) as path,
        npy_writer(path, (len(seen.kept), size, size, 3), "uint8") as append,
    ):
        for image in cut(video, info, seen, size):
            append(image)
    with write(folder.frame_index, stage, [video], params) as path:
        path.write_text(index_table(seen))
    with write(folder.contact_sheet, stage, [video], params) as path:
        save_jpeg(str(path), contact_sheet(seen.thumbnails, seen.status, seen.number, seen.crop, info.width))
    write_json(folder.camera, describe(video, info, seen, size), stage, [video], **params)
