"""Failures of the machine, told in one line."""

import errno

import pytest

from partnerface import failures
from partnerface.failures import explain_system_error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/data/frames.npy"), ("disk is full", "/data/frames.npy")),
        (OSError("262144 requested and 12288 written"), ("disk is full",)),
        (PermissionError(errno.EACCES, "Permission denied", "/srv/x"), ("no permission", "/srv/x")),
        (OSError(errno.EROFS, "Read-only file system", "/mnt/x"), ("read-only", "/mnt/x")),
        (OSError(errno.EFBIG, "File too large", "/x"), ("ulimit",)),
    ],
)
def test_what_a_person_can_mend_has_a_line(error, words):
    line = explain_system_error(error)
    assert line is not None
    assert "\n" not in line
    for word in words:
        assert word in line


def test_a_bug_has_none(tmp_path):
    assert explain_system_error(ValueError("shapes differ"), [str(tmp_path)]) is None
    assert explain_system_error(OSError(errno.EIO, "I/O error", "/x"), [str(tmp_path)]) is None


def test_a_library_that_fails_on_a_full_disk_is_understood(monkeypatch, tmp_path):
    monkeypatch.setattr(failures, "disk_is_full", lambda folder: folder == tmp_path)
    line = explain_system_error(RuntimeError("unexpected pos 4096 vs 0"), ["--steps", "5", str(tmp_path)])
    assert line is not None
    assert "disk is full" in line


def test_existing_parent(tmp_path):
    assert failures.existing_parent(tmp_path / "a" / "b") == tmp_path
    assert failures.existing_parent(tmp_path) == tmp_path


def test_a_file_system_without_a_size_is_not_full():
    assert not failures.disk_is_full(failures.Path("/proc"))
