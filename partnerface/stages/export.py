"""The command `partnerface export`: a tracked subject as other programs read it. It is no stage of the road."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from partnerface.conventions import MASK_POLICIES
from partnerface.errors import ArtefactError, InputError

if TYPE_CHECKING:
    from partnerface.exchange.ours import Ours

DESCRIPTION = """\
Write a subject's frames, masks, cameras and head as another program's data folder. Reads what the stages frames,
tracking and parsing left in SUBJECT_DIR; writes a new folder, whole or not at all.

  insta        images (RGBA, straight alpha), seg_mask, depth, meshes, canonical.obj, flame/, transforms*.json
  imavatar     image, mask, semantic and flame_params.json for train and test; also of PointAvatar, SplattingAvatar
  nerfstudio   images (RGBA) and transforms.json, a camera that moves round a head that stands still
"""
EPILOG = """\
examples:
  partnerface export results/me --format insta -o ~/data/insta/me
  partnerface export results/me --format imavatar -o ~/data/imavatar --test 200
  partnerface export results/me --format nerfstudio -o ~/data/me --mask-policy head

Codes belong to the head that was tracked with: of the built-in head they are no FLAME codes, which the JSON says, too.
docs/formats.md says for each format which keys and axes it has, what is kept and what is lost.
"""
FORMATS = ("insta", "imavatar", "nerfstudio")
#: INSTA's number of test frames; of shorter clips it is this share.
TEST_FRAMES, TEST_SHARE = 350, 0.2


def parser() -> argparse.ArgumentParser:
    """The command line of `partnerface export`."""
    made = argparse.ArgumentParser(
        prog="partnerface export",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("subject_dir", type=Path, metavar="SUBJECT_DIR", help="results/<subject>, tracked and parsed")
    made.add_argument("--format", required=True, choices=FORMATS, help="whose data folder to write")
    made.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder to make; must be new")
    made.add_argument(
        "--mask-policy", choices=list(MASK_POLICIES), default="head+neck", help="what the alpha keeps [head+neck]"
    )
    made.add_argument(
        "--test",
        type=int,
        metavar="N",
        help=f"held-out frames at the end [{TEST_FRAMES} as INSTA does, of short clips a fifth]",
    )
    made.add_argument(
        "--no-meshes", action="store_true", help="insta: without meshes/ and depth/, which take most time"
    )
    return made


def main(argv: Sequence[str]) -> int:
    """Run the command; see `partnerface.cli.main` for what it returns and how errors are told."""
    args = parser().parse_args(argv)
    output = args.output.expanduser()
    ours = tracked_subject(args.subject_dir.expanduser(), args.mask_policy, args.test)
    notes = write(ours, args.format, output, not args.no_meshes)
    if not ours.head.name.startswith("flame"):
        notes.append(
            f"the codes are of the head model {ours.head.name}, not FLAME's: programs that pose FLAME with them get "
            "another face; head.npz lies beside them"
        )
    for note in notes:
        print(f"export: {note}", file=sys.stderr)
    print(f"{len(ours)} frames of {ours.name} in {output}")
    return 0


def write(ours: "Ours", name: str, output: Path, with_meshes: bool) -> list[str]:
    """Write a data folder; returns what was lost, a sentence each.

    Raises:
        InputError: `output` is there already or can't be written.
    """
    import numpy as np

    from partnerface.exchange.ours import new_folder
    from partnerface.exchange.write_imavatar import write_imavatar
    from partnerface.exchange.write_insta import write_insta
    from partnerface.exchange.write_nerfstudio import write_nerfstudio
    from partnerface.progress import Progress

    with new_folder(output) as folder:
        bar = Progress("export", len(ours))
        if name == "insta":
            notes = write_insta(ours, folder, with_meshes, bar.step)
        elif name == "imavatar":
            notes = write_imavatar(ours, folder, bar.step)
        else:
            notes = write_nerfstudio(ours, folder, bar.step)
        if not ours.head.name.startswith("flame"):  # FLAME itself may not be handed on
            np.savez(folder / "head.npz", **ours.head.arrays())  # type: ignore[arg-type]
    return notes


def tracked_subject(root: Path, policy: str, test: int | None) -> "Ours":
    """A subject as the writers see it; frames whose pose was only bridged are left out.

    Raises:
        ArtefactError: a file is missing, damaged, or of another run than the rest.
        InputError: more frames are to be held out than there are.
    """
    import numpy as np

    from partnerface.artefacts import SubjectFolder, read_json, read_npz
    from partnerface.artefacts.arrays import open_npy
    from partnerface.conventions import PARAMETER_NAMES
    from partnerface.exchange.ours import Ours, Picture
    from partnerface.head.model import HeadModel
    from partnerface.parsing.policy import policy_alpha

    folder = SubjectFolder(root)
    if not root.is_dir():
        raise InputError(f"{root} is no folder; give results/<subject>")
    camera, tracking = read_json(folder.camera, "frames"), read_npz(folder.tracking, "tracking")
    frames, head = open_npy(folder.frames, "frames"), HeadModel.load(folder.head)
    alpha, classes = open_npy(folder.alpha, "parsing"), open_npy(folder.classes, "parsing")
    if len({len(frames), len(alpha), len(classes), len(camera["kept"]), len(tracking["translation"])}) > 1:
        raise ArtefactError(
            f"{root}: frames, tracking and masks have different numbers of frames; run `partnerface tracking` and "
            "`partnerface parsing` again"
        )
    kept = np.flatnonzero(~np.asarray(tracking["bridged"], bool))
    held = min(TEST_FRAMES, round(TEST_SHARE * len(kept))) if test is None else test
    if not 0 <= held < len(kept):
        raise InputError(f"--test is {held}, the clip has {len(kept)} frames; hold out fewer")

    def picture(k: int) -> Picture:
        index = int(kept[k])
        return Picture(frames[index], policy_alpha(alpha[index], classes[index], policy), classes[index])

    if len(np.unique(tracking["focal"][kept])) > 1:
        raise InputError(
            f"the clips of {folder.name} have focal lengths of their own, the formats one; export a subject of one clip"
        )
    values = {name: np.asarray(tracking[name], np.float64) for name in PARAMETER_NAMES}
    return Ours(
        name=folder.name,
        numbers=np.array(camera["kept"])[kept],
        fps=float(camera["fps"]),
        size=int(tracking["image_size"]),
        focal=float(tracking["focal"][kept][0]),
        principal_point=np.asarray(tracking["principal_point"], np.float64)[kept],
        tracking={name: value if name == "shape" else value[kept] for name, value in values.items()},
        head=head,
        picture=picture,
        held_out=held,
    )
