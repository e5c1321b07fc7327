"""`partnerface view` as a command."""

import os
import signal
import subprocess
import sys
import urllib.request

import pytest

from partnerface import cli
from tests.viewing.toy import write_toy, write_toy_retrieval


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_toy(tmp_path_factory.mktemp("command") / "me")


def test_it_says_where_it_is_and_ends_by_ctrl_c(run):
    command = [sys.executable, "-m", "partnerface", "view", str(run), "--port", "0", "--motion", str(run.parent)]
    # A shell's background jobs hand on that the signal is ignored.
    started = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        assert started.stdout is not None
        line = started.stdout.readline()
        url = next(word for word in line.split() if word.startswith("http://127.0.0.1:"))
        with urllib.request.urlopen(url, timeout=60) as page:
            assert b"PartNerFace" in page.read()
        # A second one at the same place.
        port = url.rpartition(":")[2]
        second = subprocess.run([*command[:-4], "--port", port], capture_output=True, text=True, timeout=300)
        assert second.returncode == 2
        assert second.stderr.count("\n") == 1
        assert f"port {port} of 127.0.0.1 is taken" in second.stderr
        started.send_signal(signal.SIGINT)
        out, err = started.communicate(timeout=60)
    finally:
        started.kill()
    assert (started.returncode, out.strip(), err) == (0, "view: closed", "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["absent"], "absent does not exist"),
        (["{run}", "--port", "70000"], "--port is 70000"),
        (["{run}", "--motion", "absent"], "--motion absent does not exist"),
        (["{run}", "--host", "203.0.113.1"], "cannot listen at --host 203.0.113.1"),
        (["{retrieval}"], "retrieval"),
    ],
)
def test_what_can_be_mended_is_one_line(run, tmp_path, capsys, words, said):
    retrieval = write_toy_retrieval(tmp_path / "table.safetensors")
    words = [word.format(run=run, retrieval=retrieval) for word in words]
    assert cli.main(["view", *words]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_help(capsys):
    with pytest.raises(SystemExit):
        cli.main(["view", "--help"])
    assert "--motion" in capsys.readouterr().out
