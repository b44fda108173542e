"""The interop matrix: keep the newest result of each client and suite on each target, and write docs/reference/clients.md.

`compat.run --keep` writes `compat/results/<client>-<target>.json` for the clients of the matrix and
`compat/results/suites/<suite>-<target>.json` for every other suite; `python -m compat.matrix` (part of `make docs`) writes the
page. The rule of the file: the page says nothing that is not in a result.
"""

from __future__ import annotations

import ast
import datetime
import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import TypedDict

from compat.brokers import REPOSITORY
from compat.clients.bodies import BODIES, features_of
from compat.features import FEATURES
from compat.results import SuiteResult, version_of

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
PAGE = REPOSITORY / "docs" / "reference" / "clients.md"
TARGETS = ("kafka", "neuraxis")


class Kept(TypedDict):
    """One file of compat/results: what one client did on one target."""

    client: str
    version: str
    target: str
    target_version: str
    date: str
    features: dict[str, str]
    messages: dict[str, str]


# The columns of the page, in its order: (heading, language, suite that shows it).
CLIENTS: Mapping[str, tuple[str, str, str]] = {
    "java_client": ("kafka-clients", "Java", "java_client"),
    "confluent_kafka": ("confluent-kafka", "Python on librdkafka (C)", "clients"),
    "kafka_python": ("kafka-python", "Python", "clients"),
    "aiokafka": ("aiokafka", "Python", "clients"),
    "kcat": ("kcat", "command line on librdkafka (C)", "clients"),
    "kafkajs": ("kafkajs", "JavaScript", "kafkajs"),
    "platformatic_kafka": ("@platformatic/kafka", "JavaScript", "platformatic_kafka"),
    "franz_go": ("franz-go", "Go", "franz_go"),
    "sarama": ("sarama", "Go", "sarama"),
    "rskafka": ("rskafka", "Rust", "rskafka"),
}
PROGRAMS = tuple(client for client, (_, _, suite) in CLIENTS.items() if suite == client)
SIGNS = {"passed": "yes", "failed": "**no**", "absent": "-"}


def _client_version(client: str) -> str:
    """Return the version of a client that the bodies use in this environment."""
    if client == "kcat":
        said = subprocess.run(["kcat", "-V"], capture_output=True, text=True, check=True).stdout
        found = re.search(r"Version (\S+) .*librdkafka ([\d.]+)", said)
        return f"{found[1]} (librdkafka {found[2]})" if found else "unknown"
    if client == "confluent_kafka":
        import confluent_kafka  # here, because a program in another language needs none of it

        return f"{metadata.version('confluent-kafka')} (librdkafka {confluent_kafka.libversion()[0]})"
    return metadata.version(client.replace("_", "-"))


def keep(result: SuiteResult, allowed: Iterable[str] = (), directory: Path = RESULTS) -> list[Path]:
    """Write what this run says about each client it ran, or about its suite, over the older result; return the files."""
    outcomes = {case.name: case.outcome for case in result.cases}
    if result.suite == "clients":
        found = {client: (features_of(client, outcomes), _client_version(client)) for client in BODIES}
    elif result.suite in PROGRAMS:
        words = {"passed": "passed", "skipped": "absent"}
        features = {name: words.get(outcomes.get(name, "failed"), "failed") for name in FEATURES}
        found = {result.suite: (features, result.suite_version.lstrip("v"))}
    else:
        path = directory / "suites" / f"{result.suite}-{result.target}.json"
        result.write(path, allowed)
        return [path]
    written = []
    for client, (features, version) in found.items():
        kept: Kept = {
            "client": client,
            "version": version,
            "target": result.target,
            "target_version": version_of(result.target),
            "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
            "features": features,
            "messages": {
                c.name: c.message for c in result.cases if c.name in FEATURES and c.outcome == "failed"
            },
        }
        path = directory / f"{client}-{result.target}.json"
        path.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
        written.append(path)
    return written


def load(directory: Path = RESULTS) -> dict[tuple[str, str], Kept]:
    """Return the kept results by (client, target)."""
    found: dict[tuple[str, str], Kept] = {}
    for path in sorted(directory.glob("*.json")):
        kept: Kept = json.loads(path.read_text("utf-8"))
        found[kept["client"], kept["target"]] = kept
    return found


class KeptSuite(TypedDict):
    """What the page needs of a file of compat/results/suites: what one suite said on one target (see compat/results.py)."""

    suite: str
    suite_version: str
    target: str
    target_version: str
    durability: str
    date: str
    note: str
    passed: int
    failed: int
    skipped: int
    cases: list[dict[str, str | float]]


def load_suites(directory: Path = RESULTS) -> dict[tuple[str, str], KeptSuite]:
    """Return the kept results of the suites by (suite, target)."""
    found: dict[tuple[str, str], KeptSuite] = {}
    for path in sorted((directory / "suites").glob("*.json")):
        kept: KeptSuite = json.loads(path.read_text("utf-8"))
        found[kept["suite"], kept["target"]] = kept
    return found


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |\n"


def _cell(results: Mapping[tuple[str, str], Kept], client: str, feature: str) -> str:
    """Return what both targets say: one word when they agree, both when they do not, `?` when there is no run."""
    signs = []
    for target in TARGETS:
        kept = results.get((client, target))
        signs.append("?" if kept is None else SIGNS[kept["features"].get(feature, "failed")])
    return signs[0] if signs[0] == signs[1] else f"Kafka {signs[0]}, Neuraxis {signs[1]}"


def _versions(results: Mapping[tuple[str, str], Kept]) -> str:
    """Return the table of what was run, when, on which versions and how to run it again."""
    text = (
        _row(["Client", "Language", "Version", "Neuraxis", "Apache Kafka", "Run it"])
        + "|"
        + "---|" * 6
        + "\n"
    )
    for client, (name, language, suite) in CLIENTS.items():
        runs = [results.get((client, target)) for target in reversed(TARGETS)]
        version = next((run["version"] for run in runs if run), "?")
        when = [f"{run['target_version']}, {run['date']}" if run else "?" for run in runs]
        text += _row([name, language, version, *when, f"`make compat SUITE={suite}`"])
    return text


def _suite_cell(kept: KeptSuite | None) -> str:
    """Return the counts of one run, and when and on what it was had."""
    if kept is None:
        return "not run"
    counts = [f"{kept['passed']} passed"]
    if kept["failed"]:
        counts.append(f"**{kept['failed']} failed**")
    if kept["skipped"]:
        counts.append(f"{kept['skipped']} skipped")
    policy = f", `{kept['durability']}`" if kept["durability"] else ""
    return f"{', '.join(counts)} ({kept['target_version']}{policy}, {kept['date']})"


def _what(suite: str) -> str:
    """Return what a suite runs: the docstring of its package, without the full stop."""
    source = (HERE / suite / "__init__.py").read_text("utf-8")
    return " ".join((ast.get_docstring(ast.parse(source)) or "").split()).rstrip(".")


def _failures(results: Mapping[tuple[str, str], KeptSuite], suite: str) -> str:
    """Return one line for a suite with failures on Neuraxis: which of them Apache Kafka has too, and where the cause is."""
    failed = {
        target: [str(case["name"]) for case in kept["cases"] if case["outcome"] == "failed"]
        for target in TARGETS
        if (kept := results.get((suite, target))) is not None
    }
    here = failed.get("neuraxis", [])
    if not here:
        return ""
    both = [f"`{name}`" for name in here if name in failed.get("kafka", [])]
    ours = [f"`{name}`" for name in here if name not in failed.get("kafka", [])]
    parts = [f"on both {', '.join(both)}"] if both else []
    parts += [f"on Neuraxis alone {', '.join(ours)}"] if ours else []
    return f"- **{suite}** fails {'; '.join(parts)}: the causes are in `compat/{suite}/FINDINGS.md`\n"


def _suites(results: Mapping[tuple[str, str], KeptSuite]) -> str:
    """Return the section on other people's programs and test suites."""
    suites = sorted({suite for suite, _ in results})
    text = _row(["Suite", "What runs", "Version", "On Neuraxis", "On Apache Kafka"]) + "|" + "---|" * 5 + "\n"
    for suite in suites:
        runs = [results.get((suite, target)) for target in reversed(TARGETS)]
        version = next((run["suite_version"] for run in runs if run), "?")
        text += _row([f"`{suite}`", _what(suite), version, *map(_suite_cell, runs)])
    failures = "".join(_failures(results, suite) for suite in suites)
    return (
        "\n## Programs and test suites\n\n"
        "Programs and test suites of other people, unmodified; each is one command, `make compat SUITE=<suite>\n"
        "[TARGET=kafka]`. In brackets: the version of the broker, its durability policy, and the day of the run.\n\n"
        + text
        + ("\n" + failures if failures else "\nNothing fails on Neuraxis.\n")
    )


def render(results: Mapping[tuple[str, str], Kept], suites: Mapping[tuple[str, str], KeptSuite]) -> str:
    """Return the page."""
    differing = [
        f"{CLIENTS[client][0]}: {feature}"
        for client in CLIENTS
        for feature in FEATURES
        if "Neuraxis" in _cell(results, client, feature)
    ]
    heads = [name for name, _, _ in CLIENTS.values()]
    matrix = _row(["Feature", *heads]) + "|" + "---|" * (len(heads) + 1) + "\n"
    for feature in FEATURES:
        matrix += _row([feature, *(_cell(results, client, feature) for client in CLIENTS)])
    meanings = "".join(f"- **{feature}**: {meaning}\n" for feature, meaning in FEATURES.items())
    return (
        "# Clients\n\n"
        "<!-- Written by compat/matrix.py (`make docs`) from compat/results. Run the client again, not an editor. -->\n\n"
        "Each of these clients ran, unmodified, against Neuraxis and, as a control, against Apache Kafka. *yes*: it does this\n"
        "on both; *-*: the client does not have it; a cell that names the two is a difference.\n\n"
        + matrix
        + f"\nDifferences between the two: {'; '.join(differing) or 'none'}.\n\n"
        + "## What each word stands for\n\n"
        + meanings
        + "\nA client that has only a part of a feature shows that part; the `FINDINGS.md` of its suite says which.\n"
        + _suites(suites)
        + "\n## Which clients ran, and how to run them\n\n"
        + _versions(results)
        + "\n`TARGET=kafka` runs the same against Apache Kafka, which needs Java 17 and Maven. Each suite installs its pinned\n"
        "client into `.cache/`; `ARGS=--keep` keeps the result and writes this page. The programs are\n"
        "in `compat/<client>/`; the four clients of the suite `clients` run in `make test` too\n"
        "(`tests/integration/clients`).\n"
    )


def write_page() -> None:
    """Write the page from the kept results."""
    PAGE.write_text(render(load(), load_suites()), "utf-8")
    print(f"wrote {PAGE.relative_to(REPOSITORY)}")


if __name__ == "__main__":
    write_page()
