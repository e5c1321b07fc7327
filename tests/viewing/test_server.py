"""What the server answers, and whom it does not."""

import http.client
import json
import socket
import threading

import pytest

from partnerface.viewing.desk import BrokenError, ClosedError, CrowdedError
from partnerface.viewing.server import MOST_BYTES, PAGE, ViewServer
from partnerface.viewing.wish import WishError

ANSWERS = {b'"picture"': (b"\xff\xd8jpeg", [1.0, -0.00001]), b'"superseded"': None}
FAILURES = {
    b'"wrong"': WishError("size is wrong"),
    b'"crowded"': CrowdedError(),
    b'"broken"': BrokenError(),
    b'"closed"': ClosedError(),
}


def answered(message):
    if message in FAILURES:
        raise FAILURES[message]
    return ANSWERS[message]


@pytest.fixture(scope="module")
def server():
    made = ViewServer("127.0.0.1", 0, {"name": "me"}, answered)
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


def ask(server, method="GET", path="/", body=None, **headers):
    """(status, headers, body) of one request; header names with `_` for `-`."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=20)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, response.headers, body


def wish(server, text, **headers):
    return ask(server, "POST", "/picture", json.dumps(text), **({"Content_Type": "application/json"} | headers))


@pytest.mark.parametrize("path", PAGE)
def test_the_page_is_whole_and_takes_nothing_from_elsewhere(server, path):
    status, headers, body = ask(server, path=path)
    assert status == 200
    assert headers["Content-Type"] == PAGE[path][1]
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    text = body.decode()
    assert text
    assert "http://" not in text
    assert "https://" not in text


def test_the_description(server):
    status, _, body = ask(server, path="/description?again")
    assert (status, json.loads(body)) == (200, {"name": "me"})


def test_a_picture_with_its_sliders(server):
    status, headers, body = wish(server, "picture")
    assert (status, body) == (200, b"\xff\xd8jpeg")
    assert headers["Content-Type"] == "image/jpeg"
    assert json.loads(headers["X-Sliders"]) == [1.0, 0.0]
    assert int(headers["X-Milliseconds"]) >= 0


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("superseded", 204, b""),
        ("wrong", 400, b"size is wrong"),
        ("crowded", 503, b"too many pages"),
        ("closed", 503, b"start it again"),
        ("broken", 500, b"the terminal says why"),
    ],
)
def test_no_picture(server, text, status, said):
    got, _, body = wish(server, text)
    assert got == status
    assert said in body


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:8060"},
        {"Host": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
    ],
)
def test_pages_of_others_are_not_answered(server, headers):
    assert wish(server, "picture", **headers)[0] == 403
    assert ask(server, path="/description", **headers)[0] == 403


def test_our_own_page_is_answered_by_each_of_this_machine_s_names(server):
    port = server.server_address[1]
    for name in ("127.0.0.1", "localhost", "[::1]"):
        assert wish(server, "picture", Host=f"{name}:{port}", Origin=f"http://{name}:{port}")[0] == 200


def test_what_is_no_message_is_refused(server):
    assert wish(server, "picture", Content_Type="text/plain")[0] == 415
    assert ask(server, "POST", "/elsewhere", '"picture"', Content_Type="application/json")[0] == 404
    for path in ("/../command.py", "/page/index.html", "/%2e%2e/server.py", "//etc/passwd"):
        assert ask(server, path=path)[0] == 404
    assert ask(server, "DELETE")[0] == 501


@pytest.mark.parametrize("length", [None, str(MOST_BYTES + 1), "-1", "1e3", "²", ""])
def test_a_message_that_is_too_long_or_does_not_say_is_not_even_read(server, length):
    said = "" if length is None else f"Content-Length: {length}\r\n"
    with socket.create_connection(server.server_address[:2], timeout=20) as asking:
        asking.sendall(f"POST /picture HTTP/1.1\r\nHost: 127.0.0.1\r\n{said}\r\n".encode())
        assert asking.makefile("rb").readline().startswith(b"HTTP/1.1 413 ")


def test_a_connection_is_kept_and_one_that_breaks_off_is_no_failure(server, capfd):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=20)
    for _ in range(3):
        connection.request("GET", "/description")
        assert connection.getresponse().read()
    connection.close()
    with socket.create_connection(server.server_address[:2]) as broken:
        broken.sendall(b"POST /picture HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf")
    assert ask(server, path="/description")[0] == 200
    assert "Traceback" not in capfd.readouterr().err


def test_a_taken_port(server):
    with pytest.raises(OSError, match="in use"):
        ViewServer("127.0.0.1", server.server_address[1], {}, answered)
