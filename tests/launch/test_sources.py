"""Which files a stage depends on."""

from pathlib import Path

import pytest

from partnerface.launch.sources import sources

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def package(tmp_path):
    """A small package with the shape of ours."""
    files = {
        "__init__.py": "",
        "errors.py": "",
        "stages/__init__.py": "",
        "stages/train.py": "from partnerface.errors import X\ndef f():\n    from partnerface.training.loop import Y\n",
        "stages/report.py": "import partnerface.reporting.page\n",
        "training/__init__.py": "",
        "training/loop.py": "from ..head import model\n",
        "training/splits.py": "",
        "head/__init__.py": "",
        "head/model.py": "from . import tables\n",
        "head/tables.py": "",
        "head/face.npz": "",
        "head/data/more.npz": "",
        "head/notes.txt": "",
        "reporting/__init__.py": "from partnerface.reporting import plots\n",
        "reporting/page.py": "",
        "reporting/plots.py": "import numpy\n",
        "reporting/templates/page.html": "",
    }
    for name, text in files.items():
        path = tmp_path / "partnerface" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def names(root, stage):
    return {path.relative_to(root / "partnerface").as_posix() for path in sources(root, stage)}


def test_imports_are_followed_also_inside_functions_and_relative_ones(package):
    assert names(package, "train") == {
        "stages/train.py",
        "training/__init__.py",
        "training/loop.py",
        "head/__init__.py",
        "head/model.py",
        "head/tables.py",
        "head/face.npz",
        "head/data/more.npz",
    }


def test_what_a_package_loads_and_its_templates_count(package):
    assert names(package, "report") == {
        "stages/report.py",
        "reporting/__init__.py",
        "reporting/page.py",
        "reporting/plots.py",
        "reporting/templates/page.html",
    }


def test_a_stage_that_is_not_there_has_none(package):
    assert names(package, "other") == set()


def test_ours_keep_apart():
    train, report, frames = (names(ROOT, stage) for stage in ("train", "report", "frames"))
    assert {"stages/train.py", "avatar/methods.py", "training/loop.py", "head/model.py"} <= train
    assert {"kernels/csrc/hash_grid.h", "kernels/csrc/part_mixture_cuda.cu"} <= train
    assert not any(name.startswith(("reporting/", "video/", "config/", "artefacts/")) for name in train)
    assert not any(name.startswith(("avatar/", "training/")) for name in report | frames)
    assert any(name.startswith("video/") for name in frames)
