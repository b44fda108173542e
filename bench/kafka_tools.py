"""What do Kafka's own perf tools say?

ProducerPerformance, ConsumerPerformance and EndToEndLatency 4.3.1, each in a fresh JVM of 512 MB, 1,000-byte records,
acks=all, linger 5 ms, batch 128 KiB. A fresh JVM is slow for its first second whatever the broker, so these figures are
lower than librdkafka's and closer together; they are here because users run them. No budget.
"""

from __future__ import annotations

import re
import subprocess

from bench.common import KAFKA, Contender, Field, Plan, Samples, cpu_of, neuraxis
from compat.kafka import tool_command

PRODUCE = "ProducerPerformance MB/s"
PRODUCE_PER_CPU = "ProducerPerformance MB per broker CPU-second"
CONSUME = "ConsumerPerformance fetch MB/s"
END_TO_END = "EndToEndLatency mean ms"
END_TO_END_P99 = "EndToEndLatency p99 ms"
MEASURED = (KAFKA, neuraxis("os"), neuraxis("sync"))  # a JVM start is seconds: three contenders, not all


def _tool(name: str, *arguments: object) -> str:
    """Run one of the tools and return what it prints."""
    command = tool_command(f"org.apache.kafka.tools.{name}", *map(str, arguments))
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{name} failed: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout


def _number(pattern: str, text: str) -> float:
    """Return the number that the pattern's last match holds."""
    found = re.findall(pattern, text)
    if not found:
        raise RuntimeError(f"the tool printed something unexpected: {text.strip()[-300:]}")
    return float(found[-1])


def _measure_one(field: Field, contender: Contender, plan: Plan, samples: Samples) -> None:
    """Run the three tools against one contender."""
    with field.turn(contender) as broker, field.topic(contender) as topic:
        server, records = broker.bootstrap, plan.tool_records
        settings = (f"bootstrap.servers={server}", "acks=all", "linger.ms=5", "batch.size=131072")
        writing = ("--num-records", records, "--record-size", 1000, "--throughput", -1)
        with cpu_of(broker) as cpu:
            said = _tool("ProducerPerformance", "--topic", topic, *writing, "--command-property", *settings)
        # The last line is the total; the tool's MB is 2^20 bytes.
        rate = _number(r"([\d.]+) records/sec", said) * 1000 / 1e6
        samples.add(PRODUCE, contender.name, rate)
        samples.add(PRODUCE_PER_CPU, contender.name, records * 1000 / 1e6 / cpu[0])
        reading = ("--num-records", records, "--timeout", 60_000)
        said = _tool("ConsumerPerformance", "--bootstrap-server", server, "--topic", topic, *reading)
        samples.add(CONSUME, contender.name, float(said.strip().splitlines()[-1].split(",")[8]) * 2**20 / 1e6)
        latency_topic = topic + "-latency"
        options = (
            "--num-records",
            plan.tool_latency_samples,
            "--producer-acks",
            "all",
            "--record-size",
            1000,
        )
        said = _tool("EndToEndLatency", "--bootstrap-server", server, "--topic", latency_topic, *options)
        samples.add(END_TO_END, contender.name, _number(r"Avg latency: ([\d.]+)", said))
        samples.add(END_TO_END_P99, contender.name, _number(r"99th = ([\d.]+)", said))


def measure(field: Field, plan: Plan, samples: Samples, number: int) -> None:
    """Measure one round."""
    for contender in field.turns(number):
        if contender.name in MEASURED:
            _measure_one(field, contender, plan, samples)
