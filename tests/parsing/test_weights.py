"""Weight files of a user: which are taken, and one line for each that is not."""

import hashlib
import io
import os
import re
from pathlib import Path

import pytest
import torch
from torch import nn

from partnerface.errors import InputError
from partnerface.parsing.weights import KNOWN, WeightFile, is_trusted, load_weights

FILE = WeightFile("small.pth", "a small network", "parsing.alpha: small", "0" * 64, "example.org", "CC0")


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


def packed(content: object, **options) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream, **options)
    return stream.getvalue()


def put(folder: Path, data: bytes) -> str:
    """Write the file; returns its SHA-256."""
    (folder / FILE.name).write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def refused(folder: Path, *stated: str) -> str:
    with pytest.raises(InputError) as caught:
        load_weights(network(), FILE, folder, stated)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder / FILE.name) in message
    return message


@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}], ids=["zip", "legacy"])
def test_a_stated_checksum_lets_a_file_in(tmp_path: Path, options: dict) -> None:
    source = network()
    digest = put(tmp_path, packed(source.state_dict(), **options))
    target = network()
    assert load_weights(target, FILE, tmp_path, ("1" * 64, f" {digest.upper()} ")) == digest
    for name, value in source.state_dict().items():
        torch.testing.assert_close(target.state_dict()[name], value)
    assert not target.training
    assert not any(parameter.requires_grad for parameter in target.parameters())


def test_counters_may_be_absent(tmp_path: Path) -> None:
    source = network()
    state = {name: value for name, value in source.state_dict().items() if not name.endswith("num_batches_tracked")}
    assert len(state) == len(source.state_dict()) - 1
    target = network()
    load_weights(target, FILE, tmp_path, (put(tmp_path, packed(state)),))
    torch.testing.assert_close(target.state_dict()["1.weight"], state["1.weight"])


def test_the_published_checksum_lets_a_file_in_and_no_other(tmp_path: Path) -> None:
    data = packed(network().state_dict())
    digest = put(tmp_path, data)
    message = refused(tmp_path)
    assert digest in message
    assert FILE.sha256 in message
    assert "parsing.weights_sha256" in message
    published = WeightFile(**(vars(FILE) | {"sha256": digest}))
    assert load_weights(network(), published, tmp_path) == digest
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    put(tmp_path, bytes(flipped))
    with pytest.raises(InputError, match="is not the published file"):
        load_weights(network(), published, tmp_path)


def test_a_missing_file_says_where_to_get_it(tmp_path: Path) -> None:
    message = refused(tmp_path)
    for part in (FILE.setting, FILE.source, "parsing.weights", "No such file"):
        assert part in message
    (tmp_path / FILE.name).mkdir()
    assert "Is a directory" in refused(tmp_path)


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, trace: Path):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}], ids=["zip", "legacy"])
def test_a_pickle_that_runs_code_is_refused(tmp_path: Path, options: dict) -> None:
    trace = tmp_path / "it ran"
    data = packed({"0.weight": Hostile(trace)}, **options)
    torch.load(io.BytesIO(data), weights_only=False)
    assert trace.is_dir()  # it would run
    trace.rmdir()
    assert "holds more than tensors" in refused(tmp_path, put(tmp_path, data))
    assert not trace.exists()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}], ids=["zip", "legacy"])
def test_a_truncated_file_is_refused(tmp_path: Path, options: dict, share: float) -> None:
    data = packed(network().state_dict(), **options)
    digest = put(tmp_path, data[: int(share * len(data))])
    assert re.search("can't be read as weights|is damaged", refused(tmp_path, digest))


def scripted() -> bytes:
    stream = io.BytesIO()
    torch.jit.save(torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)), stream)
    return stream.getvalue()


def with_tensor(name: str, value: torch.Tensor | None) -> bytes:
    """The network's state with one tensor put in, or left out."""
    state = dict(network().state_dict())
    if value is None:
        del state[name]
    else:
        state[name] = value
    return packed(state)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(lambda: packed([torch.zeros(2)]), "is not a state dict of tensors", id="a list"),
        pytest.param(lambda: packed({"0.weight": 3}), "is not a state dict of tensors", id="a number"),
        pytest.param(lambda: packed({"state_dict": network().state_dict()}), "is not a state dict", id="nested"),
        pytest.param(scripted, "can't be read|holds more than tensors", id="TorchScript"),
        pytest.param(lambda: b"<!DOCTYPE html>" * 99, "can't be read|holds more than tensors", id="a web page"),
        pytest.param(lambda: packed({}), r"lacks the tensor 0\.weight and 5 more", id="empty"),
        pytest.param(lambda: with_tensor("1.running_var", None), r"lacks the tensor 1\.running_var;", id="one less"),
        pytest.param(lambda: with_tensor("2.bias", torch.zeros(2)), r"beyond .* the tensor 2\.bias;", id="one more"),
        pytest.param(
            lambda: with_tensor("0.weight", torch.zeros(4, 3, 5, 5)), r"\(4, 3, 5, 5\).*\(4, 3, 3, 3\)", id="a shape"
        ),
        pytest.param(lambda: with_tensor("0.bias", torch.full((4,), torch.nan)), r"0\.bias .* not finite", id="nan"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_what_is_no_such_network_is_refused(tmp_path: Path, data, words: str) -> None:
    target = network()
    before = {name: value.clone() for name, value in target.state_dict().items()}
    digest = put(tmp_path, data())
    with pytest.raises(InputError, match=words) as caught:
        load_weights(target, FILE, tmp_path, (digest,))
    assert "\n" not in str(caught.value)
    assert FILE.name in str(caught.value)
    for name, value in target.state_dict().items():
        torch.testing.assert_close(value, before[name])


def test_the_table_is_complete() -> None:
    from partnerface.config.settings import ParsingSettings

    fields = ParsingSettings.__dataclass_fields__
    choices = {*fields["alpha"].metadata["choices"], *fields["classes"].metadata["choices"]}
    assert set(KNOWN) == choices - {"selfie", "head"}
    for key, file in KNOWN.items():
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert file.setting.endswith(f": {key}")
        assert is_trusted(file, file.sha256, ())
        assert not is_trusted(file, "f" * 64, ())
