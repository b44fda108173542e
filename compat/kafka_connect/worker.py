"""One worker of Kafka Connect in distributed mode, and its REST interface.

The rule of the file: a worker that is rebalancing or starting says so (409, 5xx, no connection); only then is it asked
again, and all other answers are the caller's to judge.
"""

from __future__ import annotations

import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compat.brokers import free_port
from compat.jvm import JavaProcess, java_command
from compat.kafka import LOG4J_VERSION, fetch

VERSION = "4.3.1"
CONVERTER = "org.apache.kafka.connect.storage.StringConverter"
PATIENCE_S = 90  # a worker needs up to 20 s to start on a busy machine, and its group up to 12 s to settle
TOLD: Mapping[str, str] = {
    "group.id": "connect",
    "exactly.once.source.support": "enabled",
    "config.storage.topic": "connect-configs",
    "offset.storage.topic": "connect-offsets",
    "status.storage.topic": "connect-status",
    "config.storage.replication.factor": "1",
    "offset.storage.replication.factor": "1",
    "status.storage.replication.factor": "1",
    "offset.storage.partitions": "3",
    "key.converter": CONVERTER,
    "value.converter": CONVERTER,
    "offset.flush.interval.ms": "500",
    "session.timeout.ms": "6000",  # a killed worker is missed soon
    "heartbeat.interval.ms": "1000",
    "scheduled.rebalance.max.delay.ms": "1000",  # and its tasks are not kept for it for five minutes
}


def libs() -> Path:
    """Return the directory with the jars of the worker and the file connectors, fetched at first use."""
    return fetch(
        f"connect-{VERSION}",
        [
            ("org.apache.kafka", "connect-runtime", VERSION),
            ("org.apache.kafka", "connect-file", VERSION),
            ("org.apache.logging.log4j", "log4j-slf4j-impl", LOG4J_VERSION),
        ],
    )


class Worker(JavaProcess):
    """A worker: its process, and calls of its REST interface."""

    def __init__(self, name: str, bootstrap: str, directory: Path, log_path: Path) -> None:
        self.port = free_port()
        plugins = directory / "plugins"
        if not plugins.exists():  # the jar of the connectors alone: a worker scans all that it is given
            plugins.mkdir()
            for jar in libs().glob("connect-file-*.jar"):
                shutil.copy(jar, plugins)
        properties = dict(TOLD) | {
            "bootstrap.servers": bootstrap,
            "listeners": f"http://127.0.0.1:{self.port}",
            "plugin.path": str(plugins),
        }
        path = directory / f"{name}.properties"
        path.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
        log_path.unlink(missing_ok=True)  # of an earlier run
        main = "org.apache.kafka.connect.cli.ConnectDistributed"
        super().__init__(name, java_command([f"{libs()}/*"], main, str(path), level="INFO"), log_path)

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Call the REST interface; return the status and the answer, asking again while the worker is not ready."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                status, answer = self._once(method, path, body)
            except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
                status, answer = 503, str(error)
            starting = status == 404 and isinstance(
                answer, str
            )  # a page of the server that has no resources yet
            waits = starting or status >= 500 or (status == 409 and "rebalance" in str(answer))
            if not waits:
                return status, answer
            assert self.running, f"{self.name} ended: see {self.log_path}"
            assert time.monotonic() < deadline, f"{method} {path}: {status} {answer} for {PATIENCE_S} s"
            time.sleep(0.3)

    def _once(self, method: str, path: str, body: object) -> tuple[int, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, _parsed(response.read())
        except urllib.error.HTTPError as error:
            return error.code, _parsed(error.read())

    def expect(self, status: int, method: str, path: str, body: object = None) -> Any:
        """Call the REST interface and return the answer; another status than `status` fails."""
        got, answer = self.call(method, path, body)
        assert got == status, f"{method} {path} gave {got}, not {status}: {answer}"
        return answer

    def states(self, connector: str) -> list[str]:
        """Return the states of a connector and its tasks, such as ["RUNNING", "RUNNING"]; none when it is unknown."""
        status, answer = self.call("GET", f"/connectors/{connector}/status")
        if status == 404:
            return []
        failed = [task["trace"] for task in answer["tasks"] if task["state"] == "FAILED"]
        assert not failed, f"{connector} failed: {failed[0][:400]}"
        return [answer["connector"]["state"], *(task["state"] for task in answer["tasks"])]


def _parsed(content: bytes) -> Any:
    """Return the JSON of an answer, or its text when it is none."""
    try:
        return json.loads(content) if content else None
    except ValueError:
        return content.decode(errors="replace")
