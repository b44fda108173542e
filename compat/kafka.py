"""Apache Kafka beside us: fetch it with Maven, format and run one KRaft node; `python -m compat.kafka start|stop|env`.

The rule of the file: nothing of Apache Kafka is kept in the repository. Jars come from Maven Central into
`.cache/kafka`, data live in a temporary directory, and the broker is only ever stopped by its own pid.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from compat.brokers import REPOSITORY, BrokerFailed, BrokerProcess

BROKER_VERSION = "4.4.0"
TOOLS_VERSION = "4.3.1"  # the newest release of the command-line tools; they work against a 4.4.0 broker
LOG4J_VERSION = "2.25.4"
CACHE = REPOSITORY / ".cache" / "kafka"
STATE = CACHE / "running.json"  # what `start` left for `stop` and `env`
CLUSTER_ID = "AAAAAAAAQACAAAAAAAAAAQ"  # any 16 bytes in URL-safe base64; fixed, so that runs compare

# The flags of Kafka's own start scripts (kafka-server-start.sh, kafka-run-class.sh) for a 1 GB heap.
HEAP_FLAGS = ("-Xms1G", "-Xmx1G")
JVM_FLAGS = (
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
    "-Djava.awt.headless=true",
)

_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>neuraxis.compat</groupId><artifactId>{name}</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>{dependencies}</dependencies>
</project>
"""
_DEPENDENCY = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"
_LOG4J_CONFIG = """<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN">
  <Appenders><Console name="out" target="SYSTEM_OUT"><PatternLayout pattern="[%d] %p %m (%c)%n"/></Console></Appenders>
  <Loggers><Root level="{level}"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
"""


def fetch(name: str, coordinates: Sequence[tuple[str, str, str]]) -> Path:
    """Fetch Maven artefacts with all they depend on into `.cache/kafka/<name>` once; return that directory."""
    libs = CACHE / name
    if (libs / ".complete").exists():
        return libs
    if shutil.which("mvn") is None or shutil.which("java") is None:
        raise BrokerFailed(
            "Apache Kafka needs Java 17 and Maven here: apt-get install openjdk-17-jre-headless maven"
        )
    project = CACHE / f"{name}-pom"
    project.mkdir(parents=True, exist_ok=True)
    dependencies = "".join(_DEPENDENCY.format(*coordinate) for coordinate in coordinates)
    (project / "pom.xml").write_text(_POM.format(name=name, dependencies=dependencies))
    command = ["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={libs}"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BrokerFailed(f"Maven could not fetch {name}; is there a network?\n{done.stdout[-3000:]}")
    (libs / ".complete").touch()
    return libs


def broker_libs() -> Path:
    """Return the directory with the jars of the broker, fetched at first use (about 10 s)."""
    return fetch(
        f"broker-{BROKER_VERSION}",
        [
            ("org.apache.kafka", "kafka_2.13", BROKER_VERSION),
            ("org.apache.logging.log4j", "log4j-slf4j-impl", LOG4J_VERSION),
        ],
    )


def tools_libs() -> Path:
    """Return the directory with the jars of Kafka's command-line tools, fetched at first use."""
    return fetch(
        f"tools-{TOOLS_VERSION}",
        [
            ("org.apache.kafka", "kafka-tools", TOOLS_VERSION),
            ("org.apache.kafka", "kafka_2.13", TOOLS_VERSION),
            ("org.apache.logging.log4j", "log4j-slf4j-impl", LOG4J_VERSION),
        ],
    )


def log4j_config(level: str) -> Path:
    """Write and return a log4j2 configuration that prints at `level` to standard output."""
    path = CACHE / f"log4j2-{level.lower()}.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_LOG4J_CONFIG.format(level=level))
    return path


def tool_command(java_class: str, *arguments: str, heap: str = "512M") -> list[str]:
    """Return the command line of one of Kafka's tools, with the heap of its own scripts."""
    return [
        "java",
        f"-Xmx{heap}",
        *JVM_FLAGS,
        "-cp",
        f"{tools_libs()}/*",
        f"-Dlog4j2.configurationFile={log4j_config('WARN')}",
        java_class,
        *arguments,
    ]


class ApacheKafka(BrokerProcess):
    """One combined KRaft node of Apache Kafka; `settings` are server properties that override ours."""

    name = "kafka"
    start_timeout_s = 180.0  # after a SIGKILL on a machine with much other work it took more than a minute

    def properties(self) -> dict[str, str]:
        """Return the server properties of this node."""
        controller = self.port + 1
        node_id = self.settings.get("node.id", "1")
        base = {
            "process.roles": "broker,controller",
            "node.id": node_id,
            "controller.quorum.voters": f"{node_id}@127.0.0.1:{controller}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.advertised_port or self.port}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self.directory / "data"),
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
        }
        return base | self.settings

    def prepare(self) -> None:
        """Write the properties and format the data directory the first time."""
        path = self.directory / "server.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in self.properties().items()))
        if (self.directory / "data" / "meta.properties").exists():
            return
        command = [
            "java",
            "-cp",
            f"{broker_libs()}/*",
            f"-Dlog4j2.configurationFile={log4j_config('WARN')}",
            "kafka.tools.StorageTool",
            "format",
            "-t",
            CLUSTER_ID,
            "-c",
            str(path),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BrokerFailed(f"formatting Kafka's storage failed:\n{done.stdout}{done.stderr}")

    def command(self) -> Sequence[str]:
        """Return the command line of Kafka's own start script."""
        return [
            "java",
            *HEAP_FLAGS,
            *JVM_FLAGS,
            "-cp",
            f"{broker_libs()}/*",
            f"-Dlog4j2.configurationFile={log4j_config('INFO')}",
            "kafka.Kafka",
            str(self.directory / "server.properties"),
        ]

    def start(self, *, wait: bool = True) -> ApacheKafka:
        """Start the node; the log of an earlier start would look like readiness, so it moves aside first."""
        if self.log_path.exists():
            self.log_path.rename(self.log_path.with_suffix(f".{int(time.time() * 1000)}.log"))
        super().start(wait=wait)
        return self

    def ready(self) -> bool:
        """Return whether the node serves: its port opens before the broker is unfenced, its log line comes after."""
        return "Kafka Server started" in self.log_path.read_text(errors="replace") and super().ready()


def _start(settings: Mapping[str, str]) -> None:
    """Start a node that outlives this command and write down where it is."""
    if STATE.exists():
        raise SystemExit(
            f"a node is already written down in {STATE}: run `python -m compat.kafka stop` first"
        )
    kafka = ApacheKafka(settings).start()
    STATE.write_text(
        json.dumps(
            {
                "pid": kafka.pid,
                "bootstrap": kafka.bootstrap,
                "directory": str(kafka.directory),
                "log": str(kafka.log_path),
            }
        )
    )
    print(f"Apache Kafka {BROKER_VERSION} on {kafka.bootstrap}, pid {kafka.pid}, log {kafka.log_path}")


def _stop() -> None:
    """Stop the node that `start` left."""
    state = json.loads(STATE.read_text())
    try:
        os.kill(state["pid"], signal.SIGTERM)
        for _ in range(600):  # 30 s, as BrokerProcess.terminate
            os.kill(state["pid"], 0)
            time.sleep(0.05)
        os.kill(state["pid"], signal.SIGKILL)
    except ProcessLookupError:
        pass
    shutil.rmtree(state["directory"], ignore_errors=True)
    STATE.unlink()


def main() -> None:
    """Entry point of `python -m compat.kafka`."""
    parser = argparse.ArgumentParser(prog="python -m compat.kafka", description=__doc__)
    parser.add_argument("verb", choices=["fetch", "start", "stop", "env"])
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a server property")
    arguments = parser.parse_args()
    if arguments.verb == "fetch":
        print(broker_libs(), tools_libs(), sep="\n")
    elif arguments.verb == "start":
        _start(dict(item.split("=", 1) for item in arguments.set))
    elif not STATE.exists():
        sys.exit("no node is running: `python -m compat.kafka start` starts one")
    elif arguments.verb == "stop":
        _stop()
    else:
        state = json.loads(STATE.read_text())
        print(
            f"export KAFKA_BOOTSTRAP={state['bootstrap']} KAFKA_PID={state['pid']} KAFKA_LOG={state['log']}"
        )


if __name__ == "__main__":
    main()
