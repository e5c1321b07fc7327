from pathlib import Path

import numpy as np
import pytest

from partnerface.head.builtin import builtin_head
from partnerface.head.flame import FlameHead, load_flame
from tests.head.flame.shaped import Shaped, dump, flame_shaped


@pytest.fixture(scope="session")
def shaped() -> Shaped:
    """A deformed head on another mesh."""
    return flame_shaped(builtin_head())


@pytest.fixture(scope="session")
def file(shaped: Shaped, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It as FLAME's makers would write it: Python 2's protocol, chumpy's arrays, a sparse regressor."""
    return dump(shaped.held, tmp_path_factory.mktemp("flame") / "generic_model.pkl", chumpy=True)


@pytest.fixture(scope="session")
def loaded(file: Path) -> FlameHead:
    return load_flame(file)


@pytest.fixture(scope="session")
def small() -> dict[str, np.ndarray]:
    """What a FLAME pickle holds, with few vertices: enough for reading, not for laying a face onto it."""
    rng = np.random.default_rng(3)
    count = 240
    template = rng.normal(size=(count, 3)) * 0.05
    weights = rng.random((count, 5))
    weights[:100] = np.repeat([[0, 0, 0, 1.0, 0], [0, 0, 0, 0, 1.0]], 50, axis=0)
    template[:50] += [0.03, 0, 0]
    template[50:100] -= [0.03, 0, 0]
    regressor = np.zeros((5, count))
    regressor[[0, 1, 2], [200, 210, 220]] = 1
    regressor[3, :50] = regressor[4, 50:100] = 1 / 50
    template[:50] += [0.03, 0, 0] - template[:50].mean(0)
    template[50:100] += [-0.03, 0, 0] - template[50:100].mean(0)
    shapes = rng.normal(size=(count, 3, 340)) * 1e-3
    shapes[..., 325:] = 0
    return {
        "v_template": template,
        "shapedirs": shapes,
        "posedirs": rng.normal(size=(count, 3, 36)) * 1e-3,
        "J_regressor": regressor,
        "weights": weights / weights.sum(1, keepdims=True),
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]], dtype=np.uint32),
        "f": rng.integers(0, count, (300, 3)).astype(np.uint32),
    }
