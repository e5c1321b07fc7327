"""Texture and light from looks that were made of known ones."""

import math

import torch

from partnerface.tracking.photometric.light import Texture, harmonics, light_of, shade, texture_and_light


def looks(frames: int = 20, places: int = 300) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Texture (n,), light (T, 9), bases (T, n, 9) of normals that turn with the frames, and values (T, n)."""
    generator = torch.Generator().manual_seed(0)
    normals = torch.nn.functional.normalize(
        torch.randn(places, 3, generator=generator) + torch.tensor([0, 0, 1.5]), dim=1
    )
    turn = torch.linspace(-0.5, 0.5, frames)
    c, s, nil, one = turn.cos(), turn.sin(), torch.zeros(frames), torch.ones(frames)
    rotation = torch.stack([c, nil, s, nil, one, nil, -s, nil, c], 1).reshape(-1, 3, 3)
    bases = harmonics(normals @ rotation.transpose(1, 2))
    texture = 0.5 * torch.randn(places, generator=generator)
    light = 0.2 * torch.randn(frames, 9, generator=generator)
    return texture, light, bases, texture + shade(bases, light)


def test_harmonics_by_hand():
    half = math.sqrt(0.5)
    found = harmonics(torch.tensor([[0.0, 0.0, 1.0], [half, 0.0, half]]))
    torch.testing.assert_close(found[0], torch.tensor([1.0, 0, 0, 1, 0, 0, 0, 0, 2]))
    torch.testing.assert_close(found[1], torch.tensor([1.0, half, 0, half, 0, 0.5, 0, 0.5, 0.5]))


def test_harmonics_are_orthogonal_over_the_sphere():
    generator = torch.Generator().manual_seed(0)
    bases = harmonics(torch.nn.functional.normalize(torch.randn(400_000, 3, generator=generator), dim=1))
    gram = bases.T @ bases / len(bases)
    scale = gram.diagonal().sqrt()
    assert (gram / (scale[:, None] * scale) - torch.eye(9)).abs().max() < 0.02


def test_texture_and_light_are_told_apart_and_explain_what_is_seen():
    _, _, bases, values = looks()
    texture, light = texture_and_light(values, torch.ones_like(values), bases)
    left = values - texture.mean - shade(bases, light)
    assert left.abs().mean() < 0.02
    # Without light the texture alone leaves much more.
    assert (values - values.mean(0)).abs().mean() > 0.1


def test_a_highlight_neither_enters_the_texture_nor_the_light():
    _, _, bases, values = looks()
    clean, _ = texture_and_light(values, torch.ones_like(values), bases)
    spoilt = values.clone()
    spoilt[3:6, :60] += 2.0
    texture, light = texture_and_light(spoilt, torch.ones_like(values), bases)
    assert (texture.mean - clean.mean).abs().mean() < 0.02
    left = values - texture.mean - shade(bases, light)
    assert left[:, 60:].abs().mean() < 0.03


def test_the_light_of_a_new_frame_is_found_given_the_texture():
    truth, light, bases, values = looks()
    texture = Texture(truth, torch.full_like(truth, 0.02))
    torch.testing.assert_close(light_of(values, torch.ones_like(values), bases, texture), light, atol=0.03, rtol=0)


def test_a_frame_that_shows_nothing_has_no_light():
    truth, _, bases, values = looks()
    weights = torch.ones_like(values)
    weights[4] = 0
    light = light_of(values, weights, bases, Texture(truth, torch.full_like(truth, 0.02)))
    assert light[4].abs().max() == 0
    assert light.isfinite().all()
