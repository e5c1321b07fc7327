"""Which frames are compared and what their splits are called."""

import numpy as np
import pytest

from partnerface.artefacts.files import write, write_npz
from partnerface.artefacts.layout import DatasetFolder
from partnerface.errors import ArtefactError
from partnerface.evaluation.frames import read_frames, split_names


def test_split_names():
    assert split_names(["tail:0.2", "unseen-expression:0.2"]) == ["tail", "unseen-expression"]
    assert split_names(["last:350", "last:500", "json:a.json"]) == ["last:350", "last:500", "json"]


def test_read_frames(subject):
    frames = read_frames(DatasetFolder(subject.dataset), subject.run("partnerface"))
    splits = frames.splits()
    assert list(splits) == ["tail", "unseen-expression", "train"]
    assert splits["tail"].tolist() == [False] * 6 + [True] * 2
    assert splits["train"].sum() == 4
    assert frames.definitions()["tail"] == "tail:0.25"
    landmarks = frames.landmarks(6)
    assert landmarks is not None
    assert landmarks.shape == (478, 2)
    assert frames.landmarks(7) is None


@pytest.mark.parametrize("index", [[0, 1, 4, 5, 6], [0, 1, 4, 5, 6, 8], [0, 1, 4, 5, 6, 6], [-1, 1, 4, 5, 6, 7]])
def test_an_index_that_does_not_fit_is_refused(subject, index):
    run = subject.run("partnerface")
    write_npz(run.render_index, {"frame_index": np.array(index)}, "render")
    with pytest.raises(ArtefactError, match="partnerface render"):
        read_frames(DatasetFolder(subject.dataset), run)


def test_renders_of_another_size_are_refused(subject):
    run = subject.run("partnerface")
    with write(run.renders, "render") as temporary:
        np.save(temporary, np.zeros((6, 8, 8, 3), np.uint8))
    with pytest.raises(ArtefactError, match=r"\(8, 8, 3\), the dataset of \(96, 96, 3\)"):
        read_frames(DatasetFolder(subject.dataset), run)


def test_truncated_renders_name_their_stage(subject):
    run = subject.run("partnerface")
    run.renders.write_bytes(run.renders.read_bytes()[:-100])
    with pytest.raises(ArtefactError, match="partnerface render"):
        read_frames(DatasetFolder(subject.dataset), run)
