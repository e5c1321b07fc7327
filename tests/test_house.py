"""What holds for the repository as a whole: size of files, layers, pins, schema."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
MOST_LINES = 400
CODE = (".py", ".smk", ".cpp", ".cu", ".h", ".cuh", ".md", ".yaml", ".j2", ".css", ".js")


def code_files():
    folders = [ROOT / name for name in ("partnerface", "tests", "workflow", "docs", "envs")]
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in CODE and path.is_file()]
    # Tables that `partnerface tables` wrote are kept, not written.
    files = [path for path in files if ROOT / "docs" / "tables" not in path.parents]
    return [*files, ROOT / "Snakefile", ROOT / "Makefile"]


def pins():
    """Distribution, normalised → version, as constraints.txt has it."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {normal(name): version for name, version in pairs}


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_no_file_grows_past_the_limit():
    long = {
        str(path.relative_to(ROOT)): n
        for path in code_files()
        if (n := len(path.read_text().splitlines())) > MOST_LINES
    }
    assert not long


def test_layers_hold():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", sorted((ROOT / "envs").glob("*.yaml")), ids=lambda path: path.stem)
def test_conda_files_repeat_the_pins(file):
    known = pins()
    parts = yaml.safe_load(file.read_text())["dependencies"]
    listed = [item for part in parts if isinstance(part, dict) for item in part["pip"]]
    assert listed
    for item in listed:
        name, _, version = item.partition("==")
        assert known.get(normal(name)) == version, f"{file.name}: {item}"


def test_the_launchers_packages_repeat_the_pins():
    """The plugins are the launcher's alone; what else it has is of the version in constraints.txt."""
    lines = [line for line in (ROOT / "envs" / "launcher.txt").read_text().splitlines() if line[:1] not in ("", "#")]
    listed = dict(line.split("==") for line in lines)
    assert {"snakemake", "pyyaml", "snakemake-executor-plugin-slurm"} <= set(listed)
    for name, version in listed.items():
        assert pins().get(normal(name), version) == version, name


def test_containers_install_by_the_constraints():
    """Neither recipe names a version of its own, and both do the same."""
    steps = []
    for name in ("Dockerfile", "partnerface.def"):
        text = re.sub(r"^#.*$", "", (ROOT / "envs" / name).read_text(), flags=re.M).replace("\\\n", " ")
        assert "==" not in text
        assert "python:3.11-slim-bookworm" in text
        installs = [" ".join(found.split()) for found in re.findall(r"pip install ([^&\n]+)", text)]
        assert installs
        assert all("--constraint constraints.txt" in one for one in installs)
        steps.append(installs)
    assert steps[0] == steps[1]
    extras = set(re.search(r"\.\[([\w,]+)\]", steps[0][-1])[1].split(","))  # pyright: ignore[reportOptionalSubscript]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert extras == set(project["optional-dependencies"]) - {"dev"}


def test_declared_packages_are_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    declared = {normal(re.split(r"[\[<>=]", item)[0]) for items in lists for item in items}
    assert {"torch", "mediapipe", "snakemake", "pyright"} <= declared
    assert declared <= set(pins())


def test_the_two_opencv_packages_are_of_one_version():
    assert pins()["opencv-python"] == pins()["opencv-contrib-python"]


def test_constraints_name_no_host_and_no_path():
    assert not re.search(
        r"https?:|file:|@|--|/", re.sub(r"^#.*$", "", (ROOT / "constraints.txt").read_text(), flags=re.M)
    )


def test_every_rule_has_its_stage_and_is_included():
    from partnerface.conventions import STAGES

    rules = {path.stem for path in (ROOT / "workflow" / "rules").glob("*.smk")} - {"common"}
    assert rules == set(STAGES)
    included = re.findall(r'include: "workflow/rules/(\w+)\.smk"', (ROOT / "Snakefile").read_text())
    assert included == ["common", *STAGES]
    for stage in STAGES:
        assert (ROOT / "partnerface" / "stages" / f"{stage}.py").is_file()
        assert f'source=source("{stage}")' in (ROOT / "workflow" / "rules" / f"{stage}.smk").read_text()


def test_each_stage_has_a_page_with_its_settings_as_they_are():
    from partnerface.config.pages import with_settings
    from partnerface.conventions import STAGES

    pages = {path.stem: path.read_text() for path in (ROOT / "docs" / "stages").glob("*.md")}
    assert set(pages) == set(STAGES)
    for stage, page in pages.items():
        assert page == with_settings(page, stage), "make schema writes the tables anew"
        assert f"](stages/{stage}.md)" in (ROOT / "docs" / "stages.md").read_text()


def test_the_version_is_the_same_everywhere():
    from partnerface import __version__

    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == __version__
