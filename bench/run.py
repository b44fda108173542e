"""Measure everything in one run: `python -m bench.run [--rounds 7] [--quick] [--policies os,sync,interval] [--only NAME]`.

Writes `bench/results/latest.json` and, from it, `docs/reference/performance.md`. A full run takes about ten minutes on
two cores, `--quick` about three. Exits 1 only when nothing could be measured: a missed budget is told, not hidden.
"""

from __future__ import annotations

import argparse
import compileall
import datetime
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from bench import (
    consume,
    kafka_tools,
    latency,
    limits,
    memory,
    page_cache,
    partitions,
    produce,
    report,
    startup,
    unbatched,
)
from bench.common import (
    FULL,
    KAFKA,
    QUICK,
    RESULTS,
    Budget,
    Field,
    Plan,
    Samples,
    load,
    load_binary,
    neuraxis,
)
from compat.brokers import REPOSITORY, BrokerFailed
from compat.kafka import BROKER_VERSION, TOOLS_VERSION

QUESTIONS: dict[str, ModuleType] = {
    "limits": limits,
    "produce": produce,
    "consume": consume,
    "latency": latency,
    "unbatched": unbatched,
    "partitions": partitions,
    "startup": startup,
    "kafka_tools": kafka_tools,
}


def all_budgets(samples: Samples) -> list[Budget]:
    """Return every budget; the one for `sync` produce is the lesser of two, decided by this run's own figures."""
    found = [budget for module in (*QUESTIONS.values(), memory) for budget in getattr(module, "BUDGETS", [])]
    of_kafka, of_disk = samples.median(produce.RATE, KAFKA), samples.median(limits.DISK, limits.MACHINE)
    if of_kafka is not None and of_disk is not None:
        shares = (of_kafka * produce.SYNC_SHARE_OF_KAFKA, of_disk * produce.SYNC_SHARE_OF_DISK)
        found.append(
            Budget("produce", produce.RATE, neuraxis("sync"), at_least=True, limit=min(shares), against=None)
        )
    return found


def verdicts(samples: Samples) -> list[dict[str, object]]:
    """Return each budget with what was measured and whether it is met; unmeasured ones are left out."""
    found: list[dict[str, object]] = []
    for budget in all_budgets(samples):
        if budget.against is None:
            value = samples.median(budget.metric, budget.contender)
        else:
            value = samples.ratio(budget.metric, budget.contender, budget.against, budget.of)
        if value is None:
            continue
        met = value >= budget.limit if budget.at_least else value <= budget.limit
        found.append(
            {
                "question": budget.question,
                "metric": budget.metric,
                "contender": budget.contender,
                "against": budget.against,
                "of": budget.of,
                "at_least": budget.at_least,
                "limit": budget.limit,
                "value": value,
                "met": met,
            }
        )
    return found


def warm(field: Field, plan: Plan) -> None:
    """Put some seconds of every load on every contender: a cold JVM is several times slower than a warm one."""
    for contender in field.contenders:
        with field.turn(contender) as broker, field.topic(contender) as topic:
            for _ in range(2):
                load("produce", broker.bootstrap, topic, plan.produce_records, 1000, 1)
                load("consume", broker.bootstrap, topic, plan.produce_records)
            load("ack", broker.bootstrap, topic, plan.latency_samples, 1000)
    unbatched.measure(field, plan, Samples(), 0)


def measure_all(field: Field, plan: Plan, names: Sequence[str], say: Callable[[str], None]) -> Samples:
    """Warm the field up, then put the questions, round by round; a question that fails is told and left out."""
    samples = Samples()
    say("warming up")
    warm(field, plan)
    with page_cache.filler(Path(field.contenders[0].broker.directory)) as fill:
        for name in names:
            say(f"filled {fill()} MB of page cache")
            put(field, plan, samples, name, say)
    memory.measure_loaded(field, samples)
    return samples


def put(field: Field, plan: Plan, samples: Samples, name: str, say: Callable[[str], None]) -> None:
    """Put one question, round by round."""
    for number in range(plan.rounds):
        began = time.monotonic()
        try:
            QUESTIONS[name].measure(field, plan, samples, number)
        except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
            samples.failures.append(f"{name}, round {number + 1}: {error}")
            say(samples.failures[-1])
            break
        say(f"{name}: round {number + 1} of {plan.rounds}, {time.monotonic() - began:.0f} s")


def machine() -> dict[str, object]:
    """Return what a reader must know of the machine, without naming it."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "kernel": ".".join(platform.release().split(".")[:2]),
        "load_before": round(os.getloadavg()[0], 2),
        "niceness": os.nice(0),  # a run with priority over its neighbours must say so
        "python": platform.python_version(),
        "java": java.splitlines()[0] if java else "none",
        "neuraxis": version("neuraxis"),
        "kafka": BROKER_VERSION,
        "kafka_tools": TOOLS_VERSION,
    }


def main() -> None:
    """Entry point of `python -m bench.run`."""
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--rounds", type=int, help="rounds of each question (7; with --quick 2)")
    parser.add_argument("--quick", action="store_true", help="fewer and smaller rounds")
    parser.add_argument(
        "--policies", default="os,sync,interval", help="durability policies, or none: Kafka alone"
    )
    parser.add_argument("--without-kafka", action="store_true", help="ours alone: no ratios")
    parser.add_argument("--only", action="append", choices=list(QUESTIONS), help="put this question alone")
    parser.add_argument(
        "--keep", action="store_true", help="leave the committed results and page as they are"
    )
    arguments = parser.parse_args()
    plan = QUICK if arguments.quick else FULL
    if arguments.rounds:
        plan = Plan(**{name: getattr(plan, name) for name in Plan.__slots__} | {"rounds": arguments.rounds})
    policies = [] if arguments.policies == "none" else arguments.policies.split(",")
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:4.0f} s] {text}", flush=True)

    load_binary()
    # An installed package starts from byte code; a checkout may not have any (PYTHONDONTWRITEBYTECODE).
    compileall.compile_dir(str(REPOSITORY / "src"), quiet=1)
    facts = machine()
    try:
        with Field(policies, with_kafka=not arguments.without_kafka) as field:
            samples = measure_all(field, plan, arguments.only or list(QUESTIONS), say)
    except BrokerFailed as error:
        sys.exit(str(error))
    document = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "quick": arguments.quick,
        "plan": {name: getattr(plan, name) for name in Plan.__slots__},
        "seconds": round(time.monotonic() - began),
        "machine": facts,
        "samples": samples.values,
        "budgets": verdicts(samples),
        "failures": samples.failures,
    }
    out = RESULTS if not (arguments.keep or arguments.only) else RESULTS.parent.parent / "out" / "bench"
    out.mkdir(parents=True, exist_ok=True)
    path = out / "latest.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    page = report.write(document, out if out != RESULTS else None)
    print(report.tables(document))
    print(f"written: {path} and {page}")


if __name__ == "__main__":
    main()
