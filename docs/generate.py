"""Writes the reference pages that are derived from code: docs/reference/apis.md, configs.md and cli.md.

The rule of the file: it reads the same tables the program uses, so a page cannot say something else than the code does.
Run it with `make docs`; `python docs/generate.py --check` writes nothing and fails if a page is stale.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

REFERENCE = Path(__file__).parent / "reference"
NOTICE = "<!-- Written by docs/generate.py (`make docs`). Change the code, not this page. -->\n"
TO_COME = "This page is written from the code and is empty until the code exists.\n"


def module_if_there(name: str) -> ModuleType | None:
    """The module, or None if the package does not have it yet. An error inside the module is not hidden."""
    parent, _, _ = name.rpartition(".")
    if parent and module_if_there(parent) is None:
        return None
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


def table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table; `|` and line ends inside cells are escaped."""

    def line(cells: Iterable[object]) -> str:
        return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |\n"

    heads = list(heads)
    return line(heads) + "|" + "---|" * len(heads) + "\n" + "".join(line(row) for row in rows)


def summary(documented: object) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((inspect.getdoc(documented) or "").split("\n\n")[0].split())


def apis() -> str:
    """The Kafka APIs the broker serves, with what each handler's header says."""
    text = "# Kafka APIs\n\n" + NOTICE + "\n"
    registry = module_if_there("neuraxis.broker.registry")
    if registry is None or module_if_there("neuraxis.broker.handlers") is None:
        return text + TO_COME
    rows = []
    details = []
    for api in registry.api_table().values():
        served = f"{api.minimum}-{api.maximum}" if api.minimum != api.maximum else f"{api.minimum}"
        note = "" if api.advertised_minimum == api.minimum else f" (advertised from {api.advertised_minimum})"
        anchor = f"{api.name.lower()}-{api.key}"
        rows.append((api.key, f"[{api.name}](#{anchor})", served + note, api.needs or "-"))
        header = inspect.getdoc(sys.modules[api.handler.__module__]) or ""
        details.append(f"## {api.name} ({api.key})\n\n```text\n{header}\n```\n")
    return (
        text
        + "Every Kafka client may use these. *Needs* is the operation and resource that authorisation asks for.\n\n"
        + table(("Key", "API", "Versions", "Needs"), rows)
        + "\n"
        + "\n".join(details)
    )


def configs() -> str:
    """Every configuration by Kafka's name, and the broker's own start options."""
    text = "# Configuration\n\n" + NOTICE + "\n"
    config_table = module_if_there("neuraxis.broker.config_table")
    if config_table is None:
        return text + TO_COME
    for title, rows in config_table.documentation():
        text += f"## {title}\n\n" + table(("Name", "Type", "Default", "What it does"), rows) + "\n"
    return text


def command_line() -> str:
    """Every command with its help text, as the terminal shows it."""
    text = "# Command line\n\n" + NOTICE + "\n"
    cli = module_if_there("neuraxis.cli")
    group = getattr(cli, "main", None)
    if group is None:
        return text + TO_COME
    click = importlib.import_module("click")

    def pages(command: object, path: str) -> Iterable[str]:
        context = click.Context(command, info_name=path, terminal_width=100, max_content_width=100)
        yield f"## {path}\n\n```text\n{command.get_help(context).rstrip()}\n```\n"
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                subcommand = command.get_command(context, name)
                if subcommand is not None and not subcommand.hidden:
                    yield from pages(subcommand, f"{path} {name}")

    return text + "\n".join(pages(group, "neuraxis"))


PAGES: dict[str, Callable[[], str]] = {"apis.md": apis, "configs.md": configs, "cli.md": command_line}


def main() -> int:
    parser = argparse.ArgumentParser(description=summary(sys.modules[__name__]))
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is stale")
    check = parser.parse_args().check
    stale = []
    for name, render in PAGES.items():
        page = REFERENCE / name
        text = render()
        if page.exists() and page.read_text("utf-8") == text:
            continue
        stale.append(name)
        if not check:
            REFERENCE.mkdir(exist_ok=True)
            page.write_text(text, "utf-8")
    if check and stale:
        print(f"stale in docs/reference: {', '.join(stale)}. Run: make docs", file=sys.stderr)
        return 1
    for name in stale:
        print(f"wrote docs/reference/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
