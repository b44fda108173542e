"""The house rules that a machine can check, each as a function from one file to its complaints.

The rule of the file: a rule says what is wrong, where, and what to do next. `test_rules.py` shows every rule a
sample that breaks it, so no rule can fall asleep.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

MODULE_LINES = 400  # what a reader can hold in the head; longer modules say why in their first paragraph
FUNCTION_LINES = 60  # one screen
LONG_MODULE = "Long because: "

LONG_FUNCTIONS: dict[str, str] = {
    # "src/neuraxis/module.py:function": "the reason"
}
"""Functions that may be longer than a screen, each with its reason. Split by verb before you add one."""

SHORT_WORDS = """
cfg conf ctx msg msgs req reqs resp resps idx idxs buf bufs cnt conn conns mgr srv svc tmp vals ptr evt impl cmd
util utils misc helper helpers
"""
ABBREVIATIONS = frozenset(SHORT_WORDS.split())
"""Words that have a longer, clearer form. `fs`, `id` and `ms` are the only short ones we keep."""

ASYNC_MODULES = frozenset({"server", "worker", "mirror"})
ASYNC_PACKAGES = ("gateway", "console", "registry")
"""Where `async` may stand: the shells of planes other than the broker (which has none at all), and the web apps."""


@dataclass(frozen=True)
class Source:
    """One Python file: `path` is relative to the repository, with forward slashes."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @cached_property
    def comments(self) -> dict[int, str]:
        """Line number -> the comment on that line, without its `#`."""
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        return {token.start[0]: token.string[1:] for token in tokens if token.type == tokenize.COMMENT}

    @cached_property
    def standalone_comments(self) -> frozenset[int]:
        """The numbers of the lines that are comments and nothing else."""
        lines = self.text.splitlines()
        return frozenset(number for number in self.comments if lines[number - 1].lstrip().startswith("#"))

    @property
    def shipped(self) -> bool:
        return self.path.startswith("src/")


Rule = Callable[[Source], Iterator[str]]


def module_size(source: Source) -> Iterator[str]:
    """A module fits in 400 lines or says why not."""
    lines = source.text.count("\n")
    first_paragraph = (ast.get_docstring(source.tree) or "").split("\n\n")
    reason = any(line.startswith(LONG_MODULE) for part in first_paragraph[:2] for line in part.splitlines())
    if lines > MODULE_LINES and not reason:
        yield f"{source.path}: {lines} lines; split it by verb, or begin a docstring line with '{LONG_MODULE}'"


def function_size(source: Source) -> Iterator[str]:
    """A function fits on a screen, its docstring aside."""
    for node in ast.walk(source.tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if ast.get_docstring(node) is not None:
                lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
            if lines > FUNCTION_LINES and f"{source.path}:{node.name}" not in LONG_FUNCTIONS:
                yield f"{source.path}:{node.lineno}: {node.name} has {lines} lines; split it by verb"


def module_docstring(source: Source) -> Iterator[str]:
    """A module opens with a sentence that says what it is."""
    docstring = ast.get_docstring(source.tree)
    if source.text.strip() and (not docstring or not re.match(r"\S.*[.:]", docstring, re.DOTALL)):
        yield f"{source.path}:1: open the module with a sentence that says what it is"


def printing(source: Source) -> Iterator[str]:
    """Only the command line prints."""
    if source.path.startswith("src/neuraxis/cli/"):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            yield f"{source.path}:{node.lineno}: print belongs in cli/; log it or return it"


def swallowed_errors(source: Source) -> Iterator[str]:
    """An error is refused, closes or stops; it is never swallowed."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler) and all(isinstance(step, ast.Pass) for step in node.body):
            broad = node.type is None or (
                isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
            )
            if broad:
                yield f"{source.path}:{node.lineno}: names no error and does nothing; refuse, close or stop"
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("suppress", "contextlib.suppress"):
            named = {ast.unparse(argument) for argument in node.args}
            if named & {"Exception", "BaseException"}:
                yield f"{source.path}:{node.lineno}: suppresses every error; name the one you mean"


def markers(source: Source) -> Iterator[str]:
    """A to-do names the issue that will do it."""
    for number, comment in source.comments.items():
        if re.search(r"\b(FIXME|XXX|HACK)\b", comment) or re.search(r"\bTODO\b(?!\(#\d+\))", comment):
            yield f"{source.path}:{number}: write it as TODO(#issue), or do it"


def abbreviations(source: Source) -> Iterator[str]:
    """Names are words."""
    for node in ast.walk(source.tree):
        names: list[str] = []
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names = [node.name]
        elif isinstance(node, ast.arg):
            names = [node.arg]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names = [node.id]
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names = [node.attr]
        for name in names:
            words = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)
            for word in sorted({word.lower() for word in words} & ABBREVIATIONS):
                yield f"{source.path}:{getattr(node, 'lineno', 1)}: '{word}' in {name}: write the word out"
    stem = PurePosixPath(source.path).stem
    if ABBREVIATIONS & set(stem.split("_")):
        yield f"{source.path}: the file's name is an abbreviation or says nothing; name the noun it serves"


def machine_paths(source: Source) -> Iterator[str]:
    """Nothing depends on one machine."""
    yield from machine_paths_in_text(source.path, source.text)


def machine_paths_in_text(path: str, text: str) -> Iterator[str]:
    """Complaints about paths of one machine and names of registry hosts, in any kind of text file."""
    machine = re.compile(r"(?<![\w.$}/-])/(?:work|root|home/\w+)(?:/|\b)")
    hosts = re.compile(
        r"\b(?:(?:files\.pythonhosted|pypi)\.(?:org|python\.org)|repo\d?\.maven\.(?:org|apache\.org)"
        r"|proxy\.golang\.org|registry\.npmjs\.org|static\.crates\.io)\b"
    )
    for number, line in enumerate(text.splitlines(), 1):
        if machine.search(line):
            yield f"{path}:{number}: a path of one machine; make it relative or an argument"
        if hosts.search(line):
            yield f"{path}:{number}: names a registry host; let the registry's ordinary client find it"


def reasons_for_ignores(source: Source) -> Iterator[str]:
    """`type: ignore[code]` and `noqa: CODE` carry a reason in the same comment, after another `#`."""
    for number, comment in source.comments.items():
        if not re.search(r"\bnoqa\b|\btype:\s*ignore", comment):
            continue
        rest = re.sub(r"\s*(noqa: *[A-Z]+\d+(, *[A-Z]+\d+)*|type: *ignore\[[\w, -]+\])", "", comment)
        if len(re.findall(r"[A-Za-z]{2,}", rest)) < 2:
            yield f"{source.path}:{number}: say why after another '#': # noqa: CODE  # the reason"


def explained_lines(source: Source) -> set[int]:
    """The lines a comment explains: its own, the one below, and the whole statement or signature it stands in."""
    lines = set(source.comments) | {number + 1 for number in source.standalone_comments}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.stmt):
            first, last = node.lineno, node.end_lineno or node.lineno
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                last = node.body[0].lineno - 1
            elif hasattr(node, "body"):
                continue
            if lines & set(range(first, last + 1)):
                lines |= set(range(first, last + 1))
    return lines


def reasons_for_any(source: Source) -> Iterator[str]:
    """`Any` and `cast` carry a reason: a comment on the statement or signature, or on the line above it."""
    if not source.shipped:
        return
    explained = explained_lines(source)
    unexplained: set[tuple[int, str]] = set()
    for node in ast.walk(source.tree):
        is_any = (isinstance(node, ast.Name) and node.id == "Any") or (
            isinstance(node, ast.Attribute) and ast.unparse(node) == "typing.Any"
        )
        is_cast = isinstance(node, ast.Call) and ast.unparse(node.func) in ("cast", "typing.cast")
        if (is_any or is_cast) and getattr(node, "lineno", 0) not in explained:
            unexplained.add((getattr(node, "lineno", 0), "cast" if is_cast else "Any"))
    for line, what in sorted(unexplained):
        yield f"{source.path}:{line}: {what} without a reason; say why in a comment on the line"


def async_places(source: Source) -> Iterator[str]:
    """The broker has no `async` at all; other planes have it in their shells alone."""
    if not source.shipped:
        return
    parts = PurePosixPath(source.path).parts[2:]
    in_shell = PurePosixPath(source.path).stem in ASYNC_MODULES and parts[0] not in ("broker", "wire")
    if in_shell or parts[0] in ASYNC_PACKAGES:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)):
            yield f"{source.path}:{node.lineno}: async belongs in a shell (server, worker, mirror) or a web app"
            return


SHIPPED_RULES: tuple[Rule, ...] = (
    module_size,
    function_size,
    module_docstring,
    printing,
    abbreviations,
    reasons_for_any,
    async_places,
)
"""What the package itself keeps to."""

EVERYWHERE_RULES: tuple[Rule, ...] = (swallowed_errors, markers, reasons_for_ignores)
"""What tests, benches and tools keep to as well."""


def python_sources(root: Path, *folders: str) -> list[Source]:
    """Every Python file below the folders of the repository, in order of path."""
    paths = sorted(path for folder in folders for path in (root / folder).rglob("*.py"))
    return [Source(path.relative_to(root).as_posix(), path.read_text("utf-8")) for path in paths]
