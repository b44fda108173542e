"""What clients above their quotas are told: `python -m tests.broker.scripts.throttling` asks a fresh Apache Kafka 4.4.0.

Each step has a connection of its own (the one before may be muted) and says when it was sent: `test_throttling.py` lets as
much time pass before it asks our core.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from neuraxis.wire import codec, frames, messages
from neuraxis.wire.messages.delete_topics import DeleteTopicsRequest, DeleteTopicState
from neuraxis.wire.messages.metadata import MetadataRequest, MetadataRequestTopic
from neuraxis.wire.schema import schema_of
from tests.broker.admin_script import create, grow, topic
from tests.broker.harness import batch_of, fetch_request, produce_request
from tests.broker.scripts.player import DATA
from tests.broker.scripts.quotas import change, entry

ANSWERS = DATA / "throttling.json"
SETTLES_S = 0.4
"""A quota reaches Kafka's broker a moment after the answer."""


class Step(NamedTuple):
    """A request of a client id; `session` goes on with the fetch session of an earlier step."""

    name: str
    client_id: str
    request: Any
    version: int
    session: str = ""


def quota(entity: dict[str, str | None], **values: float | None) -> Step:
    return Step(f"quota of {entity}: {values}", "admin", change(entry(entity, values)), 1)


def produce(name: str, client_id: str, size: int, *, acks: int = 1) -> Step:
    batch = batch_of(bytes(size))  # old, but no older than a broker takes
    return Step(name, client_id, produce_request("throttled", batch, acks=acks), 9)


BATCH_BYTES = len(batch_of(bytes(4000)))


def fetch(name: str, client_id: str, *, offset: int = 0, session: str = "", epoch: int = -1) -> Step:
    request = fetch_request(
        {"throttled": {0: offset}}, max_wait_ms=0, partition_max_bytes=2 * BATCH_BYTES
    )  # whole batches: Kafka also gives parts of them
    request.session_epoch = epoch
    return Step(name, client_id, request, 12, session)


def delete(name: str, client_id: str, doomed: str, version: int) -> Step:
    request = DeleteTopicsRequest(topic_names=[doomed], timeout_ms=5000)
    if version >= 6:
        request = DeleteTopicsRequest(topics=[DeleteTopicState(name=doomed)], timeout_ms=5000)
    return Step(name, client_id, request, version)


def ask_for(name: str, client_id: str, wanted: str) -> Step:
    asked = MetadataRequest(topics=[MetadataRequestTopic(name=wanted)], allow_auto_topic_creation=True)
    return Step(name, client_id, asked, 12)


def steps() -> list[Step]:
    """The script."""
    return [
        Step("topic", "admin", create(topic("throttled")), 5),
        *[produce(f"filled {number}", "filler", 4000) for number in range(6)],
        # Bytes in
        quota({"client-id": "loader"}, producer_byte_rate=1000.0),
        produce("within", "loader", 4000),
        produce("above", "loader", 26_000),
        produce("still above", "loader", 10),
        produce("somebody else", "other", 26_000),
        quota({"client-id": "silent"}, producer_byte_rate=1000.0),
        produce("without an answer", "silent", 20_000, acks=0),
        produce("after it", "silent", 10),
        quota({"client-id": "loader"}, producer_byte_rate=3000.0),
        produce("raised", "loader", 10_000),
        quota({"client-id": "loader"}, producer_byte_rate=None),
        produce("removed", "loader", 26_000),
        # Which quota counts
        quota({"client-id": None}, producer_byte_rate=2000.0),
        produce("default client id", "anybody", 30_000),
        produce("each has its own default", "somebody", 10),
        quota({"user": None}, producer_byte_rate=4000.0),
        produce("default user before client ids", "third", 50_000),
        produce("one count for the user", "fourth", 10),
        quota({"user": "ANONYMOUS"}, producer_byte_rate=8000.0),
        produce("user before default user", "fifth", 10),
        quota({"user": "ANONYMOUS", "client-id": None}, producer_byte_rate=1500.0),
        produce("user and default client id before user", "sixth", 20_000),
        quota({"user": "ANONYMOUS", "client-id": "sixth"}, producer_byte_rate=500.0),
        produce("user and client id before all", "sixth", 10),
        *[
            quota(entity, producer_byte_rate=None)
            for entity in (
                {"client-id": None},
                {"user": None},
                {"user": "ANONYMOUS"},
                {"user": "ANONYMOUS", "client-id": None},
                {"user": "ANONYMOUS", "client-id": "sixth"},
            )
        ],
        # Bytes out
        quota({"client-id": "reader"}, consumer_byte_rate=1000.0),
        fetch("within what the windows hold", "reader"),
        fetch("above it nothing", "reader", offset=2),
        fetch("a first fetch above it has no session", "reader", epoch=0),
        quota({"client-id": "follower"}, consumer_byte_rate=1000.0),
        fetch("a session begins", "follower", epoch=0),
        fetch("and goes on", "follower", offset=2, session="a session begins", epoch=1),
        fetch("and on", "follower", offset=2, session="a session begins", epoch=2),
        # Partitions made and deleted
        quota({"client-id": "maker"}, controller_mutation_rate=1.0),
        Step("a debt", "maker", create(topic("made", 20)), 7),
        Step("refused", "maker", create(topic("refused")), 7),
        Step("refused in part", "maker", create(topic("refused"), topic("!")), 7),
        Step("refused also to look", "maker", create(topic("refused"), validate_only=True), 7),
        Step("carried out", "maker", create(topic("old way", 0), topic("old")), 5),
        Step("grow refused", "maker", grow(("made", 21)), 3),
        Step("grow carried out", "maker", grow(("made", 21)), 2),
        delete("delete refused", "maker", "old", 6),
        delete("delete carried out", "maker", "old", 4),
        delete("delete unknown", "maker", "nothing", 6),
        Step("create what is there", "maker", create(topic("made")), 7),
        quota({"client-id": "looker"}, controller_mutation_rate=1.0),
        Step("looking costs", "looker", create(topic("looked", 20), validate_only=True), 7),
        Step("after looking", "looker", create(topic("looked", 1)), 7),
        quota({"client-id": "both"}, controller_mutation_rate=1.0),
        Step("the second of two", "both", create(topic("two-1", 12), topic("two-2", 1)), 7),
        quota({"client-id": "asker"}, controller_mutation_rate=1.0),
        Step("asker in debt", "asker", create(topic("asked", 14)), 7),
        ask_for("made by asking", "asker", "by-asking"),
        quota({"client-id": "nobody"}, producer_byte_rate=1.0),
        ask_for("whether it was made", "asker", "by-asking"),
    ]


def told(step: Step, answer: Any) -> dict[str, Any]:
    """What of an answer is compared: throttle time, error codes, bytes of records."""
    if answer is None:
        return {"answer": None}
    codes: list[int] = []
    size = 0
    _walk(answer, codes)
    for part in getattr(answer, "responses", []):
        for partition in getattr(part, "partitions", []):
            size += len(partition.records or b"")
    found: dict[str, Any] = {
        "throttle_ms": answer.throttle_time_ms,
        "errors": sorted(set(codes)),
        "bytes": size,
    }
    if hasattr(answer, "session_id"):
        found["session"] = answer.session_id != 0
    return found


def _walk(value: Any, codes: list[int]) -> None:
    if isinstance(value, list):
        for item in value:
            _walk(item, codes)
    elif hasattr(value, "__slots__"):
        if hasattr(value, "error_code"):
            codes.append(value.error_code)
        for name in value.__slots__:
            _walk(getattr(value, name), codes)


def run(ask: Callable[[Step, Any], Any]) -> dict[str, dict[str, Any]]:
    """Play the script; `ask` answers None where there is no answer."""
    sessions: dict[str, int] = {}
    found = {}
    for step in steps():
        if step.session:
            step.request.session_id = sessions[step.session]
        answer = ask(step, step.request)
        if hasattr(answer, "session_id"):
            sessions[step.name] = answer.session_id
        assert step.name not in found, step.name
        found[step.name] = told(step, answer)
    return found


class Asker:
    """Asks a broker, each step over a new connection."""

    def __init__(self, bootstrap: str) -> None:
        host, port = bootstrap.split(":")
        self.address = host, int(port)
        self.started_s = time.monotonic()
        self.at_ms: dict[str, int] = {}

    def __call__(self, step: Step, request: Any) -> Any:
        self.at_ms[step.name] = round((time.monotonic() - self.started_s) * 1000)
        with socket.create_connection(self.address, timeout=10) as connection:
            connection.sendall(frames.encode_request(1, request, step.version, step.client_id))
            if getattr(request, "acks", 1) == 0:
                time.sleep(SETTLES_S)
                return None
            data = _exactly(connection, int.from_bytes(_exactly(connection, 4), "big"))
        response = messages.response_class(schema_of(type(request)).key or 0)
        _, position = frames.read_response_header(data, schema_of(response).is_flexible(step.version))
        if step.client_id == "admin":
            time.sleep(SETTLES_S)
        return codec.decode(response, step.version, data, position)[0]


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        assert part, "the broker closed the connection"
        data += part
    return data


def main() -> None:
    """Ask Apache Kafka and write down what it says."""
    from compat.kafka import ApacheKafka

    with ApacheKafka({"offsets.topic.num.partitions": "1", "auto.create.topics.enable": "true"}) as kafka:
        asker = Asker(kafka.bootstrap)
        answers = run(asker)
    for name, answer in answers.items():
        answer["at_ms"] = asker.at_ms[name]
    ANSWERS.write_text(
        "{\n"
        + ",\n".join(f"{json.dumps(name)}: {json.dumps(one)}" for name, one in answers.items())
        + "\n}\n"
    )


if __name__ == "__main__":
    main()
