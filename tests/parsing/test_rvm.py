"""The matting network: names and numbers as published, blocks by hand, memory."""

import math

import pytest
import torch
from torch import nn

from partnerface.parsing.guided import HIDDEN, DeepGuidedFilter
from partnerface.parsing.mobilenet import MobileNet, SqueezeExcitation
from partnerface.parsing.rvm import WORKING, ConvGru, LiteAspp, VideoMatting, doubled
from tests.parsing.generated import matting


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_trunk_has_as_many_parameters_as_published() -> None:
    """torchvision's figure for the whole classifier, less its two last layers (960 to 1280 to 1000)."""
    assert count(MobileNet()) == 5_483_032 - (960 * 1280 + 1280) - (1280 * 1000 + 1000)


@pytest.mark.parametrize(("trunk", "millions"), [("mobilenetv3", "3.749"), ("resnet50", "26.890")])
def test_the_networks_have_as_many_parameters_as_published(trunk: str, millions: str) -> None:
    assert f"{count(VideoMatting(trunk)) / 1e6:.3f}" == millions


def test_the_names_are_those_of_the_public_weights() -> None:
    small, large = VideoMatting().state_dict(), VideoMatting("resnet50").state_dict()
    shapes = {
        "backbone.features.0.0.weight": (16, 3, 3, 3),
        "backbone.features.0.1.running_var": (16,),
        "backbone.features.1.block.1.0.weight": (16, 16, 1, 1),
        "backbone.features.4.block.0.0.weight": (72, 24, 1, 1),
        "backbone.features.4.block.1.0.weight": (72, 1, 5, 5),
        "backbone.features.4.block.2.fc1.weight": (24, 72, 1, 1),
        "backbone.features.4.block.2.fc2.bias": (72,),
        "backbone.features.4.block.3.1.weight": (40,),
        "backbone.features.16.0.weight": (960, 160, 1, 1),
        "aspp.aspp1.0.weight": (128, 960, 1, 1),
        "aspp.aspp2.1.weight": (128, 960, 1, 1),
        "decoder.decode4.gru.ih.0.weight": (128, 128, 3, 3),
        "decoder.decode4.gru.hh.0.bias": (64,),
        "decoder.decode3.conv.0.weight": (80, 171, 3, 3),
        "decoder.decode2.gru.ih.0.weight": (40, 40, 3, 3),
        "decoder.decode1.conv.1.running_mean": (32,),
        "decoder.decode0.conv.0.weight": (16, 35, 3, 3),
        "decoder.decode0.conv.3.weight": (16, 16, 3, 3),
        "project_mat.conv.weight": (4, 16, 1, 1),
        "project_seg.conv.bias": (1,),
        "refiner.box_filter.weight": (4, 1, 3, 3),
        "refiner.conv.0.weight": (16, 24, 1, 1),
        "refiner.conv.6.bias": (4,),
    }
    assert {name: tuple(small[name].shape) for name in shapes} == shapes
    assert large["backbone.layer4.2.conv3.weight"].shape == (2048, 512, 1, 1)
    assert large["aspp.aspp1.0.weight"].shape == (256, 2048, 1, 1)
    # The published files' bytes; what is not tensors in them is names and places, some hundred bytes each.
    for state, size in ((small, 15_217_721), (large, 107_905_875)):
        held = sum(value.numel() * value.element_size() for value in state.values())
        assert 0 < size - held < 500 * len(state)


def test_the_trunk_s_features_stand_at_their_sizes() -> None:
    with torch.no_grad():
        features = MobileNet().eval()(random(1, 3, 64, 96))
    assert [tuple(item.shape[1:]) for item in features] == [(16, 32, 48), (24, 16, 24), (40, 8, 12), (960, 4, 6)]


def test_the_gru_by_hand() -> None:
    """One channel, one pixel, so that of each 3 x 3 kernel the centre counts alone."""
    gru = ConvGru(1)
    # Rows: r, z; columns: of x, of the memory.
    gates, biases, inner, bias = ((0.5, -1.0), (0.3, 0.8)), (0.1, -0.2), (1.5, 2.0), 0.05
    with torch.no_grad():
        for convolution, weights, added in ((gru.ih[0], gates, biases), (gru.hh[0], (inner,), (bias,))):
            assert isinstance(convolution, nn.Conv2d)
            convolution.weight.zero_()
            convolution.weight[:, :, 1, 1] = torch.tensor(weights)
            convolution.bias = nn.Parameter(torch.tensor(added))
        x, h = 0.7, 0.0
        memory = None
        for _ in range(3):
            r = 1 / (1 + math.exp(-(0.5 * x - 1.0 * h + 0.1)))
            z = 1 / (1 + math.exp(-(0.3 * x + 0.8 * h - 0.2)))
            h = (1 - z) * h + z * math.tanh(1.5 * x + 2.0 * r * h + 0.05)
            memory = gru(torch.full((1, 1, 1, 1), x), memory)
            assert memory.item() == pytest.approx(h, rel=1e-5)
            x = -0.4 * x + 0.2


def test_squeeze_and_aspp_by_hand() -> None:
    """With weights of nought the hard sigmoid and the sigmoid are a half of everything."""
    x = random(1, 8, 4, 4)
    squeeze, aspp = SqueezeExcitation(8, 8), LiteAspp(8, 4).eval()
    with torch.no_grad():
        squeeze.fc2.weight.zero_()
        squeeze.fc2.bias = nn.Parameter(torch.full((8,), 1.5))  # (1.5 + 3) / 6
        torch.testing.assert_close(squeeze(x), 0.75 * x)
        aspp.aspp2[1].weight.zero_()  # type: ignore[operator]
        torch.testing.assert_close(aspp(x), aspp.aspp1(x) / 2)


def test_enlarging_keeps_pixel_centres_and_cuts_what_is_over() -> None:
    """A ramp over the coarse pixels' centres is the same ramp over the fine ones' (their places by hand)."""
    ramp = torch.arange(4.0).expand(1, 1, 4, 4)
    fine = doubled(ramp, torch.zeros(1, 3, 7, 7))
    assert fine.shape == (1, 1, 7, 7)
    torch.testing.assert_close(fine[0, 0, 3], torch.tensor([0.0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75]))


def test_the_guided_filter_reproduces_an_affine_relation() -> None:
    """Where the result is a x + b of the guide, and a is said to be that, the large result is a X + b of the large
    guide, also where the large guide has detail that the small one lacks."""
    slope, offset = torch.tensor([0.5, -2.0, 1.0, 3.0]).view(1, 4, 1, 1), torch.tensor([0.1, 0.2, 0.0, -1.0])
    refiner = DeepGuidedFilter().eval()
    last = refiner.conv[-1]
    assert isinstance(last, nn.Conv2d)
    with torch.no_grad():
        refiner.box_filter.weight.fill_(1 / 9)
        last.weight.zero_()
        last.bias.copy_(slope.flatten())  # type: ignore[union-attr]
        small, large = random(1, 3, 12, 14), random(1, 3, 36, 42, seed=1)

        def affine(picture: torch.Tensor) -> torch.Tensor:
            return slope * torch.cat([picture, picture.mean(1, keepdim=True)], 1) + offset.view(1, 4, 1, 1)

        out = refiner(large, small, affine(small), random(1, HIDDEN, 12, 14))
    # At the outline the window reaches over the edge.
    inside = (..., slice(6, -6), slice(6, -6))
    torch.testing.assert_close(out[inside], affine(large)[inside], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [(64, 64), (61, 75), (16, 16)])
def test_alpha_has_the_picture_s_size(size: tuple[int, int]) -> None:
    network, picture = matting(), random(1, 3, *size)
    with torch.no_grad():
        alpha, memory = network(picture)
    assert alpha.shape == (1, 1, *size)
    assert [item.shape[1] for item in memory] == [16, 20, 40, 64]
    for item, divisor in zip(memory, (2, 4, 8, 16), strict=True):
        assert tuple(item.shape[2:]) == tuple(-(-edge // divisor) for edge in size)
    assert alpha.min() >= 0
    assert alpha.max() <= 1
    assert alpha.std() > 1e-4


def test_the_memory_changes_what_is_seen() -> None:
    network, pictures = matting(), random(3, 3, 48, 48)
    with torch.no_grad():
        alone, first = network(pictures[:1])
        after, _ = network(pictures[:1], network(pictures[1:2])[1])
        again, second = network(pictures[:1], None)
    torch.testing.assert_close(alone, again)
    torch.testing.assert_close(first, second)
    assert (after - alone).abs().max() > 1e-3


def test_a_large_picture_is_worked_on_small() -> None:
    """The memory tells at which size; the guided filter brings the result back to the picture's."""
    with torch.no_grad():
        alpha, memory = matting()(random(1, 3, WORKING + 88, WORKING + 88))
    assert alpha.shape == (1, 1, WORKING + 88, WORKING + 88)
    assert memory[0].shape[2:] == (WORKING // 2, WORKING // 2)
    assert alpha.std() > 1e-3


@pytest.mark.parametrize("trunk", ["mobilenetv3", "resnet50"])
def test_what_the_trunk_is_shown(trunk: str) -> None:
    """MobileNet was trained on ImageNet's normalised pictures, the matting network's ResNet on plain ones."""
    network, picture, shown = matting(trunk), random(1, 3, 32, 32), []
    network.backbone.register_forward_pre_hook(lambda module, inputs: shown.append(inputs[0]))
    with torch.no_grad():
        network(picture)
    expected = picture
    if trunk == "mobilenetv3":
        mean, spread = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        expected = (picture - mean[:, None, None]) / spread[:, None, None]
    torch.testing.assert_close(shown[0], expected)


def test_a_large_picture_lends_its_own_detail() -> None:
    """With the slope s of alpha over the picture's grey value, alpha holds s times what the small picture lacks."""
    network, picture = matting(), 0.5 + 0.2 * random(1, 3, 2 * WORKING, 2 * WORKING)
    last, made = network.refiner.conv[-1], {}
    assert isinstance(last, nn.Conv2d)
    with torch.no_grad():
        network.refiner.box_filter.weight.fill_(1 / 9)
        last.weight.zero_()
        for slope in (0.0, 0.3):
            last.bias = nn.Parameter(torch.tensor([0.0, 0.0, 0.0, slope]))
            made[slope] = network(picture)[0]
        grey = picture.mean(1, keepdim=True)
        window = nn.functional.avg_pool2d(nn.functional.avg_pool2d(grey, 2), 3, 1, 1)
        smooth = nn.functional.interpolate(window, scale_factor=2, mode="bilinear", align_corners=False)
    inside = ((made[0.0] > 0.1) & (made[0.0] < 0.9))[0, 0]
    assert inside.float().mean() > 0.5
    difference = made[0.3] - made[0.0]
    torch.testing.assert_close(difference[0, 0][inside], 0.3 * (grey - smooth)[0, 0][inside], rtol=1e-3, atol=1e-5)
    assert difference[0, 0][inside].std() > 0.01


def test_the_large_trunk_runs() -> None:
    with torch.no_grad():
        alpha, memory = matting("resnet50")(random(1, 3, 64, 64))
    assert alpha.shape == (1, 1, 64, 64)
    assert [item.shape[1] for item in memory] == [16, 32, 64, 128]
