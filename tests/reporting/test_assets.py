"""Media become data URIs within the budget; what is not there gets a name and a reason."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from partnerface.artefacts.files import write
from partnerface.reporting.assets import Media, Missing, Shelf


@pytest.fixture
def shelf(results):
    return Shelf(results, 1e6)


def decoded(media) -> bytes:
    assert isinstance(media, Media)
    return base64.b64decode(media.uri.split(",", 1)[1])


def test_picture_is_embedded_as_it_is(shelf, subject):
    media = shelf.picture(subject.contact_sheet, "frames")
    assert media.uri.startswith("data:image/jpeg;base64,")
    assert decoded(media) == subject.contact_sheet.read_bytes()
    assert (media.width, media.height) == (6 * 64, 2 * 64)
    assert shelf.budget == 1e6 - len(media.uri.split(",", 1)[1])


def test_very_large_picture_is_made_smaller(shelf, subject):
    with write(subject.contact_sheet, "frames") as temporary:
        Image.new("RGB", (3600, 900), (200, 30, 30)).save(temporary)
    media = shelf.picture(subject.contact_sheet, "frames")
    assert (media.width, media.height) == (1800, 450)
    assert Image.open(io.BytesIO(decoded(media))).size == (1800, 450)


def test_array_keeps_its_colours(shelf):
    image = np.zeros((16, 24, 3), np.uint8)
    image[:] = (250, 120, 10)
    back = np.asarray(Image.open(io.BytesIO(decoded(shelf.array(image, 95)))))
    assert back.shape == image.shape
    assert np.abs(back.astype(int) - image).max() <= 4


def test_missing_and_damaged_files_are_named_without_this_machines_paths(shelf, subject):
    subject.masks_sheet.unlink()
    assert shelf.picture(subject.masks_sheet, "parsing") == Missing(
        "anna/masks.jpg is missing; run `partnerface parsing` again"
    )
    subject.contact_sheet.write_bytes(b"torn")
    assert "anna/frames.jpg is damaged" in shelf.picture(subject.contact_sheet, "frames").reason
    with write(subject.contact_sheet, "frames") as temporary:
        temporary.write_bytes(b"no picture at all")
    assert "is not a picture" in shelf.picture(subject.contact_sheet, "frames").reason


def test_video_within_and_beyond_the_budget(shelf, subject):
    media = shelf.video(subject.tracking_video, "tracking")
    assert media.kind == "video"
    assert media.uri.startswith("data:video/mp4;base64,")
    small = Shelf(shelf.results, 100)
    piece = small.video(subject.run("partnerface/seed1").video, "render")
    assert isinstance(piece, Missing)
    assert piece.link == "anna/partnerface/seed1/heldout.mp4"
    assert "keep this page small" in piece.reason
    assert small.left_out == ["anna/partnerface/seed1/heldout.mp4"]
    assert small.budget == 100


def test_links_are_quoted(tmp_path):
    assert Shelf(tmp_path, 0).relative(tmp_path / 'a "b<c' / "x.mp4") == "a%20%22b%3Cc/x.mp4"
