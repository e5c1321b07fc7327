"""Stage frames: from the videos of a subject to the square, cropped frames of one face."""

import argparse
from pathlib import Path

from partnerface.config.settings import FramesSettings

HELP = (
    "reads one or several videos (or folders of pictures) of a person, writes frames.npy (square crops around the "
    "head, one steady crop for a whole clip), frames.csv (every source frame with its time and why it was dropped), "
    "frames.json (crops, rates, people and scene cuts), frames.jpg (contact sheet) and sound.m4a (their sound)"
)
SETTINGS = FramesSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `partnerface frames`."""
    parser.add_argument("video", type=Path, metavar="VIDEO", nargs="+", help="a clip of the person, face in view")
    parser.add_argument("subject_dir", type=Path, metavar="SUBJECT_DIR", help="results/<subject>")


def run(args: argparse.Namespace, settings: FramesSettings) -> None:
    """Decode, follow the face, crop, store.

    Raises:
        InputError: a video can't be read, or too few frames can be used; then `frames.failed.jpg` shows what was seen.
    """
    import dataclasses
    import sys

    from partnerface.artefacts import SubjectFolder, write, write_json
    from partnerface.artefacts.arrays import npy_writer
    from partnerface.artefacts.files import atomic
    from partnerface.errors import InputError
    from partnerface.video.extract import arrange, cut, describe, index_table, notes, stored_size
    from partnerface.video.place import face_place
    from partnerface.video.probe import probe
    from partnerface.video.sheet import contact_tiles, save_jpeg, sheet
    from partnerface.video.sound import keep_sound
    from partnerface.video.survey import require_enough, survey

    folder, videos, stage = SubjectFolder(args.subject_dir), [Path(video) for video in args.video], "frames"
    place, infos = face_place(settings.face_at), [probe(video) for video in videos]
    surveys = [
        survey(
            video,
            info,
            settings.start,
            settings.end,
            settings.max_frames,
            settings.rate,
            # Where to look is said for the first clip; in others the person is the one largest and longest seen.
            place if number == 0 else None,
            settings.detect_size,
            settings.min_score,
            settings.tone_map,
        )
        for number, (video, info) in enumerate(zip(videos, infos, strict=True))
    ]
    clips = arrange(surveys, settings.min_sharpness, settings.rate)
    tiles = [
        tile
        for clip in clips
        for tile in contact_tiles(
            clip.seen.thumbnails, clip.status, clip.offset + clip.seen.number, clip.crop, clip.seen.info.width
        )
    ]
    name, statuses = ", ".join(str(video) for video in videos), [word for clip in clips for word in clip.status]
    try:
        require_enough(name, surveys, statuses, settings.min_kept, settings.min_kept_fraction)
    except InputError as error:
        with atomic(folder.seen_sheet) as path:
            save_jpeg(str(path), sheet(tiles))
        raise InputError(f"{error}; {folder.seen_sheet} shows what was seen") from None
    for note in notes(clips):
        print(f"frames: {note}", file=sys.stderr)
    size, params = stored_size(clips, settings.size), dataclasses.asdict(settings)
    count = sum(len(clip.kept) for clip in clips)
    with (
        write(folder.frames, stage, videos, params) as path,
        npy_writer(path, (count, size, size, 3), "uint8") as append,
    ):
        for clip in clips:
            for image in cut(clip, size, settings.tone_map):
                append(image)
    with write(folder.frame_index, stage, videos, params) as path:
        path.write_text(index_table(clips))
    with write(folder.contact_sheet, stage, videos, params) as path:
        save_jpeg(str(path), sheet(tiles))
    with write(folder.sound, stage, videos, params) as path:
        keep_sound(path, clips)
    write_json(folder.camera, describe(clips, size, settings.tone_map, settings.rate), stage, videos, **params)
    folder.seen_sheet.unlink(missing_ok=True)
