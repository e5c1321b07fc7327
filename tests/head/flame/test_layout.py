"""What a FLAME file has to hold, and what its head is called."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csc_matrix, csr_matrix

from partnerface.errors import InputError
from partnerface.head.flame import versions
from partnerface.head.flame.layout import read_flame
from partnerface.head.flame.versions import content_digest, version_of
from partnerface.head.places import head_files, model_file
from tests.head.flame.shaped import dump


@pytest.mark.parametrize("sparse", [csc_matrix, csr_matrix, np.asarray])
def test_arrays_arrive_as_they_were_written(small: dict, sparse: Any, tmp_path: Path):
    held = {**small, "J_regressor": sparse(small["J_regressor"])}
    found = read_flame(dump(held, tmp_path / "a.pkl", chumpy=True))
    assert np.array_equal(found.template, small["v_template"])
    assert np.allclose(found.joint_regressor, small["J_regressor"], atol=1e-12)
    assert np.array_equal(found.shape_basis, small["shapedirs"][..., :300])
    assert found.expression_basis.shape == (240, 3, 25)  # of 40 the last 15 move nothing
    assert np.array_equal(found.expression_basis, small["shapedirs"][..., 300:325])
    assert np.array_equal(found.pose_basis, small["posedirs"])
    assert np.allclose(found.joints[3:], [[0.03, 0, 0], [-0.03, 0, 0]], atol=1e-12)


@pytest.mark.parametrize(
    ("key", "change", "words"),
    [
        ("posedirs", None, "lacks posedirs"),
        ("weights", lambda a: np.ones((240, 24)) / 24, "24 joints"),
        ("weights", lambda a: a * 2, "sum to 1"),
        ("shapedirs", lambda a: a[..., :300], "expression follows"),
        ("shapedirs", lambda a: np.where(np.arange(340) < 300, a, 0), "no expressions"),
        ("shapedirs", lambda a: a[:100], "shape"),
        ("posedirs", lambda a: a[..., :27], "posedirs has the shape"),
        ("f", lambda a: a + 240, "outside its 240 vertices"),
        ("kintree_table", lambda a: np.array([[0, 0, 1, 2, 2], [0, 1, 2, 3, 4]]), "tree of joints"),
        ("v_template", lambda a: a * 1000, "metres"),
        ("v_template", lambda a: a * [-1, 1, 1], r"\+x"),
        ("v_template", lambda a: np.where(a == a[5], np.nan, a), "no array of numbers"),
        ("v_template", lambda a: "none", "no array of numbers"),
        ("v_template", lambda a: [[1, 2], [3]], "no array of numbers"),
    ],
)
def test_what_is_no_flame_is_refused_in_a_line(small: dict, key: str, change: Any, words: str, tmp_path: Path):
    held = {name: value for name, value in small.items() if name != key}
    if change is not None:
        held[key] = change(small[key])
    with pytest.raises(InputError, match=words) as raised:
        read_flame(dump(held, tmp_path / "a.pkl"))
    assert "\n" not in str(raised.value)


def test_a_sparse_matrix_that_contradicts_itself(small: dict, tmp_path: Path):
    matrix = csc_matrix(small["J_regressor"])
    matrix.indices[3] = 77
    with pytest.raises(InputError, match="J_regressor is no array"):
        read_flame(dump({**small, "J_regressor": matrix}, tmp_path / "a.pkl"))


def test_a_version_is_known_by_its_checksum(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(versions, "PUBLISHED", {"ab": "2020"})
    assert version_of("ab", None, True, "x") == version_of("ab", "2020", True, "x") == "flame-2020"
    with pytest.raises(InputError, match="FLAME 2020 by its SHA-256"):
        version_of("ab", "2023", True, "x")
    assert version_of("cd", None, True, "x") == "flame-unknown"
    assert version_of("cd", "2023", True, "x") == "flame-2023-as-stated"
    assert version_of("cd", "2023", False, "x") == "flame-shaped"


def test_the_published_checksums_are_whole():
    assert all(len(digest) == 64 and int(digest, 16) for digest in versions.PUBLISHED)
    assert set(versions.PUBLISHED.values()) <= set(versions.VERSIONS)


def test_the_setting_offers_the_versions_that_are_known():
    from dataclasses import fields

    from partnerface.config.settings import TrackingSettings

    offered = next(item for item in fields(TrackingSettings) if item.name == "head_version").metadata["choices"]
    assert offered == versions.VERSIONS


def test_a_digest_tells_contents_apart():
    arrays = [np.arange(6.0), np.ones((2, 3))]
    assert content_digest(arrays) == content_digest([a.astype(np.float32) for a in arrays])
    assert content_digest(arrays) != content_digest([arrays[0] + 1e-12, arrays[1]])
    assert content_digest(arrays) != content_digest([arrays[0], arrays[1].T])


def test_a_folder_stands_for_the_one_model_in_it(tmp_path: Path):
    with pytest.raises(InputError, match=r"holds no \.pkl"):
        model_file(tmp_path)
    for name in ("FLAME_masks.pkl", "flame_static_embedding.pkl", "flame2023.pkl", "l_eyelid.npy", "other.npy"):
        (tmp_path / name).touch()
    assert model_file(tmp_path) == tmp_path / "flame2023.pkl"
    assert [path.name for path in head_files(str(tmp_path))] == [
        "flame2023.pkl", "l_eyelid.npy", "FLAME_masks.pkl", "flame_static_embedding.pkl",
    ]  # fmt: skip
    (tmp_path / "male_model.pkl").touch()
    with pytest.raises(InputError, match="several models"):
        model_file(tmp_path)
    assert head_files("builtin") == []
    with pytest.raises(InputError, match="no file"):
        head_files(str(tmp_path / "none.pkl"))
