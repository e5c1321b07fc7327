"""The page and its pictures over HTTP: four files, one description, and one address that turns a wish into a JPEG."""

import json
import sys
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from partnerface.viewing.desk import BrokenError, ClosedError, CrowdedError
from partnerface.viewing.wish import WishError

MOST_BYTES = 64 * 1024
#: A connection that says nothing for so many seconds is closed.
IDLE = 120
LOOPBACK = ("127.0.0.1", "localhost", "::1")
PAGE = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
    "/viewer.js": ("viewer.js", "text/javascript; charset=utf-8"),
    "/panel.js": ("panel.js", "text/javascript; charset=utf-8"),
    "/pictures.js": ("pictures.js", "text/javascript; charset=utf-8"),
    "/stage.js": ("stage.js", "text/javascript; charset=utf-8"),
}
#: The page takes nothing from elsewhere, and nobody may put it into a frame.
SAFETY = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

#: A picture with where the sliders stand in it.
Answer = tuple[bytes, list[float]]


class ViewServer(ThreadingHTTPServer):
    """Listens, and hands wishes on.

    Args:
        host, port: where; port 0 takes any that is free.
        description: what the page is told at first; JSON types.
        answer: a picture for a message, or None when it was superseded.

    Raises:
        OSError: the address is taken, or not this machine's.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(
        self, host: str, port: int, description: dict[str, Any], answer: Callable[[bytes], Answer | None]
    ) -> None:
        super().__init__((host, port), Handler)
        self.description, self.answer = json.dumps(description).encode(), answer
        self.local = host in LOOPBACK

    @property
    def url(self) -> str:
        """Where a browser on this machine finds the page."""
        host = str(self.server_address[0])
        return f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle is no failure; anything else is told as usual."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    server: ViewServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "partnerface", ""
    timeout = IDLE
    #: Answers are small and waited for: they are not held back to be sent with more.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """The page's files and its description."""
        path = urlsplit(self.path).path
        if not self._is_meant_for_us():
            self._say(HTTPStatus.FORBIDDEN, "open the viewer at the address that it printed")
        elif path == "/description":
            self._send(HTTPStatus.OK, self.server.description, "application/json")
        elif path in PAGE:
            name, kind = PAGE[path]
            self._send(HTTPStatus.OK, files("partnerface.viewing").joinpath("page", name).read_bytes(), kind)
        elif path == "/favicon.ico":
            self._send(HTTPStatus.NO_CONTENT, b"", "image/x-icon")
        else:
            self._say(HTTPStatus.NOT_FOUND, "there is nothing here")

    def do_POST(self) -> None:
        """A picture for a wish: 200 with a JPEG, 204 when a newer wish took its place."""
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or int(length) > MOST_BYTES:
            self.close_connection = True  # What follows is not read.
            self._say(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a message has at most {MOST_BYTES} bytes, and says it")
            return
        message = self.rfile.read(int(length))
        if not self._is_meant_for_us():
            self._say(HTTPStatus.FORBIDDEN, "open the viewer at the address that it printed")
        elif urlsplit(self.path).path != "/picture":
            self._say(HTTPStatus.NOT_FOUND, "there is nothing here")
        elif self.headers.get_content_type() != "application/json":
            self._say(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a message is JSON")
        else:
            self._picture(message)

    def _picture(self, message: bytes) -> None:
        start = time.monotonic()
        try:
            answer = self.server.answer(message)
        except WishError as error:
            self._say(HTTPStatus.BAD_REQUEST, str(error))
        except CrowdedError:
            self._say(HTTPStatus.SERVICE_UNAVAILABLE, "too many pages are open")
        except ClosedError:
            self.close_connection = True
            self._say(HTTPStatus.SERVICE_UNAVAILABLE, "the viewer was closed; start it again")
        except BrokenError:
            self._say(HTTPStatus.INTERNAL_SERVER_ERROR, "rendering failed; the terminal says why")
        else:
            if answer is None:
                self._send(HTTPStatus.NO_CONTENT, b"", "image/jpeg")
                return
            stands = "[" + ",".join(f"{value:.3f}" for value in answer[1]) + "]"
            took = f"{(time.monotonic() - start) * 1000:.0f}"
            self._send(HTTPStatus.OK, answer[0], "image/jpeg", {"X-Sliders": stands, "X-Milliseconds": took})

    def _is_meant_for_us(self) -> bool:
        """Whether the request comes from our own page.

        A page of somebody else's must neither reach us under a name that it makes point to this machine, nor send
        wishes across: browsers say the name in `Host`, and where a request comes from in `Origin`.
        """
        host = self.headers.get("Host", "")
        name = urlsplit(f"//{host}").hostname or ""
        if self.server.local and name not in LOOPBACK:
            return False
        origin = self.headers.get("Origin")
        return origin is None or urlsplit(origin).netloc == host

    def _say(self, status: HTTPStatus, line: str) -> None:
        self._send(status, f"{line}\n".encode(), "text/plain; charset=utf-8")

    def _send(self, status: HTTPStatus, body: bytes, kind: str, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (SAFETY | (more or {})).items():
            self.send_header(name, value)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != HTTPStatus.NO_CONTENT:
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not told: a picture is one, many times a second."""
