"""The confluent-kafka of 2018 (0.11.6, on Python 3.6) against our broker: what is too old is refused and named.

Apache Kafka 4.4.0, asked with the same program, does the same: the client that asks for versions produces, and itself
refuses to join a group; the one that assumes a broker of 2015 is disconnected.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import neuraxis
from neuraxis.client import Client
from tests.cli.support import runner, value

CACHE = Path(__file__).parents[2] / ".cache" / "old-client"
VERSION = "0.11.6"
PROGRAM = """
import json, sys, time
import confluent_kafka as old
bootstrap, extra = sys.argv[1], json.loads(sys.argv[2])
config = {"bootstrap.servers": bootstrap, "client.id": "old-producer", "message.timeout.ms": 3000}
producer = old.Producer(dict(config, **extra))
reports = []
producer.produce("drives", b"x", callback=lambda error, message: reports.append(error and error.name()))
producer.flush(6)
config = {"bootstrap.servers": bootstrap, "client.id": "old-consumer", "group.id": "g", "session.timeout.ms": 6000}
consumer = old.Consumer(dict(config, **extra))
consumer.subscribe(["drives"])
errors, end = set(), time.time() + 3
while time.time() < end and not errors:
    message = consumer.poll(0.2)
    if message is not None and message.error():
        errors.add(message.error().name())
print(json.dumps({"version": old.version()[0], "reports": reports, "errors": sorted(errors)}))
"""


def python_3_6() -> str:
    """A Python 3.6, of the path or of pyenv: the newest that this client's wheels are for."""
    found = shutil.which("python3.6")
    if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
        return found
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for candidate in sorted(root.glob("versions/3.6.*/bin/python")):
        return str(candidate)
    pytest.fail(
        "the client of 2018 needs Python 3.6: install one (`pyenv install 3.6.15`), then run this again"
    )


@pytest.fixture(scope="module")
def old_python() -> str:
    """The Python of an environment with the old client, made at first use."""
    python = CACHE / "bin" / "python"
    if not (CACHE / "ready").exists():
        shutil.rmtree(CACHE, ignore_errors=True)
        for command in (
            [python_3_6(), "-m", "venv", str(CACHE)],
            [
                str(python),
                "-m",
                "pip",
                "install",
                "-q",
                "--only-binary",
                ":all:",
                f"confluent-kafka=={VERSION}",
            ],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.fail(
                    f"the client of 2018 cannot be set up: {' '.join(command)}\n{done.stdout}{done.stderr}"
                )
        (CACHE / "ready").touch()
    return str(python)


def run_old(python: str, bootstrap: str, **extra: object) -> dict[str, object]:
    command = [python, "-c", PROGRAM, bootstrap, json.dumps(extra)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    assert answer.pop("version") == VERSION
    return answer


def test_an_old_client_that_asks_for_versions_produces_and_is_shown(old_python: str) -> None:
    with neuraxis.Broker() as broker:
        Client(bootstrap=broker.bootstrap).admin().create_topic("drives")
        said = run_old(old_python, broker.bootstrap, **{"api.version.request": True})
        shown = {
            one["client_id"]: one for one in value(runner(broker.bootstrap)("clients", "--json"))["clients"]
        }
    assert said == {"reports": [None], "errors": ["_UNSUPPORTED_FEATURE"]}
    assert shown["old-producer"]["software_name"] is None, "it is older than KIP-511"
    assert shown["old-producer"]["apis"]["Produce"] == 3


def test_an_old_client_that_speaks_as_to_an_old_broker_is_refused_logged_and_named(
    old_python: str, caplog: pytest.LogCaptureFixture
) -> None:
    with neuraxis.Broker() as broker, caplog.at_level(logging.WARNING, "neuraxis.broker"):
        Client(bootstrap=broker.bootstrap).admin().create_topic("drives")
        extra = {"api.version.request": False, "broker.version.fallback": "0.8.2"}
        said = run_old(old_python, broker.bootstrap, **extra)
        shown = {
            one["client_id"]: one for one in value(runner(broker.bootstrap)("clients", "--json"))["clients"]
        }
    assert said["reports"] in (["_TRANSPORT"], ["_MSG_TIMED_OUT"]), "nothing is taken from it"
    refusals = shown["old-producer"]["refusals"]
    assert refusals
    assert all("asked for Produce version 0; served are 3 to" in each["reason"] for each in refusals)
    assert all(each["reason"].endswith("the client is too old") for each in refusals)
    assert "old-producer" in caplog.text
    assert "asked for Produce version 0" in caplog.text
