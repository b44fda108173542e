"""Compile and run our program for Kafka's own Java client against a broker that already runs.

kafka-clients comes from Maven Central with what it needs; `javac` and the jars are all the build there is.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from compat.brokers import REPOSITORY, BrokerFailed
from compat.kafka import fetch
from compat.programs import build, run_program
from compat.results import SuiteResult

VERSION = "4.4.0"
SLF4J_VERSION = "1.7.36"  # what kafka-clients 4.4.0 itself asks for
SETTINGS: dict[str, str] = {}


def compile_program() -> list[str]:
    """Fetch the client and compile the program when it changed; return the command that runs it."""
    if shutil.which("javac") is None:
        raise BrokerFailed(
            "the Java client needs a JDK 17 and Maven: apt-get install openjdk-17-jdk-headless maven"
        )
    libs = fetch(
        f"client-{VERSION}",
        [
            ("org.apache.kafka", "kafka-clients", VERSION),
            ("org.slf4j", "slf4j-nop", SLF4J_VERSION),
        ],
    )
    source = Path(__file__).parent / "Program.java"
    classes = REPOSITORY / ".cache" / "java_client"
    compiled = classes / "Program.class"
    if not compiled.exists() or compiled.stat().st_mtime < source.stat().st_mtime:
        classes.mkdir(parents=True, exist_ok=True)
        build(
            ["javac", "-Xlint:all,-try", "-cp", f"{libs}/*", "-d", str(classes), str(source)], source.parent
        )
    return ["java", "-Xmx512M", "-cp", f"{classes}:{libs}/*", "Program"]


def run(bootstrap: str, target: str, select: str | None, out: Path) -> SuiteResult:
    """Run the program; `select` is one feature of compat/features.py or None for all."""
    command = compile_program()
    return run_program(
        "java_client", VERSION, command, bootstrap=bootstrap, target=target, select=select, out=out
    )
