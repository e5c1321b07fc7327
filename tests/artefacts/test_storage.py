"""Files that Snakemake has fetched from object storage, which carries no stamps."""

import pytest

from partnerface.artefacts.files import check, read_stamp, stamp_path, write
from partnerface.errors import ArtefactError


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    with write(path, "frames", (), {"size": 3}) as temporary:
        temporary.write_text(text)
    return path


def test_a_fetched_file_is_stamped_when_it_is_checked(tmp_path):
    path = put(tmp_path / ".snakemake" / "storage" / "s3" / "bucket" / "a.csv", "one")
    assert read_stamp(check(path, "frames"))["params"] == {"size": 3}, "a stamp that fits stays"
    stamp_path(path).unlink()
    assert read_stamp(check(path, "frames"))["bytes"] == 3
    path.write_text("fetched anew")
    assert read_stamp(check(path, "frames"))["bytes"] == 12


def test_elsewhere_a_file_without_a_stamp_is_no_result(tmp_path):
    path = put(tmp_path / "storage" / "a.csv", "one")
    stamp_path(path).unlink()
    with pytest.raises(ArtefactError, match="no stamp"):
        check(path, "frames")
