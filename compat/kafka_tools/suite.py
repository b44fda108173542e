"""Run Apache Kafka's own command-line tools (4.3.1) against a broker that already runs, and check what they print.

The rule of the file: a tool is run as its own start script runs it, and a case is judged by what the tool says and its exit
code, never by looking into the broker.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from compat.kafka import TOOLS_VERSION, tool_command
from compat.results import Case, SuiteResult

SETTINGS: dict[str, str] = {}
TIMEOUT_S = 90  # for one tool: a JVM starts in 1 to 3 s on a busy machine, the rest takes a second
TOOLS = "org.apache.kafka.tools."


class Tools:
    """Runs tools against one broker; names it makes are unique to the run."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.count = 0
        self.printed = ""  # the standard output of the last tool alone: chatter goes to standard error

    def unique(self, stem: str) -> str:
        """Return a name that no other case uses."""
        self.count += 1
        return f"{stem}-{os.getpid()}-{self.count}"

    def run(
        self, tool: str, *arguments: str, stdin: str = "", code: int = 0, server: str = "--bootstrap-server"
    ) -> str:
        """Run a tool and return all that it printed; another exit code than `code` fails the case."""
        name = tool if tool.startswith("kafka.") else TOOLS + tool
        where = [server, self.bootstrap] if server else []
        command = tool_command(name, *where, *arguments, heap="256M")
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        self.printed, said = done.stdout, done.stdout + done.stderr
        assert done.returncode == code, (
            f"{tool} {' '.join(arguments)} exited {done.returncode}: {said[-300:]}"
        )
        return said

    def topic(self, partitions: int = 1) -> str:
        """Create a topic and return its name."""
        name = self.unique("topic")
        said = self.run("TopicCommand", "--create", "--topic", name, "--partitions", str(partitions))
        assert f"Created topic {name}." in said, said
        return name

    def produce(self, topic: str, lines: list[str], *arguments: str) -> None:
        """Produce lines with the console producer."""
        self.run(
            "ConsoleProducer", "--topic", topic, *arguments, stdin="".join(f"{line}\n" for line in lines)
        )

    def consume(self, topic: str, count: int, *arguments: str) -> list[str]:
        """Read `count` records from the beginning with the console consumer."""
        said = self.run(
            "consumer.ConsoleConsumer",
            *("--topic", topic, "--from-beginning", "--max-messages", str(count)),
            *("--timeout-ms", "30000", *arguments),
        )
        assert f"Processed a total of {count} messages" in said, said[-300:]
        return self.printed.splitlines()


def topics(tools: Tools) -> None:
    """kafka-topics: create with a config, list, describe, grow, refuse a duplicate, delete."""
    name = tools.unique("topic")
    tools.run(
        "TopicCommand", "--create", "--topic", name, "--partitions", "2", "--config", "retention.ms=60000"
    )
    assert name in tools.run("TopicCommand", "--list").splitlines()
    tools.run("TopicCommand", "--alter", "--topic", name, "--partitions", "5")
    described = tools.run("TopicCommand", "--describe", "--topic", name)
    assert "PartitionCount: 5" in described, described
    assert "retention.ms=60000" in described, described
    assert len(re.findall(r"Leader: \d+\s+Replicas: \d+\s+Isr: \d+", described)) == 5
    refused = tools.run("TopicCommand", "--create", "--topic", name, code=1)
    assert "already exists" in refused, refused
    tools.run("TopicCommand", "--delete", "--topic", name)
    assert name not in tools.run("TopicCommand", "--list").splitlines()


def configs(tools: Tools) -> None:
    """kafka-configs: a topic's and a broker's configs are altered, described and taken back."""
    entity = ["--entity-type", "topics", "--entity-name", tools.topic()]
    tools.run("kafka.admin.ConfigCommand", "--alter", *entity, "--add-config", "retention.ms=3600000")
    said = tools.run("kafka.admin.ConfigCommand", "--describe", *entity)
    assert "retention.ms=3600000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=3600000" in said
    tools.run("kafka.admin.ConfigCommand", "--alter", *entity, "--delete-config", "retention.ms")
    assert "retention.ms" not in tools.run("kafka.admin.ConfigCommand", "--describe", *entity)
    broker = ["--entity-type", "brokers", "--entity-default"]
    tools.run("kafka.admin.ConfigCommand", "--alter", *broker, "--add-config", "log.retention.ms=7200000")
    assert "log.retention.ms=7200000" in tools.run("kafka.admin.ConfigCommand", "--describe", *broker)
    tools.run("kafka.admin.ConfigCommand", "--alter", *broker, "--delete-config", "log.retention.ms")


def console(tools: Tools) -> None:
    """kafka-console-producer and -consumer: lines, keys, headers and every compression."""
    name = tools.topic()
    for codec in ("gzip", "snappy", "lz4", "zstd"):
        tools.produce(name, [f"{codec}-{number}" for number in range(5)], "--compression-codec", codec)
    assert tools.consume(name, 20) == [
        f"{c}-{n}" for c in ("gzip", "snappy", "lz4", "zstd") for n in range(5)
    ]
    keyed = tools.topic()
    properties = ["parse.key=true", "parse.headers=true"]
    tools.produce(
        keyed, ["a:1,b:2\tk\tv"], *(word for each in properties for word in ("--reader-property", each))
    )
    shown = ["print.key=true", "print.headers=true", "print.offset=true", "print.partition=true"]
    said = tools.consume(keyed, 1, *(word for each in shown for word in ("--formatter-property", each)))
    assert said == ["Partition:0\tOffset:0\ta:1,b:2\tk\tv"], said


def consumer_groups(tools: Tools) -> None:
    """kafka-consumer-groups: list, describe, reset the offsets to an earlier place, delete."""
    name, group = tools.topic(), tools.unique("group")
    tools.produce(name, ["a", "b", "c"])
    tools.consume(name, 3, "--group", group)
    command = "consumer.group.ConsumerGroupCommand"
    assert group in tools.run(command, "--list").splitlines()
    described = tools.run(command, "--describe", "--group", group)
    assert re.search(rf"{group}\s+{name}\s+0\s+3\s+3\s+0\s", described), described
    state = tools.run(command, "--describe", "--group", group, "--state")
    assert re.search(rf"{group}\s.*Empty\s+0", state), state
    reset = tools.run(
        command, "--group", group, "--topic", name, "--reset-offsets", "--to-offset", "1", "--execute"
    )
    assert re.search(rf"{group}\s+{name}\s+0\s+1", reset), reset
    assert tools.consume(name, 2, "--group", group) == ["b", "c"]
    assert "successful" in tools.run(command, "--delete", "--group", group)
    assert group not in tools.run("GroupsCommand", "--list")


def performance(tools: Tools) -> None:
    """kafka-producer-perf-test and -consumer-perf-test: 20,000 records through and all counted."""
    name = tools.topic()
    said = tools.run(
        "ProducerPerformance",
        *("--topic", name, "--num-records", "20000", "--record-size", "100", "--throughput", "-1"),
        *("--producer-props", f"bootstrap.servers={tools.bootstrap}"),
        server="",
    )
    assert "20000 records sent" in said, said[-300:]
    said = tools.run("ConsumerPerformance", "--topic", name, "--messages", "20000", "--timeout", "30000")
    assert re.search(r", 20000, ", said), said[-300:]


def end_to_end_latency(tools: Tools) -> None:
    """kafka-e2e-latency: 200 records, one at a time, there and back."""
    said = tools.run(
        "EndToEndLatency",
        *("--topic", tools.topic(), "--num-records", "200", "--producer-acks", "all", "--record-size", "100"),
    )
    assert "Percentiles: 50th" in said, said[-300:]


def _lines(said: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


def verifiable(tools: Tools) -> None:
    """kafka-verifiable-producer and -consumer: 500 records are acknowledged and consumed."""
    name = tools.topic(partitions=3)
    produced = _lines(tools.run("VerifiableProducer", "--topic", name, "--max-messages", "500"))
    assert sum(line["name"] == "producer_send_success" for line in produced) == 500
    (summary,) = [line for line in produced if line["name"] == "tool_data"]
    assert (summary["sent"], summary["acked"]) == (500, 500)
    group = tools.unique("group")
    consumed = _lines(
        tools.run(
            "VerifiableConsumer",
            *("--topic", name, "--group-id", group, "--max-messages", "500", "--reset-policy", "earliest"),
        )
    )
    counts = [line["count"] for line in consumed if line["name"] == "records_consumed"]
    assert sum(count for count in counts if isinstance(count, int)) == 500


def offsets_and_deletion(tools: Tools) -> None:
    """kafka-get-offsets and kafka-delete-records: the ends of a log, before and after its front is deleted."""
    name = tools.topic()
    tools.produce(name, ["a", "b", "c"])
    assert f"{name}:0:3" in tools.run("GetOffsetShell", "--topic", name)
    wanted = {"partitions": [{"topic": name, "partition": 0, "offset": 2}], "version": 1}
    file = Path(os.environ.get("TMPDIR", "/tmp")) / f"{name}.json"
    file.write_text(json.dumps(wanted))
    try:
        assert "low_watermark: 2" in tools.run("DeleteRecordsCommand", "--offset-json-file", str(file))
    finally:
        file.unlink()
    assert f"{name}:0:2" in tools.run("GetOffsetShell", "--topic", name, "--time", "earliest")


def dump_log(tools: Tools) -> None:
    """kafka-log-dirs says where the log is; kafka-dump-log reads it, records and all."""
    name = tools.topic()
    tools.produce(name, ["first", "second"])
    said = tools.run("LogDirsCommand", "--describe", "--topic-list", name)
    (described,) = _lines(said)
    (directory,) = [
        each["logDir"]
        for broker in described["brokers"]  # type: ignore[attr-defined]  # JSON of the tool: an object of lists
        for each in broker["logDirs"]
        if any(partition["partition"] == f"{name}-0" for partition in each["partitions"])
    ]
    log = Path(directory) / f"{name}-0" / "00000000000000000000.log"
    said = tools.run(
        "DumpLogSegments", "--files", str(log), "--print-data-log", "--deep-iteration", server=""
    )
    assert "payload: first" in said
    assert "payload: second" in said
    assert "isvalid: true" in said


def cluster(tools: Tools) -> None:
    """kafka-cluster, kafka-broker-api-versions, kafka-features, kafka-metadata-quorum and kafka-transactions answer."""
    said = tools.run("ClusterTool", "cluster-id", "--bootstrap-server", tools.bootstrap, server="")
    assert "Cluster ID:" in said, said
    versions = tools.run("BrokerApiVersionsCommand")
    assert "Produce(0): 0 to 13" in versions, versions[:500]
    assert "metadata.version" in tools.run("FeatureCommand", "describe")
    assert "LeaderId:" in tools.run("MetadataQuorumCommand", "describe", "--status")
    assert "TransactionalId" in tools.run("TransactionsCommand", "list")


CASES: Mapping[str, Callable[[Tools], None]] = {
    case.__name__: case
    for case in (
        topics,
        configs,
        console,
        consumer_groups,
        performance,
        end_to_end_latency,
        verifiable,
        offsets_and_deletion,
        dump_log,
        cluster,
    )
}


def run(bootstrap: str, target: str, select: str | None, out: Path) -> SuiteResult:
    """Run the cases; `select` is a part of a case's name or None for all."""
    tools = Tools(bootstrap)
    result = SuiteResult("kafka_tools", target, TOOLS_VERSION)
    began = time.monotonic()
    for name, case in CASES.items():
        if select and select not in name:
            continue
        started, outcome, message = time.monotonic(), "passed", ""
        try:
            case(tools)
        except (AssertionError, ValueError, subprocess.TimeoutExpired) as error:
            outcome, message = "failed", str(error)[:600]
            with (out / "kafka_tools.log").open("a") as log:
                log.write(f"{name}: {error}\n")
        result.cases.append(Case(name, outcome, time.monotonic() - started, message))
    result.seconds = time.monotonic() - began
    return result
