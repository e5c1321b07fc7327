"""The real train and render stages on the toy head: it learns, resumes exactly, and survives bad numbers."""

import argparse
import itertools
import json
import os
import shutil
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from partnerface.artefacts.layout import SubjectFolder
from partnerface.avatar.methods import METHODS, AvatarConfig
from partnerface.avatar.methods import method as method_of
from partnerface.avatar.store import load_avatar, read_header
from partnerface.config.settings import RenderSettings, TrainSettings
from partnerface.conventions import CLASS_NAMES
from partnerface.errors import ArtefactError, ConfigError, InputError, StoppedError, TrainingError
from partnerface.stages import render, train
from partnerface.training import objective
from partnerface.training.dataset import Dataset
from partnerface.training.loop import Trainer
from tests.training.toy_dataset import COAT, write_toy_subject

QUICK = TrainSettings(steps=60, warm_up=0.5, rays=256, frames=8, step_mm=8.0, save_every=0.1)


def arguments(subject: SubjectFolder, run: str = "partnerface", seed: int = 0) -> argparse.Namespace:
    return argparse.Namespace(subject=subject.root, run=run, seed=seed, processes=1, output=None, orbit=None, edit=None)


@pytest.fixture(scope="module")
def subject(tmp_path_factory) -> SubjectFolder:
    return write_toy_subject(tmp_path_factory.mktemp("results") / "toy")


@pytest.fixture(scope="module")
def trained(subject) -> SubjectFolder:
    train.run(arguments(subject), QUICK)
    return subject


def psnr(subject: SubjectFolder, run: str) -> float:
    render.run(arguments(subject, run), RenderSettings(step_mm=8.0, train_frames=0))
    folder = subject.run(run)
    with np.load(folder.render_index) as index:
        truth = np.load(subject.dataset / "rgb.npy")[index["frame_index"]]
    error = ((np.load(folder.renders).astype(float) - truth) / 255) ** 2
    return float(np.mean(-10 * np.log10(error.mean((1, 2, 3)))))


def test_learns_what_it_has_not_seen(trained):
    got = psnr(trained, "partnerface")
    # An all-white picture reaches 6 dB here.
    assert got > 13
    assert trained.run("partnerface").video.stat().st_size > 1000


def test_retrieval_shows_the_training_frame_with_the_nearest_landmarks(trained):
    train.run(arguments(trained, "retrieval"), QUICK)
    psnr(trained, "retrieval")
    folder = trained.run("retrieval")
    rgb = np.load(trained.dataset / "rgb.npy")
    with np.load(trained.dataset / "dataset.npz") as values:
        landmarks, candidates = values["landmarks"], np.flatnonzero(values["train"])
    with np.load(folder.render_index) as index:
        for picture, frame in zip(np.load(folder.renders), index["frame_index"], strict=True):
            distance = np.linalg.norm(landmarks[candidates] - landmarks[frame], axis=-1).mean(-1)
            assert (picture == rgb[candidates[distance.argmin()]]).all()


def test_log_says_what_happened(trained):
    lines = [json.loads(line) for line in trained.run("partnerface").log.read_text().splitlines()]
    assert lines[-1]["step"] == 60
    assert lines[0]["stage"] == 1
    assert lines[-1]["stage"] == 2
    assert lines[-1]["psnr"] > lines[0]["psnr"]
    assert not trained.run("partnerface").state.exists()


def test_avatar_file_renders_the_same_after_reading(trained):
    header = read_header(trained.run("partnerface").avatar)
    assert header["facts"]["method"] == "partnerface"
    assert header["facts"]["mask_policy"] == "head+neck"
    avatar = load_avatar(trained.run("partnerface").avatar)
    assert avatar.deformation is not None
    assert avatar.deformation.parts == 8


def test_same_seed_gives_the_same_avatar(trained, tmp_path):
    copy = SubjectFolder(shutil.copytree(trained.root, tmp_path / "toy", ignore=shutil.ignore_patterns("partnerface")))
    train.run(arguments(copy), QUICK)
    assert weights(copy) == weights(trained)


def weights(subject: SubjectFolder) -> dict[str, list]:
    state = load_avatar(subject.run("partnerface").avatar).state_dict()
    return {name: value.flatten()[:50].tolist() for name, value in state.items()}


def test_killed_training_goes_on_and_ends_the_same(trained, tmp_path, monkeypatch, capsys):
    copy = SubjectFolder(shutil.copytree(trained.root, tmp_path / "toy", ignore=shutil.ignore_patterns("partnerface")))
    real = Trainer.step

    def dies(self):
        if self.at.step == 40:
            raise KeyboardInterrupt
        return real(self)

    monkeypatch.setattr(Trainer, "step", dies)
    with pytest.raises(KeyboardInterrupt):
        train.run(arguments(copy), QUICK)
    assert not copy.run("partnerface").avatar.exists()
    monkeypatch.setattr(Trainer, "step", real)
    train.run(arguments(copy), QUICK)
    assert "goes on at step" in capsys.readouterr().out
    assert weights(copy) == weights(trained)


def test_training_that_is_told_to_stop_keeps_all_that_it_has_done(trained, tmp_path, monkeypatch, capsys):
    copy = SubjectFolder(shutil.copytree(trained.root, tmp_path / "toy", ignore=shutil.ignore_patterns("partnerface")))
    real = Trainer.step

    def told(self):
        if self.at.step == 40:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(self)

    monkeypatch.setattr(Trainer, "step", told)
    with pytest.raises(StoppedError, match="told to stop at step 41 of 60; the same command goes on"):
        train.run(arguments(copy), QUICK)
    assert not copy.run("partnerface").avatar.exists()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    monkeypatch.setattr(Trainer, "step", real)
    train.run(arguments(copy), QUICK)
    assert "goes on at step 41" in capsys.readouterr().out
    assert weights(copy) == weights(trained)


def test_a_state_holds_which_voxels_are_live(subject):
    """They are found anew every few steps only: with others the steps until then would see other samples."""
    dataset = Dataset.load(subject.dataset)
    one, other = (train.made(dataset, METHODS["partnerface"], 0, QUICK) for _ in range(2))
    here, there = one.avatar.occupancy, other.avatar.occupancy
    here.live, here.reachable = here.live & (torch.rand(here.live.shape) < 0.5), here.reachable.clone()
    here.reachable[:3] = False
    other.restore(one.state())
    assert torch.equal(there.live, here.live)
    assert torch.equal(there.reachable, here.reachable)
    one.avatar.occupancy.live[:] = False
    assert there.live.any(), "a state is a copy"


def test_state_of_another_training_is_not_resumed(trained, tmp_path, monkeypatch, capsys):
    copy = SubjectFolder(shutil.copytree(trained.root, tmp_path / "toy", ignore=shutil.ignore_patterns("partnerface")))
    real = Trainer.step
    monkeypatch.setattr(
        Trainer, "step", lambda self: (_ for _ in ()).throw(KeyboardInterrupt) if self.at.step == 30 else real(self)
    )
    with pytest.raises(KeyboardInterrupt):
        train.run(arguments(copy), QUICK)
    monkeypatch.setattr(Trainer, "step", real)
    train.run(arguments(copy, seed=1), TrainSettings(**{**vars(QUICK), "steps": 31}))
    assert "goes on" not in capsys.readouterr().out


def test_values_that_are_not_finite_roll_back(trained, tmp_path, monkeypatch, capsys):
    copy = SubjectFolder(shutil.copytree(trained.root, tmp_path / "toy", ignore=shutil.ignore_patterns("partnerface")))
    real, poisoned = objective.losses, []

    def once(avatar, rendering, batch, hard, weights, mean):
        terms = real(avatar, rendering, batch, hard, weights, mean)
        if len(poisoned) < 1 and avatar.field.table.abs().max() > 0.005:
            poisoned.append(True)
            terms["colour"] = terms["colour"] * float("nan")
        return terms

    monkeypatch.setattr(objective, "losses", once)
    train.run(arguments(copy), QUICK)
    assert poisoned
    assert "back to step" in capsys.readouterr().out
    for value in load_avatar(copy.run("partnerface").avatar).parameters():
        assert torch.isfinite(value).all()


def test_never_finite_is_an_error_in_one_line(trained, tmp_path, monkeypatch):
    copy = SubjectFolder(shutil.copytree(trained.root, tmp_path / "toy", ignore=shutil.ignore_patterns("partnerface")))
    real = objective.losses
    monkeypatch.setattr(objective, "losses", lambda *a: {k: v * float("inf") for k, v in real(*a).items()})
    with pytest.raises(TrainingError, match="not finite at step 0"):
        train.run(arguments(copy), QUICK)
    assert not copy.run("partnerface").avatar.exists()


@pytest.mark.parametrize("method", [*sorted(set(METHODS) - {"partnerface"}), "parts_3"])
def test_every_method_trains(subject, method):
    train.run(arguments(subject, method), TrainSettings(**{**vars(QUICK), "steps": 20}))
    assert load_avatar(subject.run(method).avatar) is not None


def test_parts_are_set_where_a_method_does_not_say_how_many(subject):
    dataset, settings = Dataset.load(subject.dataset), replace(QUICK, parts=3)
    for name, parts in (("partnerface", 3), ("hard", 3), ("landmark_parts", 3), ("global", 1), ("parts_5", 5)):
        chosen = method_of(name)
        assert chosen is not None
        deformation = train.made(dataset, chosen, 0, settings).avatar.deformation
        assert deformation is not None
        assert deformation.parts == parts, name


def test_more_parts_than_landmarks_is_an_error_in_one_line(subject):
    dataset = Dataset.load(subject.dataset)
    with pytest.raises(ConfigError, match="at most 16"):
        train.made(dataset, METHODS["landmark_parts"], 0, replace(QUICK, parts=17))


def test_methods_are_equal_in_parameters():
    """But for the assigner: local networks of any number hold within 3 % as many as the eight."""

    def size(config: AvatarConfig) -> int:
        widths = [27, *[config.part_width] * (config.part_layers - 1), 3 * (1 + config.code_size)]
        return config.parts * sum((a + 1) * b for a, b in itertools.pairwise(widths))

    whole = size(AvatarConfig())
    for name in ("global", "parts_2", "parts_4", "parts_16"):
        chosen = method_of(name)
        assert chosen is not None
        assert abs(size(chosen.avatar) / whole - 1) < 0.03, name


def test_unknown_method_and_missing_dataset(subject, tmp_path):
    with pytest.raises(InputError, match="no method 'nerf'"):
        train.run(arguments(subject, "nerf"), QUICK)
    with pytest.raises(ArtefactError, match="partnerface dataset"):
        train.run(arguments(SubjectFolder(tmp_path / "nobody")), QUICK)


def test_damaged_avatar_is_refused(trained, tmp_path):
    path = tmp_path / "avatar.safetensors"
    path.write_bytes(trained.run("partnerface").avatar.read_bytes()[:1000])
    with pytest.raises(ArtefactError, match="not an avatar file"):
        load_avatar(path)


def test_a_file_of_format_3_is_what_it_was(subject, tmp_path):
    train.run(arguments(subject, "no_blendshapes"), replace(QUICK, steps=20))
    path, old = subject.run("no_blendshapes").avatar, tmp_path / "old.safetensors"
    header = read_header(path)
    header["format"], header["config"] = "partnerface-avatar-3", dict(header["config"])
    del header["config"]["blendshapes"]
    save_file(load_file(path), old, {"partnerface": json.dumps(header)})
    now, then = load_avatar(path), load_avatar(old)
    assert not then.config.blendshapes
    data = Dataset.load(subject.dataset)
    shot = data.motion.take([0]), data.camera[0], 48, 48, torch.ones(3), 0.008
    assert torch.equal(then.image(*shot)[0], now.image(*shot)[0])


def test_shoulders_stay_behind_when_the_head_moves(tmp_path):
    subject = write_toy_subject(tmp_path / "toy", policy="full")
    train.run(arguments(subject), replace(QUICK, steps=200))
    assert psnr(subject, "partnerface") > 13
    path = subject.run("partnerface").avatar
    assert read_header(path)["facts"]["mask_policy"] == "full"
    assert "apart" in json.loads(subject.run("partnerface").log.read_text().splitlines()[-1])
    avatar, data = load_avatar(path), Dataset.load(subject.dataset)
    shoulders = avatar.shoulders
    assert shoulders is not None
    background = torch.ones(3)
    for frame in (0, 20):
        here, camera = data.motion.take([frame]), data.camera[frame]
        picture, opacity = avatar.image(here, camera, 48, 48, background, 0.008)
        coat = data.classes[frame] == CLASS_NAMES.index("cloth")
        assert torch.as_tensor(data.alpha[frame] > 0)[coat].all()
        # The coat is the layer's: it has its colour, and is gone without it.
        assert (picture[coat] - torch.tensor(COAT) / 255).abs().mean() < 0.12
        assert opacity[coat].mean() > 0.8
        avatar.shoulders = None
        assert avatar.image(here, camera, 48, 48, background, 0.008)[1][coat].mean() < 0.3
        avatar.shoulders = shoulders
