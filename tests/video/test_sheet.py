"""Contact sheets stay small, and show what was dropped."""

import numpy as np

from partnerface.video.sheet import DROPPED, Thumbnails, contact_tiles, sheet, shrink, tile


def test_thumbnails_stay_few_and_spread_out() -> None:
    store = Thumbnails(limit=8)
    image = np.zeros((40, 60, 3), np.uint8)
    for position in range(1000):
        store.offer(position, image, ordinary=position % 100 != 50)
    assert 8 <= len(store.ordinary) <= 16
    assert len(store.odd) == 10
    steps = np.diff(sorted(store.ordinary))
    assert steps.max() <= 2.2 * steps.min()


def test_dropped_frames_are_marked() -> None:
    store = Thumbnails()
    for position in range(40):
        store.offer(position, np.full((48, 64, 3), 128, np.uint8), ordinary=position != 5)
    status = ["kept"] * 40
    status[5] = "no_face"
    drawn = sheet(contact_tiles(store, status, np.arange(40), (8, 0, 56, 48), 64, tiles=6))
    red = (drawn == np.array(DROPPED, np.uint8)).all(-1)
    assert red.sum() > 500
    status[5] = "kept"
    drawn = sheet(contact_tiles(store, status, np.arange(40), (8, 0, 56, 48), 64, tiles=6))
    assert not (drawn == np.array(DROPPED, np.uint8)).all(-1).any()


def test_sheet_geometry() -> None:
    tiles = [tile(np.zeros((30, 20, 3), np.uint8), "x", (1, 2, 3), edge=32)] * 5
    assert sheet(tiles, columns=3).shape == (2 * 54, 3 * 38, 3)
    assert shrink(np.zeros((100, 50, 3), np.uint8), 20).shape == (20, 10, 3)
