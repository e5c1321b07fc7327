"""Which files of the package a stage's result depends on, so that an edit of one reruns that stage and no other.

Snakemake tracks the text of a rule, not the program that the rule calls. The rules therefore have a parameter that is
the digest of these files; as inputs, a hundred files for each of ten thousand jobs would take minutes to look at. They
are found by following the imports of the stage's module, read from the source without running it.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

#: Where imports are not followed: how things are said, named and stored rather than what is computed.
FLOOR = ("artefacts", "config", "conventions", "errors", "failures", "progress", "quiet")
#: Files beside the modules that results may depend on (tables, templates, kernels).
DATA_SUFFIXES = (".npz", ".json", ".html", ".css", ".js", ".j2", ".cpp", ".cu", ".h", ".cuh")


def sources(root: Path, stage: str) -> list[Path]:
    """The files that make a stage what it is, sorted.

    Args:
        root: the folder that holds the package `partnerface`.
        stage: the name of the stage.
    """
    package = Path(root) / "partnerface"
    found: set[Path] = set()
    waiting = [package / "stages" / f"{stage}.py"]
    while waiting:
        path = waiting.pop()
        if path in found or not path.is_file() or _is_floor(path.relative_to(package)):
            continue
        found.add(path)
        waiting += _imported(path, package)
    folders = {path.parent for path in found if path.parent != package / "stages"}
    data = {item for folder in folders for item in _data_files(folder)}
    return sorted(found | data)


@cache
def digest(root: Path, stage: str) -> str:
    """A short SHA-256 over the names and the contents of the files of a stage."""
    whole = hashlib.sha256()
    for path in sources(root, stage):
        whole.update(f"{path.relative_to(root)}\0".encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()[:16]


def _is_floor(path: Path) -> bool:
    """Whether a path inside the package is of the floor, or one of the package's two bare `__init__.py`."""
    return path.parts[0].removesuffix(".py") in (*FLOOR, "__init__") or path.as_posix() == "stages/__init__.py"


@cache
def _imported(path: Path, package: Path) -> tuple[Path, ...]:
    return tuple(_find_imports(path, package))


def _find_imports(path: Path, package: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _module_files(alias.name, package)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                folder = path.parents[node.level - 1].relative_to(package.parent)
                module = ".".join([*folder.parts, *filter(None, [module])])
            for alias in node.names:
                yield from _module_files(f"{module}.{alias.name}", package)


def _module_files(name: str, package: Path) -> Iterator[Path]:
    """The files that importing `name` (a module, or a name inside one) runs: it, and the `__init__.py` above it."""
    parts = name.split(".")
    if parts[0] != package.name:
        return
    path = package
    for part in parts[1:]:
        yield path / "__init__.py"
        if (path / f"{part}.py").is_file():
            yield path / f"{part}.py"
            return
        path = path / part
    yield path / "__init__.py"


def _data_files(folder: Path) -> Iterator[Path]:
    """Data in the folder of a module and in its sub-folders that are no packages themselves."""
    for item in sorted(folder.iterdir()):
        if item.is_dir() and item.name != "__pycache__" and not (item / "__init__.py").exists():
            yield from _data_files(item)
        elif item.suffix in DATA_SUFFIXES:
            yield item
