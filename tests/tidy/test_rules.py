"""Lints that no linter has: the house rules, on our own source."""

from __future__ import annotations

import pytest

from tests.tidy import rules
from tests.tidy.repository import ROOT, text_files
from tests.tidy.rules import Source

SHIPPED = rules.python_sources(ROOT, "src")
OTHERS = rules.python_sources(ROOT, "tests", "bench", "compat", "fuzz", "examples", "docs", "tools")


@pytest.mark.parametrize("rule", rules.SHIPPED_RULES, ids=lambda rule: rule.__name__)
def test_the_package_keeps_the_rule(rule: rules.Rule) -> None:
    complaints = [complaint for source in SHIPPED for complaint in rule(source)]
    assert not complaints, "\n" + "\n".join(complaints)


@pytest.mark.parametrize("rule", rules.EVERYWHERE_RULES, ids=lambda rule: rule.__name__)
def test_everything_keeps_the_rule(rule: rules.Rule) -> None:
    sources = [source for source in SHIPPED + OTHERS if not source.path.startswith("tests/tidy/")]
    complaints = [complaint for source in sources for complaint in rule(source)]
    assert not complaints, "\n" + "\n".join(complaints)


def test_no_text_names_one_machine_or_a_registry_host() -> None:
    complaints = [
        complaint
        for path in text_files()
        if "tests/tidy" not in path.as_posix()
        for complaint in rules.machine_paths_in_text(
            path.relative_to(ROOT).as_posix(), path.read_text("utf-8", "replace")
        )
    ]
    assert not complaints, "\n" + "\n".join(complaints)


def test_every_long_function_on_the_list_is_still_long() -> None:
    """The list only shrinks: an entry whose function became short, or went, must go too."""
    long_now = set()
    for source in SHIPPED:
        for line in rules.function_size(Source(source.path.replace("src/", "src//", 1), source.text)):
            long_now.add(f"{source.path}:{line.split(': ', 1)[1].split(' ')[0]}")
    assert set(rules.LONG_FUNCTIONS) <= long_now


A_MODULE = '"""A module."""\n'

BROKEN: list[tuple[rules.Rule, str, str]] = [
    (rules.module_size, "src/neuraxis/a.py", A_MODULE + "x = 1\n" * 401),
    (rules.function_size, "src/neuraxis/a.py", A_MODULE + "def long():\n" + "    x = 1\n" * 60),
    (rules.module_docstring, "src/neuraxis/a.py", "x = 1\n"),
    (rules.printing, "src/neuraxis/a.py", A_MODULE + "print(1)\n"),
    (rules.swallowed_errors, "src/neuraxis/a.py", "try:\n    f()\nexcept Exception:\n    pass\n"),
    (rules.swallowed_errors, "src/neuraxis/a.py", "try:\n    f()\nexcept:\n    pass\n"),
    (rules.swallowed_errors, "src/neuraxis/a.py", "with suppress(Exception):\n    f()\n"),
    (rules.markers, "src/neuraxis/a.py", "x = 1  # TODO later\n"),
    (rules.markers, "src/neuraxis/a.py", "x = 1  # FIXME\n"),
    (rules.abbreviations, "src/neuraxis/a.py", "def f(req): ...\n"),
    (rules.abbreviations, "src/neuraxis/a.py", "parsed_cfg = 1\n"),
    (rules.abbreviations, "src/neuraxis/a.py", "class ConnMgr: ...\n"),
    (rules.abbreviations, "src/neuraxis/utils.py", A_MODULE),
    (rules.machine_paths, "docs/a.md", "see " + "/" + "work/main\n"),
    (rules.machine_paths, "docs/a.md", "see " + "/" + "root/.cache\n"),
    (rules.machine_paths, "docs/a.md", "from https://repo1.maven." + "org/maven2\n"),
    (rules.reasons_for_ignores, "src/neuraxis/a.py", "x = f()  # type: ignore[attr-defined]\n"),
    (rules.reasons_for_ignores, "src/neuraxis/a.py", "x = f()  # noqa: BLE001\n"),
    (rules.reasons_for_any, "src/neuraxis/a.py", "from typing import Any\nx: Any = 1\n"),
    (rules.reasons_for_any, "src/neuraxis/a.py", "from typing import cast\nx = cast(int, y)\n"),
    (rules.async_places, "src/neuraxis/broker/server.py", "async def f(): ...\n"),
    (rules.async_places, "src/neuraxis/process/topology.py", "async def f(): ...\n"),
]

KEPT: list[tuple[rules.Rule, str, str]] = [
    (
        rules.module_size,
        "src/neuraxis/a.py",
        '"""A module.\n\nLong because: one table.\n"""\n' + "x = 1\n" * 401,
    ),
    (rules.function_size, "src/neuraxis/a.py", "def short():\n" + "    x = 1\n" * 59),
    (rules.printing, "src/neuraxis/cli/a.py", "print(1)\n"),
    (rules.swallowed_errors, "src/neuraxis/a.py", "try:\n    f()\nexcept FileNotFoundError:\n    pass\n"),
    (rules.markers, "src/neuraxis/a.py", "x = 1  # TODO(#12) later\n"),
    (rules.abbreviations, "src/neuraxis/a.py", "def read(fs, group_id, timeout_ms): ...\n"),
    (rules.machine_paths, "docs/a.md", "https://example.org/work/ and framework/ and ./work/\n"),
    (rules.reasons_for_ignores, "src/neuraxis/a.py", "x = f()  # type: ignore[x]  # the stub is wrong\n"),
    (rules.reasons_for_ignores, "src/neuraxis/a.py", "x = f()  # noqa: BLE001  # a thread must report all\n"),
    (rules.reasons_for_any, "src/neuraxis/a.py", "from typing import Any\nx: Any = 1  # decoded JSON\n"),
    (rules.reasons_for_any, "src/neuraxis/a.py", "# fields differ per class\nx = cast(int, y)\n"),
    (rules.async_places, "src/neuraxis/connect/worker.py", "async def f(): ...\n"),
]


@pytest.mark.parametrize(("rule", "path", "text"), BROKEN)
def test_a_rule_sees_what_breaks_it(rule: rules.Rule, path: str, text: str) -> None:
    assert list(rule(Source(path, text)))


@pytest.mark.parametrize(("rule", "path", "text"), KEPT)
def test_a_rule_lets_the_right_form_pass(rule: rules.Rule, path: str, text: str) -> None:
    assert not list(rule(Source(path, text)))
