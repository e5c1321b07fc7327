"""The face parser's network: names and numbers as published, blocks by hand, classes."""

import pytest
import torch
from torch import nn

from partnerface.conventions import CLASS_NAMES, MASK_POLICIES
from partnerface.parsing.bisenet import (
    CLASSES,
    INPUT,
    MEAN,
    SPREAD,
    AttentionRefinement,
    BiSeNet,
    FeatureFusion,
    class_shares,
    ours,
)
from partnerface.parsing.resnet import BasicBlock, resnet18, resnet50
from tests.parsing.generated import randomise


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_trunks_have_as_many_parameters_as_published() -> None:
    """torchvision's figures for the whole classifiers, less their last layers (512 and 2048 inputs, 1000 classes)."""
    assert count(resnet18()) == 11_689_512 - 1000 * (512 + 1)
    assert count(resnet50()) == 25_557_032 - 1000 * (2048 + 1)
    assert count(resnet50(dilated=True)) == count(resnet50())


def test_the_network_is_that_of_the_public_weights() -> None:
    network = BiSeNet()
    assert round(count(network) / 1e6, 1) == 13.3
    state = network.state_dict()
    shapes = {
        "cp.resnet.conv1.weight": (64, 3, 7, 7),
        "cp.resnet.bn1.running_mean": (64,),
        "cp.resnet.layer1.0.conv1.weight": (64, 64, 3, 3),
        "cp.resnet.layer2.0.downsample.0.weight": (128, 64, 1, 1),
        "cp.resnet.layer4.1.bn2.num_batches_tracked": (),
        "cp.arm16.conv.conv.weight": (128, 256, 3, 3),
        "cp.arm32.conv_atten.weight": (128, 128, 1, 1),
        "cp.arm32.bn_atten.weight": (128,),
        "cp.conv_head32.conv.weight": (128, 128, 3, 3),
        "cp.conv_head16.bn.bias": (128,),
        "cp.conv_avg.conv.weight": (128, 512, 1, 1),
        "ffm.convblk.conv.weight": (256, 256, 1, 1),
        "ffm.conv1.weight": (64, 256, 1, 1),
        "ffm.conv2.weight": (256, 64, 1, 1),
        "conv_out.conv.conv.weight": (256, 256, 3, 3),
        "conv_out.conv_out.weight": (19, 256, 1, 1),
        "conv_out16.conv_out.weight": (19, 64, 1, 1),
        "conv_out32.conv.bn.running_var": (64,),
    }
    assert {name: tuple(state[name].shape) for name in shapes} == shapes
    # The published file has 53,289,463 bytes; what is not tensors in it is names and places, some hundred bytes each.
    held = sum(value.numel() * value.element_size() for value in state.values())
    assert 0 < 53_289_463 - held < 400 * len(state)


def test_a_block_by_hand() -> None:
    """One channel, one pixel, so that of each 3 x 3 kernel the centre counts alone."""
    block = BasicBlock(1, 1).eval()
    with torch.no_grad():
        for convolution, weight in ((block.conv1, 2.0), (block.conv2, -0.5)):
            convolution.weight.zero_()
            convolution.weight[0, 0, 1, 1] = weight
        for norm, mean, variance in ((block.bn1, 1.0, 4.0), (block.bn2, 0.0, 1.0)):
            norm.eps = 0.0
            norm.running_mean, norm.running_var = torch.tensor([mean]), torch.tensor([variance])
        # 3: conv1 6, less 1 through 2 is 2.5; conv2 -1.25; 3 - 1.25. -1: conv1 -2, normalised -1.5, rectified 0.
        assert block(torch.full((1, 1, 1, 1), 3.0)).item() == pytest.approx(1.75)
        assert block(torch.full((1, 1, 1, 1), -1.0)).item() == 0.0


def test_attention_by_hand() -> None:
    """Where the attention's scores are nought its sigmoid is a half."""
    features = torch.rand(1, 8, 4, 4)
    with torch.no_grad():
        refinement, fusion = AttentionRefinement(8, 8).eval(), FeatureFusion(16).eval()
        refinement.conv_atten.weight.zero_()
        torch.testing.assert_close(refinement(features), refinement.conv(features) / 2)
        fusion.conv2.weight.zero_()
        both = torch.cat([features, 1 - features], 1)
        torch.testing.assert_close(fusion(features, 1 - features), fusion.convblk(both) * 1.5)


def test_each_of_19_classes_goes_to_one_of_ours() -> None:
    order = (
        "background skin l_brow r_brow l_eye r_eye eye_g l_ear r_ear ear_r nose mouth u_lip l_lip neck neck_l cloth "
        "hair hat"
    )
    assert list(CLASSES) == order.split()
    assert set(CLASSES.values()) == set(CLASS_NAMES)
    table = ours()
    assert table.shape == (len(CLASS_NAMES), 19)
    assert (table.sum(0) == 1).all()
    for number, name in ((0, "background"), (6, "glasses"), (9, "ears"), (11, "mouth_inside"), (15, "neck")):
        assert CLASS_NAMES[int(table[:, number].argmax())] == name
    # A hat stays on the head whatever the policy; cloth and necklace do not.
    assert CLASSES["hat"] in MASK_POLICIES["head"]
    assert CLASSES["neck_l"] not in MASK_POLICIES["head"]


def test_shares_are_sums_of_the_scores_likelihoods() -> None:
    network = BiSeNet().eval()
    randomise(network)
    picture = torch.rand(3, INPUT, INPUT, generator=torch.Generator().manual_seed(1))
    shares = class_shares(network, picture)
    assert shares.shape == (len(CLASS_NAMES), INPUT, INPUT)
    torch.testing.assert_close(shares.sum(0), torch.ones(INPUT, INPUT))
    normal = torch.stack([(picture[k] - MEAN[k]) / SPREAD[k] for k in range(3)])
    with torch.no_grad():
        scores = network(normal[None])[0, :, 100, 200].double()
    likely = (scores.exp() / scores.exp().sum()).tolist()
    for name, numbers in (("brows", (2, 3)), ("ears", (7, 8, 9)), ("hair", (17, 18)), ("glasses", (6,))):
        expected = sum(likely[number] for number in numbers)
        assert shares[CLASS_NAMES.index(name), 100, 200].item() == pytest.approx(expected, rel=1e-3, abs=1e-6)
