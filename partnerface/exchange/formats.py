"""Which program left a folder, told by its keys, and the reader of each."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from partnerface.errors import InputError
from partnerface.exchange import imavatar, insta, metrical, nerfstudio, own, vhap
from partnerface.exchange.files import read_json
from partnerface.exchange.frame_file import read_frame
from partnerface.exchange.recording import Recording

#: Formats that are read: name → what it is.
FORMATS = {
    metrical.NAME: "output of metrical-tracker: checkpoint/*.frame and pictures",
    insta.NAME: "data folder of INSTA: transforms*.json in OpenCV's axes",
    imavatar.NAME: "folder of IMavatar, PointAvatar, FLARE, SplattingAvatar: flame_params.json",
    vhap.NAME: "export of VHAP for GaussianAvatars: transforms.json and flame_param/*.npz",
    nerfstudio.NAME: "nerfstudio's transforms.json: pictures and cameras",
}
_AGAIN = "import its pictures as a clip: `partnerface run FOLDER_OF_PICTURES`"


def detect(folder: Path) -> str:
    """The format of a folder.

    Raises:
        InputError: there is no such folder, it is of a program that is known and not read, or of none that is known.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; give the folder that the other program wrote")
    if (folder / insta.WHOLE).is_file() or (folder / insta.PARTS[0]).is_file():
        return _of_transforms(*insta.listed(folder))
    if files := imavatar.clip_files(folder):
        frame = (read_json(files[0]).get("frames") or [{}])[0]
        if isinstance(frame, dict) and "world_mat" in frame:
            return imavatar.NAME
    if frames := metrical.frame_files(folder):
        path = next(iter(frames.values()))
        metrical.require(read_frame(path), path)
        return metrical.NAME
    raise InputError(
        f"{folder} holds none of transforms.json, {imavatar.FILE} and *.frame; known formats: {', '.join(FORMATS)}"
    )


def _of_transforms(path: Path, data: dict, frames: list[dict]) -> str:
    frame = frames[0]
    if "expression" in frame:
        raise InputError(f"{path} is NerFace's: its 76 expression codes are not a head model's; {_AGAIN}")
    if "exp_ori" in frame or "img_id" in frame:
        raise InputError(f"{path} is NeRFBlendShape's or AD-NeRF's: its codes are not a head model's; {_AGAIN}")
    if "flame_param_path" in frame or "timestep_index" in frame:
        return vhap.NAME  # before INSTA: exported as meshes it has INSTA's keys, in other axes
    if own.is_ours(data) and "applied_transform" in data:
        return nerfstudio.NAME
    if "exp_path" in frame or "mesh_path" in frame or "seg_mask_path" in frame:
        return insta.NAME
    return nerfstudio.NAME


def read(folder: Path, name: str = "auto", camera: str | None = None) -> Recording:
    """Read a folder of another program.

    Args:
        folder: what it wrote.
        name: a name of `FORMATS`, or `auto` to tell it by the keys.
        camera: which one, where a format has several.

    Raises:
        InputError: it can't be read; one line says why.
    """
    folder = Path(folder)
    name = detect(folder) if name == "auto" else name
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; give the folder that the other program wrote")
    readers: dict[str, Callable[[Path], Recording]] = {
        metrical.NAME: metrical.read_metrical,
        insta.NAME: insta.read_insta,
        imavatar.NAME: imavatar.read_imavatar,
        vhap.NAME: partial(vhap.read_vhap, camera=camera),
        nerfstudio.NAME: nerfstudio.read_nerfstudio,
    }
    return readers[name](folder).checked()
