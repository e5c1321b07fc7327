"""Alpha and classes from networks: real loading and the whole stage, on generated weights under the published names."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from partnerface.artefacts import SubjectFolder, read_npz
from partnerface.artefacts.arrays import open_npy
from partnerface.artefacts.layout import DatasetFolder
from partnerface.config.settings import DatasetSettings, ParsingSettings
from partnerface.conventions import CLASS_NAMES
from partnerface.errors import InputError
from partnerface.head.model import HeadModel
from partnerface.parsing.bisenet import CLASSES, BiSeNet, class_shares
from partnerface.parsing.classes import ParserClasses, class_source
from partnerface.parsing.matte import fill_face, keep_head
from partnerface.parsing.parse import ClipParser
from partnerface.parsing.person import MattingSource, person_source
from partnerface.parsing.posed import PosedClip
from partnerface.parsing.rvm import VideoMatting
from partnerface.parsing.weights import KNOWN
from partnerface.stages import dataset as dataset_stage
from partnerface.stages import parsing as parsing_stage
from tests.faces import portrait
from tests.parsing.generated import matting, randomise, save
from tests.parsing.subject import SIZE, write_subject

pytest.importorskip("cv2")
pytest.importorskip("mediapipe")

COUNT = 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> SubjectFolder:
    """A tracked subject that each test parses anew."""
    return write_subject(tmp_path_factory.mktemp("subjects") / "portrait", COUNT)


def parse(folder: SubjectFolder, **settings) -> tuple[np.ndarray, np.ndarray]:
    parsing_stage.run(argparse.Namespace(subject_dir=folder.root), ParsingSettings(raster_size=96, **settings))
    return np.asarray(open_npy(folder.alpha, "parsing")), np.asarray(open_npy(folder.classes, "parsing"))


def stamp(path: Path) -> dict:
    return json.loads(path.with_name(path.name + ".stamp.json").read_text())["params"]


def parser_network(favoured: str = "") -> BiSeNet:
    """A random face parser that sees several classes in the portrait, or the favoured one everywhere."""
    network = BiSeNet().eval()
    randomise(network)
    with torch.no_grad():
        picture = torch.from_numpy(portrait(512) / np.float32(255)).permute(2, 0, 1)[None]
        mean = network.conv_out.conv(network.ffm(*network.cp(picture))).mean((0, 2, 3))
        weight = network.conv_out.conv_out.weight[..., 0, 0]
        # Else the class whose weights lie best along the mean wins everywhere; what is left tells places apart.
        weight -= (weight @ mean)[:, None] * mean / mean.square().sum()
        weight *= 20
        if favoured:
            weight[list(CLASSES).index(favoured)] = 100 * mean / mean.square().sum()
    return network


def test_the_default_reads_no_weights(folder: SubjectFolder, tmp_path: Path, capsys) -> None:
    parse(folder, weights=str(tmp_path / "none"))
    for path in (folder.alpha, folder.classes, folder.masks_sheet):
        params = stamp(path)
        assert (params["alpha"], params["classes"], params["weights_read"]) == ("selfie", "head", {})
    assert "SHA-256" not in capsys.readouterr().err


@pytest.mark.parametrize(("alpha", "trunk"), [("rvm", "mobilenetv3"), ("rvm_resnet50", "resnet50")])
def test_alpha_by_matting(folder: SubjectFolder, tmp_path: Path, alpha: str, trunk: str, capsys) -> None:
    digest = save(matting(trunk), alpha, tmp_path)
    settings = ParsingSettings(alpha=alpha, weights=str(tmp_path), weights_sha256=(digest,))
    frames = open_npy(folder.frames, "frames")
    source = person_source(frames, np.zeros((COUNT, 5, 2)), np.ones(COUNT, bool), settings)
    assert isinstance(source, MattingSource)
    assert source.weights == {KNOWN[alpha].name: digest}
    made = [source.alpha(index) for index in range(COUNT)]
    # The same by hand: the network that was saved, its memory handed on from frame to frame.
    memory, network = None, matting(trunk)
    with torch.no_grad():
        for index in range(COUNT):
            picture = torch.from_numpy(frames[index] / np.float32(255)).permute(2, 0, 1)[None]
            expected, memory = network(picture, memory)
            np.testing.assert_allclose(made[index], expected[0, 0], atol=1e-5)
            assert made[index].std() > 1e-4
    # A look in between disturbs nothing, and the first frame begins anew.
    assert np.abs(source.look(COUNT - 1) - made[-1]).max() > 1e-4
    np.testing.assert_allclose(source.look(0), made[0], atol=1e-6)
    np.testing.assert_allclose(source.alpha(0), made[0], atol=1e-6)
    source.look(3)
    np.testing.assert_allclose(source.alpha(1), made[1], atol=1e-6)

    stored, classes = parse(folder, alpha=alpha, weights=str(tmp_path), weights_sha256=(digest,))
    said = capsys.readouterr().err
    assert f"{KNOWN[alpha].name}, SHA-256 {digest}" in said
    model, tracking = HeadModel.load(folder.head), read_npz(folder.tracking, "tracking")
    face = PosedClip(model, tracking, 96).class_shares(4)
    face = face.sum(-1) - face[..., CLASS_NAMES.index("neck")]
    inside = np.zeros((SIZE, SIZE), np.uint8)
    inside[70:100, 110:130] = 255  # the face: of the pieces of alpha its own stays
    expected = keep_head(fill_face(np.round(made[4] * 255).astype(np.uint8), face), inside)
    np.testing.assert_array_equal(stored[4], expected)
    assert ((classes > 0) == (stored > 0)).all()
    for path in (folder.alpha, folder.classes, folder.masks_sheet):
        params = stamp(path)
        assert params["alpha"] == alpha
        assert params["weights_read"] == {KNOWN[alpha].name: digest}


def test_classes_by_the_parser(folder: SubjectFolder, tmp_path: Path) -> None:
    network = parser_network("background")
    digest = save(network, "bisenet", tmp_path)
    frames = open_npy(folder.frames, "frames")
    posed = PosedClip(HeadModel.load(folder.head), read_npz(folder.tracking, "tracking"), 96)
    settings = ParsingSettings(classes="bisenet", weights=str(tmp_path), weights_sha256=(digest,))
    source = class_source(frames, posed, settings)
    assert isinstance(source, ParserClasses)
    alpha = np.zeros((SIZE, SIZE), np.uint8)
    alpha[20:, 30:200] = 100
    classes = source(2, alpha, posed.class_shares(2))
    assert classes.dtype == np.uint8
    assert ((classes > 0) == (alpha > 0)).all()
    # By hand: the picture at twice its size, shares averaged back over four pixels, and the best of them that is not
    # background.
    picture = torch.from_numpy(frames[2] / np.float32(255)).permute(2, 0, 1)[None]
    large = torch.nn.functional.interpolate(picture, scale_factor=2, mode="bilinear", align_corners=False)[0]
    shares = class_shares(network, large)
    assert (shares.argmax(0) == 0).float().mean() > 0.9  # background, had alpha not the last word
    expected = torch.nn.functional.avg_pool2d(shares[None], 2)[0, 1:].argmax(0).numpy() + 1
    person = alpha > 0
    assert (classes[person] == expected[person]).mean() > 0.98  # OpenCV rounds the enlarged picture to 8 bits
    assert len(np.unique(expected[person])) >= 3

    stored, classes = parse(folder, classes="bisenet", weights=str(tmp_path), weights_sha256=(digest,))
    assert ((classes > 0) == (stored > 0)).all()
    params = stamp(folder.masks_sheet)
    assert (params["alpha"], params["classes"]) == ("selfie", "bisenet")
    assert params["weights_read"] == {"79999_iter.pth": digest}
    assert params["flicker_px"] > 0


def test_glasses_belong_to_the_head(folder: SubjectFolder, tmp_path: Path) -> None:
    """A parser that sees glasses everywhere: under the policy `head` the whole person stays, and is glasses."""
    digest = save(parser_network("eye_g"), "bisenet", tmp_path)
    alpha, classes = parse(folder, classes="bisenet", weights=str(tmp_path), weights_sha256=(digest,))
    assert (classes[alpha > 0] == CLASS_NAMES.index("glasses")).mean() > 0.98
    chosen = DatasetSettings(size=64, mask_policy="head", splits=("last:1",))
    dataset_stage.run(argparse.Namespace(subject_dir=folder.root), chosen)
    out = DatasetFolder(folder.dataset)
    kept = open_npy(out.alpha, "dataset")[:].astype(float).sum()
    assert kept / 255 * 16 > 0.95 * alpha.astype(float).sum() / 255
    assert CLASS_NAMES.index("glasses") in open_npy(out.classes, "dataset")[:]


@pytest.mark.parametrize(
    ("settings", "file"),
    [({"alpha": "rvm"}, "rvm_mobilenetv3.pth"), ({"classes": "bisenet"}, "79999_iter.pth")],
    ids=["alpha", "classes"],
)
def test_nothing_is_written_without_the_weights(tmp_path: Path, settings: dict, file: str) -> None:
    folder = write_subject(tmp_path / "short", 4)
    with pytest.raises(InputError, match=file) as caught:
        parse(folder, weights=str(tmp_path / "none"), **settings)
    assert "\n" not in str(caught.value)
    for path in (folder.alpha, folder.classes, folder.masks_sheet):
        assert not path.exists()


def wrong_trunk(folder: Path) -> str:
    return save(VideoMatting("resnet50"), "rvm", folder)


def truncated(folder: Path) -> str:
    import hashlib

    save(VideoMatting(), "rvm", folder)
    path = folder / KNOWN["rvm"].name
    path.write_bytes(path.read_bytes()[:1_000_000])
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("spoil", "words"), [(wrong_trunk, "lacks the tensor backbone"), (truncated, "can't be read as weights")]
)
def test_weights_of_another_network_are_refused(tmp_path: Path, spoil: Callable[[Path], str], words: str) -> None:
    frames = portrait(64)[None]
    settings = ParsingSettings(alpha="rvm", weights=str(tmp_path), weights_sha256=(spoil(tmp_path),))
    with pytest.raises(InputError, match=words):
        person_source(frames, np.zeros((1, 5, 2)), np.ones(1, bool), settings)


def test_both_at_once(folder: SubjectFolder, tmp_path: Path) -> None:
    digests = (save(matting(), "rvm", tmp_path), save(parser_network(), "bisenet", tmp_path))
    settings = ParsingSettings(
        alpha="rvm", classes="bisenet", raster_size=96, weights=str(tmp_path), weights_sha256=digests
    )
    frames, model = open_npy(folder.frames, "frames"), HeadModel.load(folder.head)
    tracking = read_npz(folder.tracking, "tracking")
    landmarks = read_npz(folder.landmarks, "landmarks")
    with ClipParser(frames, landmarks["points"], landmarks["found"], model, tracking, settings) as parser:
        parser.learn()
        parsed = list(parser.parse())
    assert parser.weights == {"rvm_mobilenetv3.pth": digests[0], "79999_iter.pth": digests[1]}
    assert len(parsed) == COUNT
    for one in parsed:
        assert ((one.classes > 0) == (one.alpha > 0)).all()
