"""LPIPS on made-up weights of the right shapes: against the sequential trunks, and what it refuses to load."""

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from partnerface.errors import InputError
from partnerface.evaluation.lpips import LpipsMetric, find_weights, load

#: Where the trunks are cut, as in the LPIPS repository: after these layers of torchvision's `features`.
CUTS = {"alex": (1, 4, 7, 9, 11), "vgg": (3, 8, 15, 22, 29)}


def files_in(folder: Path, net: str) -> tuple[Path, Path]:
    files = find_weights(folder, net)
    assert files is not None
    return files


def loaded(folder: Path, net: str) -> LpipsMetric:
    return load(net, *files_in(folder, net))


@torch.no_grad()
def their_maps(net: str, layers: nn.Sequential, heads: list[torch.Tensor], *images: torch.Tensor) -> list[torch.Tensor]:
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    taps = []
    for image in images:
        x = ((2 * image - 1).permute(1, 2, 0) - shift) / scale
        x = x.permute(2, 0, 1)[None]
        taps.append([])
        for number, layer in enumerate(layers):
            x = layer(x)
            if number in CUTS[net]:
                taps[-1].append(x[0] / x[0].norm(dim=0))
    pairs = zip(*taps, heads, strict=True)
    return [torch.einsum("chw,c->hw", (a.nan_to_num() - b.nan_to_num()) ** 2, head.flatten()) for a, b, head in pairs]


@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_lpips_like_the_sequential_trunk(tmp_path, write_weights, net):
    layers, heads = write_weights(tmp_path, net)
    metric = loaded(tmp_path, net)
    truth, image = torch.rand(2, 3, 64, 80).double()
    theirs = their_maps(net, layers, heads, truth.float(), image.float())
    score = metric(truth, image)
    assert score(None) == pytest.approx(float(sum(m.mean() for m in theirs)), rel=1e-4)
    assert score(None) > 0
    assert metric(truth, truth)(None) == 0
    mask = torch.zeros(64, 80, dtype=torch.bool)
    mask[10:20, 30:50] = True
    large = [nn.functional.interpolate(m[None, None], (64, 80), mode="bilinear")[0, 0] for m in theirs]
    assert score(mask) == pytest.approx(float(torch.stack(large).sum(0)[mask].mean()), rel=1e-4)
    assert {file.split(".")[0] for file in metric.files} == {
        {"alex": "alexnet-owt-7be5be79", "vgg": "vgg16-397923af"}[net],
        net,
    }
    assert all(len(checksum) == 64 for checksum in metric.files.values())


def test_safetensors_give_the_same(tmp_path, write_weights):
    write_weights(tmp_path, "alex")
    trunk_file, head_file = files_in(tmp_path, "alex")
    truth, image = torch.rand(2, 3, 64, 64).double()
    expected = load("alex", trunk_file, head_file)(truth, image)(None)
    other = tmp_path / "other"
    other.mkdir()
    save_file(torch.load(trunk_file, weights_only=True), other / "alexnet.safetensors")
    save_file(torch.load(head_file, weights_only=True), other / "lpips_alex.safetensors")
    assert loaded(other, "alex")(truth, image)(None) == expected


def test_weights_are_found_only_when_both_files_are_there(tmp_path):
    assert find_weights(tmp_path / "nowhere", "alex") is None
    (tmp_path / "alex.pth").touch()
    assert find_weights(tmp_path, "alex") is None
    (tmp_path / "alexnet-notes.txt").touch()
    assert find_weights(tmp_path, "alex") is None
    (tmp_path / "alexnet-owt-7be5be79.pth").touch()
    assert [file.name for file in files_in(tmp_path, "alex")] == ["alexnet-owt-7be5be79.pth", "alex.pth"]
    assert find_weights(tmp_path, "vgg") is None


class Payload:
    """Unpickled without care, this makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("save", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))])
def test_pickled_code_is_refused_and_not_run(tmp_path, write_weights, save):
    write_weights(tmp_path, "alex")
    proof = tmp_path / "proof"
    save({"lin0.model.1.weight": Payload(proof)}, tmp_path / "alex.pth")
    with pytest.raises(InputError, match=r"alex\.pth"):
        loaded(tmp_path, "alex")
    assert not proof.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "can't be read"),
        (b"<html>404</html>", "holds more than tensors|can't be read"),
        ({"lin0.model.1.weight": torch.zeros(1, 7, 1, 1)}, r"shape \(1, 7, 1, 1\), LPIPS alex wants \(1, 64, 1, 1\)"),
        ({"weight": torch.zeros(1)}, r"no tensor lin0\.model\.1\.weight"),
        ([1, 2], "not a state dict"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path, write_weights, content, message):
    write_weights(tmp_path, "alex")
    if isinstance(content, bytes):
        (tmp_path / "alex.pth").write_bytes(content)
    else:
        torch.save(content, tmp_path / "alex.pth")
    with pytest.raises(InputError, match=message) as caught:
        loaded(tmp_path, "alex")
    assert "\n" not in str(caught.value)
    assert "alex.pth" in str(caught.value)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_a_gpu_gives_the_number_of_the_cpu(tmp_path, write_weights, net):
    write_weights(tmp_path, net)
    truth, image = torch.rand(2, 3, 128, 128).double()
    here = load(net, *files_in(tmp_path, net))(truth, image)(None)
    there = load(net, *files_in(tmp_path, net), device="cuda")(truth, image)(None)
    assert there == pytest.approx(here, rel=1e-4)
