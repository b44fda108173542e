"""The shape of the tree: every module has its test, and somebody who needs it."""

from __future__ import annotations

import ast
from pathlib import PurePosixPath

from tests.tidy import rules
from tests.tidy.repository import ROOT

SHIPPED = rules.python_sources(ROOT, "src")

TESTED_ELSEWHERE: dict[str, str] = {
    # "src/neuraxis/module.py" or "src/neuraxis/folder/": "tests/the_test_that_covers_it.py"
}
"""Modules, and whole folders, whose test is not their mirror image. The list only shrinks; the test must exist."""

DATA_FOLDERS = ("src/neuraxis/wire/messages/", "src/neuraxis/wire/facts/")
"""Declarations without code of their own: one test compares all of them with Kafka's descriptors."""

FOUND_BY_FOLDER = (
    "src/neuraxis/wire/messages/",
    "src/neuraxis/wire/facts/",
    "src/neuraxis/broker/handlers/",
)
"""Folders whose modules are imported by listing the folder."""

ENTRY_POINTS = frozenset(
    {"src/neuraxis/cli/__init__.py", "src/neuraxis/__init__.py", "src/neuraxis/__main__.py"}
)

SHELLS = {"neuraxis.broker.server", "neuraxis.broker.embedded"}
MAY_IMPORT_SHELLS = {"neuraxis", "neuraxis.broker", "neuraxis.broker.server", "neuraxis.broker.embedded"}


def module_name(path: str) -> str:
    parts = PurePosixPath(path).with_suffix("").parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_names(source: rules.Source) -> set[str]:
    """Every dotted name the module imports, with relative imports and lazy string references resolved."""
    names: set[str] = set()
    package = module_name(source.path).split(".")
    if not source.path.endswith("__init__.py"):
        package = package[:-1]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join(base + ([node.module] if node.module else []))
            names.add(start)
            names.update(f"{start}.{alias.name}" for alias in node.names)
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and node.value.startswith("neuraxis.")
        ):
            names.add(node.value.split(":")[0])
    return names


def own_tests(path: str) -> list[str]:
    """The files that count as the module's test: test_<module>.py, or test_<module>_<aspect>.py beside it.

    The test of a package's `__init__` has the name of the package, in the package's folder or beside it.
    """
    module = PurePosixPath(path).relative_to("src/neuraxis")
    folder, stem = ROOT / "tests" / module.parent, module.stem
    folders = [folder]
    if stem == "__init__":
        stem = module.parent.name or "neuraxis"
        folders.append(folder.parent)
    patterns = (f"test_{stem}.py", f"test_{stem}_*.py")
    return [found.name for place in folders for pattern in patterns for found in place.glob(pattern)]


def needs_own_test(source: rules.Source) -> bool:
    """Whether the module has code of its own; declarations alone are covered where they are used."""
    code = any(isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) for node in ast.walk(source.tree))
    return code and not source.path.startswith(DATA_FOLDERS)


def test_every_module_has_its_mirrored_test() -> None:
    missing = [
        source.path
        for source in SHIPPED
        if needs_own_test(source)
        and not source.path.startswith(tuple(TESTED_ELSEWHERE))
        and not own_tests(source.path)
    ]
    assert not missing, "no test of its own (src/neuraxis/a/b.py -> tests/a/test_b.py):\n" + "\n".join(
        missing
    )


def test_what_is_tested_elsewhere_is_still_there_and_so_is_its_test() -> None:
    for path, test in TESTED_ELSEWHERE.items():
        assert (ROOT / path).exists(), f"{path} is gone: take it off the list"
        assert (ROOT / test).exists(), f"{path}: its test {test} is gone"
        assert path.endswith("/") or not own_tests(path), f"{path} has its own test now: take it off the list"


def test_no_module_is_dead() -> None:
    used: set[str] = set()
    for source in [*SHIPPED, *rules.python_sources(ROOT, "examples", "compat", "bench", "fuzz", "docs")]:
        used |= imported_names(source) - {module_name(source.path)}
    entry_points = (ROOT / "pyproject.toml").read_text("utf-8")
    dead = [
        source.path
        for source in SHIPPED
        if module_name(source.path) not in used
        and not source.path.endswith("__init__.py")
        and not source.path.startswith(FOUND_BY_FOLDER)
        and source.path not in ENTRY_POINTS
        and module_name(source.path) not in entry_points
    ]
    assert not dead, "nobody imports these modules; use them or remove them:\n" + "\n".join(dead)


def test_only_the_package_itself_reaches_for_the_shell_of_the_broker() -> None:
    """The import contract orders the layers; this keeps modules outside the layers from climbing above them."""
    climbing = [
        source.path
        for source in SHIPPED
        if source.path.startswith("src/neuraxis/broker/")
        and module_name(source.path) not in MAY_IMPORT_SHELLS
        and imported_names(source) & SHELLS
    ]
    assert not climbing, f"these import the shell from below: {climbing}"
