"""The arrow-shaped system against a dense solve."""

import pytest
import torch

from partnerface.tracking.solver import ArrowSystem, solve


def random_system(frames: int, own: int, shared: int) -> ArrowSystem:
    generator = torch.Generator().manual_seed(3)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    rows = normal(frames, 3 * (own + shared), own + shared)
    matrix = rows.transpose(1, 2) @ rows
    coupling = normal(frames - 1, own).abs()
    blocks = matrix[:, :own, :own].clone()
    diagonal = blocks.diagonal(dim1=1, dim2=2)
    diagonal[:-1] += coupling
    diagonal[1:] += coupling
    return ArrowSystem(
        own=blocks,
        coupling=coupling,
        cross=matrix[:, :own, own:],
        shared=matrix[:, own:, own:].sum(0),
        own_gradient=normal(frames, own),
        shared_gradient=normal(shared),
    )


def dense(system: ArrowSystem) -> tuple[torch.Tensor, torch.Tensor]:
    frames, own = system.own_gradient.shape
    shared = len(system.shared)
    size = frames * own
    matrix = torch.zeros(size + shared, size + shared, dtype=torch.float64)
    for t in range(frames):
        here = slice(t * own, (t + 1) * own)
        matrix[here, here] = system.own[t]
        matrix[here, size:], matrix[size:, here] = system.cross[t], system.cross[t].T
        if t + 1 < frames:
            after = slice((t + 1) * own, (t + 2) * own)
            matrix[here, after] = matrix[after, here] = -torch.diag(system.coupling[t])
    matrix[size:, size:] = system.shared
    return matrix, torch.cat([system.own_gradient.reshape(-1), system.shared_gradient])


@pytest.mark.parametrize(("frames", "shared"), [(7, 4), (1, 4), (5, 0)])
def test_equals_dense_solve(frames, shared):
    system = random_system(frames, 5, shared)
    matrix, gradient = dense(system)
    expected = torch.linalg.solve(matrix, -gradient)
    solution = solve(system)
    torch.testing.assert_close(torch.cat([solution.own.reshape(-1), solution.shared]), expected)
    covariance = torch.linalg.inv(matrix)[frames * 5 :, frames * 5 :]
    torch.testing.assert_close(solution.covariance, covariance)


def test_unknowns_that_are_left_out_stay_and_the_others_solve_the_rest():
    frames, own, shared = 4, 5, 3
    system = random_system(frames, own, shared)
    matrix, gradient = dense(system)
    stay = torch.zeros(frames, own, dtype=torch.bool)
    stay[:, 1:3] = True
    move = ~torch.cat([stay.reshape(-1), torch.zeros(shared, dtype=torch.bool)])
    expected = torch.zeros(len(matrix), dtype=torch.float64)
    expected[move] = torch.linalg.solve(matrix[move][:, move], -gradient[move])
    solution = solve(system.without(slice(1, 3)))
    torch.testing.assert_close(torch.cat([solution.own.reshape(-1), solution.shared]), expected)
    # The system itself is as it was.
    torch.testing.assert_close(dense(system)[0], matrix)


def test_damping_raises_the_diagonal_and_leaves_the_original():
    system = random_system(3, 4, 2)
    before = system.own.clone()
    damped = system.damped(0.5)
    torch.testing.assert_close(damped.own.diagonal(dim1=1, dim2=2), 1.5 * before.diagonal(dim1=1, dim2=2))
    torch.testing.assert_close(damped.shared.diagonal(), 1.5 * system.shared.diagonal())
    torch.testing.assert_close(system.own, before)


def test_indefinite_system_is_refused():
    system = random_system(3, 4, 2)
    system.own[1] = -system.own[1]
    with pytest.raises(torch.linalg.LinAlgError):  # pyright: ignore[reportPrivateImportUsage]
        solve(system)
