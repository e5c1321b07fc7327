"""Messages of a page: what is allowed comes through, anything else is refused with a reason."""

import json

import pytest

from partnerface.viewing.controls import Control
from partnerface.viewing.wish import LEVELS, View, Wish, WishError, read_wish

SLIDER = Control("jaw", "Jaw", "Mouth", "", -5.0, 30.0, 0.5, "°", 0.0, (0.0, 9.0), None, "jaw", "jaw_pose", (0,), 1.0)


def read(**values) -> Wish:
    return read_wish(json.dumps({"viewer": "a-1", "size": LEVELS[0]} | values).encode(), [SLIDER], frames=10, parts=3)


def test_the_least_message():
    assert read() == Wish("a-1", LEVELS[0])


def test_a_full_message():
    assert read(
        size=512, frame=9, changes={"jaw": 12}, view={"turn": -30, "zoom": 2.5}, overlay=0.5, muted=[2, 0, 2],
        background="grey",
    ) == Wish("a-1", 512, 9, {"jaw": 12.0}, View(turn=-30.0, zoom=2.5), 0.5, frozenset({0, 2}), "grey")  # fmt: skip


def test_numbers_are_brought_into_their_reach():
    wish = read(changes={"jaw": 1e300}, view={"zoom": 0, "lift": -1000}, overlay=7)
    assert wish.changes == {"jaw": 30.0}
    assert wish.view == View(zoom=0.4, lift=-80.0)
    assert wish.overlay == 1.0


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"viewer": "../etc"}, "viewer"),
        ({"viewer": "a" * 41}, "viewer"),
        ({"viewer": None}, "viewer"),
        ({"size": 100000}, "size"),
        ({"size": True}, "size"),
        ({"size": 128.0}, "size"),
        ({"frame": 10}, "frame"),
        ({"frame": -1}, "frame"),
        ({"frame": 1.5}, "frame"),
        ({"frame": "1"}, "frame"),
        ({"changes": {"nose": 1}}, "changes"),
        ({"changes": {"jaw": "1"}}, "jaw"),
        ({"changes": {"jaw": True}}, "jaw"),
        ({"changes": {"jaw": float("nan")}}, "finite"),
        ({"changes": {"jaw": float("inf")}}, "finite"),
        ({"changes": {"jaw": 10**400}}, "finite"),
        ({"changes": [1]}, "changes"),
        ({"view": {"roll": 1}}, "view"),
        ({"view": 3}, "view"),
        ({"overlay": None}, "overlay"),
        ({"muted": [3]}, "muted"),
        ({"muted": [-1]}, "muted"),
        ({"muted": [True]}, "muted"),
        ({"muted": "0"}, "muted"),
        ({"background": "red"}, "background"),
        ({"background": ["own"]}, "background"),
        ({"path": "/"}, "unknown keys"),
    ],
)
def test_anything_else_is_refused(values, said):
    with pytest.raises(WishError, match=said):
        read(**values)


@pytest.mark.parametrize("message", [b"", b"\xff\xfe", b"[]", b"null", b"{", b"[" * 60000, b'"viewer"'])
def test_what_is_no_object_is_refused(message):
    with pytest.raises(WishError, match="message"):
        read_wish(message, [SLIDER], 10, 3)
