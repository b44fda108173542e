"""A walk through the table of authorisation: every API, without each of the grants it needs and with all of them.

`python -m tests.broker.authorisation.walk [CASE...]` plays it against a fresh Apache Kafka 4.4.0 with its authoriser on and
writes `tests/broker/data/authorisation_walk.json`; `test_walk.py` plays it against our core and compares.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from neuraxis.broker.authorisation.audit import OPERATIONS, RESOURCES
from neuraxis.broker.authorisation.authoriser import GROUP, TOPIC, TRANSACTIONAL_ID
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages import create_acls, delete_acls, describe_acls, sasl_authenticate, sasl_handshake
from neuraxis.wire.messages.create_topics import CreatableTopic, CreateTopicsRequest
from neuraxis.wire.messages.metadata import MetadataRequest, MetadataRequestTopic
from neuraxis.wire.schema import fields_of, schema_of
from tests.broker import admin_script
from tests.broker.scripts.player import reduce

ANSWERS = Path(__file__).parent.parent / "data" / "authorisation_walk.json"
ADMIN, WALKER = "admin", "walker"
CLUSTER_NAME = "kafka-cluster"
Ask = Callable[[str, Any, int], Any]
"""(user, request, version) -> answer, or None where the connection was closed."""
Grant = tuple[int, int, str]
"""Operation, kind of resource, and which: a field of `World` or the cluster."""


@dataclass
class World:
    """What a case's request may name. `here` and `other` are topics, made before; what is `gone` exists nowhere."""

    case: str
    here: str
    other: str
    group: str
    transactional_id: str
    user: str
    token: str = ""
    new: str = ""
    second: str = ""
    cluster: str = CLUSTER_NAME
    ids: dict[str, bytes] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)


@dataclass
class Case:
    """A request, the grants that it needs (each is left out once) and those that it has in any case.

    `prepare` is done by a super user before. `leaks`: what exists and what does not are to be answered alike without a grant.
    """

    name: str
    version: int
    request: Callable[[World], Any]
    needs: list[Grant]
    always: list[Grant] = field(default_factory=list)
    prepare: Callable[[Ask, World], None] | None = None
    topics: bool = True
    leaks: bool = True


def key_of(request: Any) -> int:
    key = schema_of(type(request)).key
    assert key is not None
    return key


FREE = frozenset(
    {
        "producer_id",
        "producer_epoch",
        "member_id",
        "cluster_id",
        "host",
        "port",
        "token_id",
        "hmac",
        "leader_epoch",
        "controller_id",
        "rack",
        "current_leader",
        "timestamp",
        "heartbeat_interval_ms",
        "push_interval_ms",
        "node_endpoints",
        "log_append_time_ms",
        "last_timestamp",
        "last_sequence",
        "transaction_start_time_ms",
    }
)


def messageless(value: Any) -> Any:
    """The answer without sentences and without whose words are free: whether there is one is not a matter of rights."""
    if isinstance(value, dict):
        return {name: messageless(item) for name, item in value.items() if name != "error_message"}
    if isinstance(value, list):
        return sorted((messageless(item) for item in value), key=lambda one: json.dumps(one, sort_keys=True))
    return value


def error_codes(answer: Any) -> list[int]:
    """Every code in an answer of the wire, in order of its fields."""
    codes: list[int] = []
    for name, _ in fields_of(type(answer)):
        value = getattr(answer, name)
        if name.endswith("error_code"):
            codes.append(int(value))
        for item in value if isinstance(value, list) else ():
            if hasattr(item, "__slots__"):
                codes += error_codes(item)
    return sorted(set(codes))


ALL_RULES = describe_acls.DescribeAclsRequest(1, None, 1, None, None, 1, 1)
PATIENCE_S = 15.0
"""How long a change on Kafka's controller may take to reach its broker on a busy machine."""


class Walk:
    """Plays cases against a broker that `ask` reaches; `pause` lets a moment pass (there is nothing to wait for on ours)."""

    def __init__(self, ask: Ask, pause: Callable[[], None]) -> None:
        self.ask = ask
        self.pause = pause

    def until(self, done: Callable[[], bool]) -> None:
        """Wait until it is so."""
        deadline = time.monotonic() + PATIENCE_S
        while not done():
            assert time.monotonic() < deadline, "the broker does not get there"
            self.pause()

    def play(self, case: Case) -> dict[str, Any]:
        """The answers: without each grant (`- n`), of what does not exist (`- n gone`), and with all (`+`)."""
        world = self._world(case)
        if case.prepare is not None:
            case.prepare(self.ask, world)
        found: dict[str, Any] = {}
        for need in case.needs:
            rules = [one for one in case.needs if one != need] + case.always
            title = f"- {words(need)}"
            found[title] = self._answer(case, world, rules)
            if case.leaks and need[1] in (TOPIC, GROUP, TRANSACTIONAL_ID):
                gone = self._gone(world, need[1])
                found[f"{title}, gone"] = self._answer(case, gone, rules)
        with_all = self._raw(case, world, case.needs + case.always)
        found["+"] = None if with_all is None else error_codes(with_all)
        return found

    def _world(self, case: Case) -> World:
        safe = "".join(letter if letter.isalnum() else "-" for letter in case.name)
        world = World(
            case.name, f"{safe}.here", f"{safe}.other", f"{safe}.group", f"{safe}.txn", f"User:{safe}"
        )
        world.new, world.second = f"{world.here}.new", f"{world.here}.2"
        if case.topics:
            topics = [
                CreatableTopic(name=name, num_partitions=1, replication_factor=1)
                for name in (world.here, world.other)
            ]
            made = self.ask(ADMIN, CreateTopicsRequest(topics=topics, timeout_ms=5_000), 7)
            assert [each.error_code for each in made.topics] == [0, 0], made
            named = [MetadataRequestTopic(name=each) for each in (world.here, world.other)]
            request = MetadataRequest(topics=named, allow_auto_topic_creation=False)
            self.until(lambda: error_codes(self.ask(ADMIN, request, 12)) == [0])
            world.ids = {each.name: bytes(each.topic_id) for each in made.topics}
        return world

    def _gone(self, world: World, kind: int) -> World:
        """The same world, but for what is asked for of this kind: that exists nowhere."""
        gone = replace(world, ids={**world.ids})
        if kind == TOPIC:
            gone.here = world.here.replace(".here", ".gone")
            gone.new, gone.second = f"{gone.here}.new", f"{gone.here}.2"
            gone.ids[gone.here] = bytes(range(16))
        elif kind == GROUP:
            gone.group = world.group.replace(".group", ".gone-group")
        elif kind == TRANSACTIONAL_ID:
            gone.transactional_id = world.transactional_id.replace(".txn", ".gone-txn")
        return gone

    def _raw(self, case: Case, world: World, rules: list[Grant]) -> Any:
        self._allow(world, rules)
        return self.ask(WALKER, case.request(world), case.version)

    def _answer(self, case: Case, world: World, rules: list[Grant]) -> Any:
        answer = self._raw(case, world, rules)
        if answer is None:
            return None
        known = {topic_id: f"id of {name.rpartition('.')[2]}" for name, topic_id in world.ids.items()}
        reduced = messageless(reduce(answer, {**known, bytes(16): "no id"}, FREE, int(time.time() * 1000)))
        text = json.dumps(reduced).replace(".gone-", ".").replace(".gone", ".here")
        return json.loads(text.replace("id of gone", "id of here"))

    def _allow(self, world: World, rules: list[Grant]) -> None:
        everything = delete_acls.DeleteAclsFilter(1, None, 1, None, None, 1, 1)
        self.ask(ADMIN, delete_acls.DeleteAclsRequest(filters=[everything]), 3)
        made = [
            create_acls.AclCreation(kind, getattr(world, name), 3, f"User:{WALKER}", "*", operation, 3)
            for operation, kind, name in rules
        ]
        if made:
            answer = self.ask(ADMIN, create_acls.CreateAclsRequest(creations=made), 3)
            assert all(each.error_code == 0 for each in answer.results), (answer, made)
        wanted = {(kind, getattr(world, name), operation) for operation, kind, name in rules}
        self.until(lambda: self._rules() == wanted)

    def _rules(self) -> set[tuple[int, str, int]]:
        """What the broker knows of the rules; on Kafka the controller knows it earlier."""
        resources = self.ask(ADMIN, ALL_RULES, 3).resources
        return {
            (one.resource_type, one.resource_name, rule.operation) for one in resources for rule in one.acls
        }


def words(need: Grant) -> str:
    """A grant in words."""
    operation, kind, name = need
    return f"{OPERATIONS[operation]} {RESOURCES[kind]} {name}"


# ---- Apache Kafka ----------------------------------------------------------------------------------------------------

JAAS = (
    "org.apache.kafka.common.security.plain.PlainLoginModule required username=admin password=secret "
    "user_admin=secret user_walker=secret;"
)
SETTINGS = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:admin;User:ANONYMOUS",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "delegation.token.secret.key": "secret",
    "auto.create.topics.enable": "true",
}
SASL = {
    "listener.security.protocol.map": "PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    "sasl.enabled.mechanisms": "PLAIN",
    "sasl.mechanism.inter.broker.protocol": "PLAIN",
    "listener.name.plaintext.plain.sasl.jaas.config": JAAS,
}


class KafkaUsers:
    """Connections to a real broker, one per user, logged in by SASL PLAIN."""

    def __init__(self, bootstrap: str) -> None:
        host, port = bootstrap.split(":")
        self.address = (host, int(port))
        self.connections: dict[str, socket.socket] = {}

    def ask(self, user: str, request: Any, version: int) -> Any:
        connection = self.connections.get(user) or self.connect(user)
        try:
            return admin_script.ask(connection, request, version)
        except (ConnectionError, TimeoutError):
            connection.close()
            del self.connections[user]
            return None

    def connect(self, user: str) -> socket.socket:
        connection = socket.create_connection(self.address, timeout=20)
        admin_script.ask(connection, sasl_handshake.SaslHandshakeRequest(mechanism="PLAIN"), 1)
        secret = sasl_authenticate.SaslAuthenticateRequest(auth_bytes=b"\0%s\0secret" % user.encode())
        answer = admin_script.ask(connection, secret, 2)
        assert answer.error_code == 0, answer
        self.connections[user] = connection
        return connection


def retrying(ask: Ask) -> Ask:
    """A super user's requests are repeated while a coordinator is being made."""
    loading = {
        ErrorCode.COORDINATOR_NOT_AVAILABLE,
        ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
        ErrorCode.NOT_COORDINATOR,
    }

    def again(user: str, request: Any, version: int) -> Any:
        for _ in range(50):
            answer = ask(user, request, version)
            if answer is None or user != ADMIN or not loading & set(error_codes(answer)):
                break
            time.sleep(0.2)
        return answer

    return again


def record(names: list[str]) -> None:
    """Play against Apache Kafka and keep the answers."""
    from compat.kafka import ApacheKafka
    from tests.broker.authorisation.cases import CASES

    answers: dict[str, Any] = json.loads(ANSWERS.read_text()) if names and ANSWERS.exists() else {}
    with ApacheKafka({**SETTINGS, **SASL}) as kafka:
        users = KafkaUsers(kafka.bootstrap)
        walk = Walk(retrying(users.ask), lambda: time.sleep(0.02))
        users.ask(ADMIN, MetadataRequest(topics=[MetadataRequestTopic(name="x")]), 12)
        for case in CASES:
            if not names or case.name in names:
                try:
                    answers[case.name] = walk.play(case)
                except Exception as error:
                    print(case.name, "failed:", repr(error), flush=True)
                kept = {each.name: answers[each.name] for each in CASES if each.name in answers}
                lines = [f"{json.dumps(name)}: {json.dumps(rows)}" for name, rows in kept.items()]
                ANSWERS.write_text("{\n" + ",\n".join(lines) + "\n}\n")
                print(case.name, flush=True)


if __name__ == "__main__":
    record(sys.argv[1:])
