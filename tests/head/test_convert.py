"""Codes of one head in another's bases."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from partnerface.errors import ArtefactError, InputError
from partnerface.head.builtin import builtin_head
from partnerface.head.convert import check_same_head, convert_expression, convert_parameters, convert_shape, pair
from partnerface.head.flame import FlameHead
from partnerface.head.model import HeadModel


def smooth(head: HeadModel, count: int, seed: int) -> np.ndarray:
    """(V, 3, count) smooth displacements of some millimetres."""
    rng = np.random.default_rng(seed)
    centres = head.template[rng.integers(0, head.n_vertices, count)]
    bump = np.exp(-((head.template[:, None] - centres[None]) ** 2).sum(-1) / 0.03**2)
    return (bump[:, None] * rng.normal(size=(3, count)) * 0.003).astype(np.float32)


def other(name: str, **changes: np.ndarray) -> HeadModel:
    """The built-in head with some arrays exchanged."""
    head = builtin_head()
    names = {}
    for basis, field in (("expression_basis", "expression_names"), ("shape_basis", "shape_names")):
        if basis in changes:
            names[field] = tuple(f"c{k}" for k in range(changes[basis].shape[2]))
    return replace(head, name=name, **changes, **names)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def basis() -> np.ndarray:
    return smooth(builtin_head(), 12, 0)


def test_bases_of_the_same_span_go_there_and_back(basis: np.ndarray):
    mix = np.random.default_rng(1).normal(size=(12, 12)).astype(np.float32) + 3 * np.eye(12, dtype=np.float32)
    one, two = other("one", expression_basis=basis), other("two", expression_basis=basis @ mix)
    codes = np.random.default_rng(2).normal(size=(7, 12))
    there = convert_expression(codes, one, two)
    back = convert_expression(there.codes, two, one)
    assert there.codes.shape == (7, 12)
    assert there.residual_mm.max() < 1e-3
    assert np.abs(there.codes @ mix.T - codes).max() < 1e-3
    assert np.abs(back.codes - codes).max() < 1e-3


def test_what_a_smaller_basis_can_not_show_is_told(basis: np.ndarray):
    one, few = other("one", expression_basis=basis), other("few", expression_basis=basis[..., :5])
    within = np.zeros(12)
    within[:5] = [1, -1, 0.5, 2, 0]
    kept = convert_expression(within, one, few)
    assert np.allclose(kept.codes, within[:5], atol=1e-4)
    assert kept.residual_mm < 1e-3
    beyond = np.zeros(12)
    beyond[8] = 1.0
    lost = convert_expression(beyond, one, few)
    # By least squares the residual is that of the projection.
    a, b = (basis[..., part].reshape(-1, width) for part, width in ((slice(5), 5), (8, 1)))
    miss = (a @ np.linalg.lstsq(a, b, rcond=None)[0] - b).reshape(-1, 3)
    truth = 1000 * np.sqrt((miss**2).sum(1).mean())
    assert truth > 0.05
    assert np.isclose(lost.residual_mm, truth, rtol=1e-3)
    # More components take the fewer ones over as they are.
    more = convert_expression(within[:5], few, one)
    assert np.allclose(more.codes, within, atol=1e-3)


def test_shape_counts_the_difference_of_the_means(basis: np.ndarray):
    head = builtin_head()
    one = other("one", shape_basis=basis)
    two = other("two", shape_basis=basis, template=head.template - 2 * basis[..., 3])
    codes = np.arange(12) / 6
    found = convert_shape(codes, one, two)
    assert np.allclose(found.codes - codes, 2 * (np.arange(12) == 3), atol=1e-3)
    assert found.residual_mm < 1e-3


def test_codes_of_another_head_are_refused(basis: np.ndarray):
    head = builtin_head()
    parameters = {
        "head_name": np.array(head.name),
        "shape": np.zeros(head.n_shape),
        "expression": np.zeros((2, head.n_expression)),
    }
    check_same_head(parameters, head, Path("tracking.npz"))
    with pytest.raises(ArtefactError, match=r"tracking\.npz was fitted with builtin.*the head is flame-2020"):
        check_same_head(parameters, other("flame-2020-s1e2-ab"), Path("tracking.npz"))
    with pytest.raises(ArtefactError, match="no head by name"):
        check_same_head({k: v for k, v in parameters.items() if k != "head_name"}, head, Path("t"))
    with pytest.raises(ArtefactError, match="components"):
        check_same_head({**parameters, "expression": np.zeros((2, 3))}, head, Path("tracking.npz"))
    with pytest.raises(InputError, match="3 components"):
        convert_expression(np.zeros(3), head, other("one", expression_basis=basis))


def test_parameters_change_hands_as_a_whole(basis: np.ndarray):
    head = builtin_head()
    target = other("two", expression_basis=head.expression_basis[..., ::-1].copy())
    rng = np.random.default_rng(0)
    parameters = {
        "head_name": np.array(head.name),
        "shape": rng.normal(size=head.n_shape),
        "expression": rng.normal(size=(4, head.n_expression)) * 0.5,
        "jaw_pose": rng.normal(size=(4, 3)),
    }
    made, residual = convert_parameters(parameters, head, target)
    assert str(made["head_name"]) == "two"
    assert np.array_equal(made["jaw_pose"], parameters["jaw_pose"])
    assert residual["expression"].shape == (4,)
    assert residual["expression"].max() < 0.01
    check_same_head(made, target, Path("made"))
    with pytest.raises(ArtefactError, match="these parameters"):
        convert_parameters(parameters, target, head)


def test_between_meshes_by_the_registration(loaded: FlameHead):
    """A FLAME-shaped head with a part of the built-in head's expressions on another mesh, there and back."""
    own, target = builtin_head(), loaded.model
    pairing = pair(own, target)
    codes = np.zeros((3, own.n_expression))
    codes[:, : target.n_expression] = np.random.default_rng(0).normal(size=(3, target.n_expression))
    there = convert_expression(codes, own, target, pairing)
    size = 1000 * np.sqrt(((target.expression_basis @ there.codes[0]) ** 2).sum(1).mean())
    off = np.abs(there.codes - codes[:, : target.n_expression]).max()
    print(f"mm: {there.residual_mm} of {size:.2f}; codes off by {off:.3f}")
    assert off < 0.25
    assert there.residual_mm.max() < 0.25 * size
    back = convert_expression(there.codes, target, own, pairing.reverse())
    assert back.residual_mm.max() < 0.1 * size
    with pytest.raises(InputError, match="different meshes"):
        pair(target, replace(target, name="x", faces=target.faces[::-1]))
