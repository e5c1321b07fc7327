"""What may be loaded by what: start-up stays instant, and the core runs on a bare GPU node."""

import json
import subprocess
import sys

import pytest

HEAVY = ("torch", "mediapipe", "cv2", "snakemake", "scipy", "skimage", "matplotlib", "pandas")
#: Not installed where training runs: importing one of them fails, as it would there.
ABSENT_ON_A_NODE = ("cv2", "mediapipe", "scipy", "skimage", "snakemake", "jinja2", "matplotlib", "jax")


def loaded_after(code: str, *arguments: str) -> set[str]:
    """Modules that a fresh interpreter holds after running `code`."""
    program = f"{code}\nimport sys, json\nprint('\\n' + json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import partnerface",
        "from partnerface.cli import main; assert main([]) == 0",
        "import partnerface.launch.rules",
        "from partnerface.cli import main\ntry: main(['run', '--help'])\nexcept SystemExit: pass",
        "from partnerface.cli import main\ntry: main(['drive', '--help'])\nexcept SystemExit: pass",
        "from partnerface.cli import main\ntry: main(['view', '--help'])\nexcept SystemExit: pass",
    ],
)
def test_start_up_loads_nothing_heavy(code):
    assert not loaded_after(code) & set(HEAVY)


@pytest.mark.parametrize(
    "stage",
    ["import", "frames", "landmarks", "tracking", "parsing", "capture", "dataset", "train", "render", "evaluate"],
)
def test_the_help_of_a_stage_loads_nothing_heavy(stage):
    code = f"from partnerface.cli import main\ntry: main(['{stage}', '--help'])\nexcept SystemExit: pass"
    assert not loaded_after(code) & {"torch", "mediapipe", "cv2", "snakemake"}


def test_config_needs_only_yaml():
    assert not loaded_after("import partnerface.config.document") & {*HEAVY, "numpy"}


def test_training_rendering_and_evaluation_run_on_a_bare_node():
    code = f"""
import importlib, pkgutil, sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {ABSENT_ON_A_NODE!r}:
            raise ImportError(name + ' is not installed here')
sys.meta_path.insert(0, Absent())
for package in ('avatar', 'training', 'evaluation', 'kernels', 'geometry', 'artefacts'):
    package = importlib.import_module('partnerface.' + package)
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):
        importlib.import_module(module.name)
for stage in ('train', 'render', 'evaluate'):
    importlib.import_module('partnerface.stages.' + stage)
"""
    assert "torch" in loaded_after(code)
