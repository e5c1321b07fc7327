"""One renderer, many wishes: the newest of each page is served, coarse pictures first, and nothing piles up."""

import threading
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from partnerface.viewing.wish import Wish

#: Pages that can wait at a time.
MOST_PAGES = 32

Picture = TypeVar("Picture")


class CrowdedError(Exception):
    """More pages wait than are served."""


class ClosedError(Exception):
    """The viewer is closed."""


class BrokenError(Exception):
    """The renderer failed; its trace stands on standard error."""


@dataclass
class _Ticket(Generic[Picture]):
    wish: Wish
    done: threading.Event = field(default_factory=threading.Event)
    picture: Picture | None = None
    broken: bool = False
    superseded: bool = False

    def give_up(self) -> None:
        self.superseded = True
        self.done.set()


class Desk(Generic[Picture]):
    """Serves wishes on a thread of its own: torch keeps threads and its default device per thread that calls it.

    A page's new wish takes the place of its older one, whether that waits or is being painted: painting stops at the
    next band. Pictures up to `coarse` px come before finer ones of whatever page, in the middle of those, too.

    Args:
        paint: makes the picture of a wish; asks its second argument now and then whether to go on, and returns None
            after a no.
        coarse: longer edge, px, of a coarse picture.
        surroundings: entered by the thread.
    """

    def __init__(
        self,
        paint: Callable[[Wish, Callable[[], bool]], Picture | None],
        coarse: int,
        surroundings: Callable[[], AbstractContextManager] = nullcontext,
    ):
        self._paint, self._coarse, self._surroundings = paint, coarse, surroundings
        self._waiting: dict[str, _Ticket[Picture]] = {}
        self._painting: dict[str, _Ticket[Picture]] = {}
        self._changed = threading.Condition()
        self._open = True
        self._thread = threading.Thread(target=self._work, name="renderer", daemon=True)
        self._thread.start()

    def ask(self, wish: Wish) -> Picture | None:
        """The picture of a wish, once it is painted; None when a newer wish of the same page came in between.

        Raises:
            CrowdedError, ClosedError, BrokenError.
        """
        ticket: _Ticket[Picture] = _Ticket(wish)
        with self._changed:
            if not self._open:
                raise ClosedError
            if wish.viewer not in self._waiting and len(self._waiting) >= MOST_PAGES:
                raise CrowdedError
            for tickets in (self._waiting, self._painting):
                if older := tickets.pop(wish.viewer, None):
                    older.give_up()
            self._waiting[wish.viewer] = ticket
            self._changed.notify()
        ticket.done.wait()
        if ticket.broken:
            raise BrokenError
        return None if ticket.superseded else ticket.picture

    def close(self) -> None:
        """Give everything up and end the thread."""
        with self._changed:
            self._open = False
            for ticket in (*self._waiting.values(), *self._painting.values()):
                ticket.give_up()
            self._waiting.clear()
            self._changed.notify()
        self._thread.join(timeout=10)

    def _work(self) -> None:
        with self._surroundings():
            while True:
                with self._changed:
                    while self._open and not self._waiting:
                        self._changed.wait()
                    if not self._open:
                        return
                    ticket = self._next(coarse_only=False)
                if ticket is not None:
                    self._serve(ticket)

    def _next(self, coarse_only: bool) -> _Ticket[Picture] | None:
        """Take the ticket that comes next: coarse before fine, then by arrival. The lock is held."""
        first = sorted(self._waiting.values(), key=lambda ticket: ticket.wish.size > self._coarse)
        if not first or (coarse_only and first[0].wish.size > self._coarse):
            return None
        ticket = self._waiting.pop(first[0].wish.viewer)
        self._painting[ticket.wish.viewer] = ticket
        return ticket

    def _serve(self, ticket: _Ticket[Picture]) -> None:
        def goes_on() -> bool:
            if ticket.wish.size > self._coarse:
                self._let_coarse_ones_through()
            return not ticket.superseded

        try:
            ticket.picture = self._paint(ticket.wish, goes_on)
        except Exception:
            traceback.print_exc()
            ticket.broken = True
        with self._changed:
            if self._painting.get(ticket.wish.viewer) is ticket:
                del self._painting[ticket.wish.viewer]
        ticket.done.set()

    def _let_coarse_ones_through(self) -> None:
        while True:
            with self._changed:
                ticket = self._next(coarse_only=True)
            if ticket is None:
                return
            self._serve(ticket)
