"""Newer wishes take the place of older ones; coarse pictures go first; nothing piles up."""

import threading

import pytest

from partnerface.viewing.desk import MOST_PAGES, BrokenError, ClosedError, CrowdedError, Desk
from partnerface.viewing.wish import Wish

COARSE, FINE = 128, 512
PATIENCE = 20


class Painter:
    """Paints in two bands and waits before each until it is let."""

    def __init__(self):
        self.begun: list[Wish] = []
        self.started, self.go = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, wish, goes_on):
        self.begun.append(wish)
        for band in range(2):
            if band and not goes_on():
                return None
            self.started.release()
            assert self.go.acquire(timeout=PATIENCE)
        return f"{wish.viewer} {wish.size} {wish.frame}"

    def wait(self):
        """Until a band is begun."""
        assert self.started.acquire(timeout=PATIENCE)


class Asked(threading.Thread):
    """A page that waits for its picture."""

    def __init__(self, desk, wish):
        super().__init__(daemon=True)
        self.desk, self.wish, self.got = desk, wish, "nothing yet"
        self.start()

    def run(self):
        try:
            self.got = self.desk.ask(self.wish)
        except Exception as error:
            self.got = type(error)

    def answer(self):
        self.join(PATIENCE)
        assert not self.is_alive()
        return self.got


@pytest.fixture
def painter():
    return Painter()


@pytest.fixture
def desk(painter):
    made = Desk(painter, COARSE)
    yield made
    painter.go.release(100)
    made.close()


def wait_until_waiting(desk, *viewers):
    """Until these pages, and no others, stand in the queue."""
    for _ in range(PATIENCE * 100):
        with desk._changed:
            if set(desk._waiting) == set(viewers):
                return
        threading.Event().wait(0.01)
    raise AssertionError(f"{set(desk._waiting)} wait, not {set(viewers)}")


def test_a_picture(desk, painter):
    page = Asked(desk, Wish("a", FINE))
    painter.go.release(2)
    assert page.answer() == "a 512 None"


def test_a_fine_picture_is_given_up_for_a_newer_wish_at_the_next_band(desk, painter):
    old = Asked(desk, Wish("a", FINE, 1))
    painter.wait()
    new = Asked(desk, Wish("a", COARSE, 2))
    assert old.answer() is None  # at once, before the band ends
    wait_until_waiting(desk, "a")
    painter.go.release(3)
    assert new.answer() == "a 128 2"
    assert [wish.frame for wish in painter.begun] == [1, 2]


def test_of_many_wishes_that_wait_the_newest_alone_is_painted(desk, painter):
    other = Asked(desk, Wish("b", COARSE))
    painter.wait()
    pages = []
    for frame in range(5):
        pages.append(Asked(desk, Wish("a", COARSE, frame)))
        for _ in range(PATIENCE * 100):
            with desk._changed:
                if "a" in desk._waiting and desk._waiting["a"].wish.frame == frame:
                    break
            threading.Event().wait(0.01)
    painter.go.release(4)
    assert [page.answer() for page in pages] == [None] * 4 + ["a 128 4"]
    assert other.answer() == "b 128 None"
    assert len(painter.begun) == 2


def test_a_coarse_picture_of_another_page_goes_through_in_the_middle_of_a_fine_one(desk, painter):
    fine = Asked(desk, Wish("a", FINE))
    painter.wait()
    coarse = Asked(desk, Wish("b", COARSE))
    waits = Asked(desk, Wish("c", FINE))
    wait_until_waiting(desk, "b", "c")
    painter.go.release(3)
    assert coarse.answer() == "b 128 None"
    assert fine.is_alive()
    assert waits.is_alive()
    painter.go.release(3)
    assert fine.answer() == "a 512 None"
    assert waits.answer() == "c 512 None"


def test_pages_that_are_too_many_are_sent_away(desk, painter):
    first = Asked(desk, Wish("busy", COARSE))
    painter.wait()
    pages = [Asked(desk, Wish(f"p{i}", COARSE)) for i in range(MOST_PAGES)]
    wait_until_waiting(desk, *(f"p{i}" for i in range(MOST_PAGES)))
    assert Asked(desk, Wish("late", COARSE)).answer() is CrowdedError
    painter.go.release(2 * (MOST_PAGES + 1))
    assert {page.answer() for page in pages} == {f"p{i} 128 None" for i in range(MOST_PAGES)}
    assert first.answer() == "busy 128 None"


def test_a_failure_is_told_and_the_next_picture_comes(capfd):
    def paint(wish, goes_on):
        return 1 // (wish.frame or 0)

    desk = Desk(paint, COARSE)
    assert Asked(desk, Wish("a", COARSE, 0)).answer() is BrokenError
    assert "ZeroDivisionError" in capfd.readouterr().err
    assert Asked(desk, Wish("a", COARSE, 1)).answer() == 1
    desk.close()


def test_closing_lets_nobody_wait(painter):
    desk = Desk(painter, COARSE)
    painting = Asked(desk, Wish("a", COARSE))
    painter.wait()
    waiting = Asked(desk, Wish("b", COARSE))
    wait_until_waiting(desk, "b")
    painter.go.release(2)
    desk.close()
    assert waiting.answer() is None
    assert painting.answer() in (None, "a 128 None")
    with pytest.raises(ClosedError):
        desk.ask(Wish("a", COARSE))
