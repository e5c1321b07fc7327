"""The long clip that is fitted, and the memory of a process."""

import subprocess
import sys

import numpy as np

from partnerface.bench.fits import longer, memory, to_and_fro


def test_the_long_clip_goes_to_and_fro_without_a_jump():
    np.testing.assert_array_equal(to_and_fro(4, 10), [0, 1, 2, 3, 2, 1, 0, 1, 2, 3])
    np.testing.assert_array_equal(to_and_fro(5, 3), [0, 1, 2])
    np.testing.assert_array_equal(to_and_fro(1, 3), [0, 0, 0])
    assert np.abs(np.diff(to_and_fro(97, 1000))).max() == 1


def test_its_frames_follow_one_another_at_the_clips_rate():
    camera = {"fps": 25.0, "time_s": [0.0, 0.04, 3.0], "take": [0, 0, 1], "principal_point": [[1, 2], [3, 4], [5, 6]]}
    long = longer(camera, to_and_fro(3, 5))
    np.testing.assert_allclose(long["time_s"], [0.0, 0.04, 0.08, 0.12, 0.16])
    assert long["take"] == [0] * 5
    assert long["principal_point"] == [[1, 2], [3, 4], [5, 6], [3, 4], [1, 2]]
    assert len(camera["time_s"]) == 3


def test_memory_is_that_of_the_process_itself():
    """A small process that a large one starts is small."""
    held = np.ones(60_000_000)  # 480 MB
    code = "from partnerface.bench.fits import memory; print(memory())"
    small = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(memory().split()[0]) > held.nbytes / 1e6
    assert int(small.split()[0]) < held.nbytes / 1e6
