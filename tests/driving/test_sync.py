"""A driver's video with beeps: the avatar moves when it beeps, whatever frames were dropped in between."""

import numpy as np
import pytest

from partnerface import cli
from partnerface.acting import drive, tracked
from partnerface.video.decode import decode
from partnerface.video.probe import probe
from tests.avatar.toy import toy_motion
from tests.driving.conftest import write_driver
from tests.video.test_sound import EVENTS, LENGTH, STEADY, beeps, clip

pytest.importorskip("mediapipe")
FPS = 25.0
#: Frames without a face: the first ones, and some between two beeps.
DROPPED = (*range(5), *range(84, 97))


def test_sound_stays_in_sync(toy_subject, tmp_path, monkeypatch, capsys):
    video = clip(tmp_path, STEADY)
    kept = np.setdiff1d(np.arange(len(STEADY)), DROPPED)
    time_s = STEADY[kept]
    motion = {name: np.tile(value[:1], (len(kept), 1)) for name, value in toy_motion(24).items() if name != "shape"}
    beeping = np.any([(time_s >= start - 2e-3) & (time_s < start + LENGTH - 2e-3) for start in EVENTS], axis=0)
    # Not the jaw, which is hardly seen on an egg of one colour.
    motion["translation"][beeping, 0] += 0.02
    folder = write_driver(tmp_path / "driver", motion, time_s, FPS, STEADY)
    monkeypatch.setattr(tracked, "track_video", lambda *_: folder)
    monkeypatch.setattr(drive, "_check_head_to_come", lambda *_: None)
    out = tmp_path / "out.mp4"
    assert cli.main(["drive", str(toy_subject.root), str(video), "-o", str(out), "--size", "32", "--step-mm=16"]) == 0
    assert "18 of 150 frames can't be used" in capsys.readouterr().err
    seen = [(frame.time_s, frame.image.astype(float)) for frame in decode(out, probe(out))]
    # As many frames as the driver has, and as long.
    assert len(seen) == 150
    assert probe(out).duration_s == pytest.approx(6.0, abs=0.05)
    rest = np.median([image for _, image in seen], axis=0)
    moved = np.array([np.abs(image - rest).mean() for _, image in seen])
    opens = np.flatnonzero(np.diff((moved > 0.5 * moved.max()).astype(int)) == 1) + 1
    shown = np.array([seen[k][0] for k in opens])
    heard = beeps(out)
    assert len(shown) == len(heard) == len(EVENTS)
    np.testing.assert_allclose(heard, EVENTS, atol=0.03)
    assert np.abs(shown - heard).max() <= 1 / FPS + 0.03
