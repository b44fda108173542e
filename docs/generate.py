"""Writes the reference pages that are derived from code and the measured table of the README.

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
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuraxis.broker.config_table import ConfigKey

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
REFERENCE = ROOT / "docs" / "reference"
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
        note = note if api.advertised else " (ours, not advertised)"
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
    """Every configuration by Kafka's name; of the broker's, those with an effect here have a table of their own."""
    text = "# Configuration\n\n" + NOTICE + "\n"
    known = module_if_there("neuraxis.broker.config_table")
    if known is None:
        return text + TO_COME
    words: dict[str, str] = known.DOCUMENTATION

    def rows(configs: Iterable[ConfigKey]) -> list[tuple[str, ...]]:
        shown = (config for config in configs if not config.internal)
        return [
            (f"`{key.name}`", key.type, default(key), CHANGED[key.mode], words.get(key.name, ""))
            for key in shown
        ]

    heads = ("Name", "Type", "Default", "Changed", "What it does")
    own = [
        (f"`{key.name}`", key.type, default(key), CHANGED[key.mode], known.OWN_DOCUMENTATION[key.name])
        for key in known.OWN_CONFIGS.values()
    ]
    broker = [key for key in known.BROKER_CONFIGS.values() if key.name in words]
    others = [key for key in known.BROKER_CONFIGS.values() if key.name not in words]
    return (
        text
        + "All names, types and defaults are Apache Kafka's. *Changed* says when a change takes effect.\n\n"
        + "## Topics\n\nSet with `neuraxis topic create` and `neuraxis config`, or with any Kafka tool.\n\n"
        + table(heads, rows(known.TOPIC_CONFIGS.values()))
        + "\n## The broker\n\nSet with `neuraxis up --set name=value`. These have an effect here.\n\n"
        + table(heads, rows(broker))
        + "\n## The broker, beyond Kafka's table\n\nKafka's authoriser knows the first and the last; the others are ours.\n\n"
        + table(heads, own)
        + "\n## Groups\n\n"
        + table(heads, rows(known.GROUP_CONFIGS.values()))
        + "\n## Broker configurations without an effect\n\nAccepted, kept and shown, so that set-ups made for Kafka"
        + " work unchanged; there is nothing here that they would steer.\n\n"
        + table(("Name", "Type", "Default"), [(f"`{key.name}`", key.type, default(key)) for key in others])
    )


CHANGED = {"r": "at start", "b": "at once, per broker", "c": "at once"}


def default(key: ConfigKey) -> str:
    """The default as a table cell."""
    if key.required:
        return "must be given"
    return "none" if key.default is None else f"`{key.default}`" if key.default else "empty"


def command_line() -> str:
    """Every command with its help text, as the terminal shows it."""
    text = "# Command line\n\n" + NOTICE + "\n"
    cli = module_if_there("neuraxis.cli")
    group = getattr(cli, "root", None)
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


def metrics() -> str:
    """Every metric with its labels, and what Apache Kafka calls it."""
    text = "# Metrics\n\n" + NOTICE + "\n"
    known = module_if_there("neuraxis.broker.metrics.families")
    if known is None:
        return text + TO_COME
    rows = [
        (
            f"`{family.name}`",
            family.kind,
            ", ".join(f"`{label}`" for label in family.labels),
            family.text,
            family.kafka and f"`{family.kafka}`",
        )
        for family in known.FAMILIES.values()
    ]
    return (
        text
        + "`neuraxis up --metrics 127.0.0.1:9404` shows these at `/metrics` in Prometheus's text format, to whoever may reach"
        + " that address. `neuraxis.otlp.endpoint` pushes them to an OpenTelemetry collector, where names have no `_total`."
        + " Times are in seconds, sizes in bytes; buckets double.\n\n"
        + "A scrape costs the broker's loop a slice of some 100 microseconds in each turn, and its threads pause while they"
        + " write: requests do not wait for it. [How to watch a broker](../how-to/watch-a-broker.md) says what to look at.\n\n"
        + table(("Name", "Kind", "Labels", "What it says", "Apache Kafka's name"), rows)
    )


BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"


def readme() -> str:
    """The README with the summary of docs/reference/performance.md between its two `measured` marks.

    The page that the bench writes has the same two marks around its summary. Until then the README keeps its goals.
    """
    text = README.read_text("utf-8")
    performance = REFERENCE / "performance.md"
    if not performance.exists():
        return text
    measured = between_marks(performance.read_text("utf-8"), performance)
    return text.replace(between_marks(text, README), measured)


def between_marks(text: str, page: Path) -> str:
    """What stands between the marks; both must be there once."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise SystemExit(
            f"{page.name}: put the summary between the lines {BEGIN.strip()} and {END.strip()}, once"
        )
    return text.partition(BEGIN)[2].partition(END)[0]


PAGES: dict[Path, Callable[[], str]] = {
    REFERENCE / "apis.md": apis,
    REFERENCE / "configs.md": configs,
    REFERENCE / "cli.md": command_line,
    REFERENCE / "metrics.md": metrics,
    README: readme,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is stale")
    check = parser.parse_args().check
    stale = []
    for page, render in PAGES.items():
        text = render()
        if page.exists() and page.read_text("utf-8") == text:
            continue
        stale.append(page.relative_to(ROOT).as_posix())
        if not check:
            page.parent.mkdir(exist_ok=True)
            page.write_text(text, "utf-8")
    if check and stale:
        print(f"stale: {', '.join(stale)}. Run: make docs", file=sys.stderr)
        return 1
    for name in stale:
        print(f"wrote {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
