"""A script of consumer group requests (KIP-848), and how answers are reduced to what must be equal on Apache Kafka and here.

`python -m tests.broker.consumer_group_script 127.0.0.1:9092` plays it against a fresh one-node Apache Kafka 4.4.0 (started with
`offsets.topic.num.partitions=1`) and writes `data/consumer_group_answers.json`; `test_consumer_group_script.py` plays it
against our handlers.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neuraxis.wire import codec
from neuraxis.wire.messages import consumer_group_describe as cd
from neuraxis.wire.messages import consumer_group_heartbeat as ch
from neuraxis.wire.messages import consumer_protocol as cp
from neuraxis.wire.messages import create_partitions as grow
from neuraxis.wire.messages import create_topics as ct
from neuraxis.wire.messages import delete_groups as dg
from neuraxis.wire.messages import delete_topics as dt
from neuraxis.wire.messages import describe_groups as old
from neuraxis.wire.messages import find_coordinator as fc
from neuraxis.wire.messages import heartbeat as hb
from neuraxis.wire.messages import incremental_alter_configs as ia
from neuraxis.wire.messages import join_group as jg
from neuraxis.wire.messages import leave_group as lv
from neuraxis.wire.messages import list_groups as lg
from neuraxis.wire.messages import metadata as md
from neuraxis.wire.messages import offset_commit as oc
from neuraxis.wire.messages import offset_delete as od
from neuraxis.wire.messages import offset_fetch as of
from neuraxis.wire.messages import sync_group as sg
from neuraxis.wire.schema import fields_of, schema_of
from tests.broker import admin_script

ANSWERS = Path(__file__).parent / "data" / "consumer_group_answers.json"
LEFT_OUT = {"throttle_time_ms", "error_message", "client_host", "client_id", "authorized_operations"}
TIMEOUT_MS = 300_000
SETTLED_MS = 1_200
"""Longer than the interval between two assignments that Kafka 4.4.0 keeps (group.consumer.assignment.interval.ms, 1 s)."""

Ask = Callable[[Any, int], Any]
Wait = Callable[[int], None]


class Player:
    """Plays the script: asks, keeps the answers by name, remembers topic ids and member epochs."""

    def __init__(self, ask: Ask, wait: Wait) -> None:
        self._ask = ask
        self.wait = wait
        self.answers: dict[str, Any] = {}
        self.ids: dict[str, bytes] = {}
        self.names: dict[bytes, str] = {}
        self.members: dict[str, str] = {}

    def settle(self) -> None:
        """Let the next assignment be due."""
        self.wait(SETTLED_MS)

    def topic(self, name: str, partitions: int) -> None:
        """Create a topic."""
        topic = ct.CreatableTopic(name=name, num_partitions=partitions, replication_factor=1)
        answer = self._ask(ct.CreateTopicsRequest(topics=[topic], timeout_ms=5_000), 7)
        assert answer.topics[0].error_code == 0, answer
        self.wait(300)
        self.know(name)

    def know(self, *names: str) -> None:
        """Learn the ids of topics."""
        topics = [md.MetadataRequestTopic(topic_id=bytes(16), name=name) for name in names]
        for topic in self._ask(md.MetadataRequest(topics=topics), 12).topics:
            self.ids[topic.name] = topic.topic_id
            self.names[topic.topic_id] = topic.name

    def ask(self, step: str, request: Any, version: int) -> Any:
        """One step of the script."""
        assert step not in self.answers, step
        answer = self._ask(request, version)
        self.answers[step] = self.reduce(answer)
        return answer

    def beat(
        self,
        step: str,
        group: str,
        member: str,
        epoch: int,
        topics: list[str] | None = None,
        owned: dict[str, list[int]] | None = None,
        *,
        version: int = 1,
        timeout_ms: int = -1,
        **more: Any,
    ) -> ch.ConsumerGroupHeartbeatResponse:
        """A heartbeat."""
        request = ch.ConsumerGroupHeartbeatRequest(
            group_id=group,
            member_id=member,
            member_epoch=epoch,
            rebalance_timeout_ms=timeout_ms,
            subscribed_topic_names=topics,
            topic_partitions=None
            if owned is None
            else [ch.TopicPartitions(self.ids[name], found) for name, found in owned.items()],
            **more,
        )
        answer: ch.ConsumerGroupHeartbeatResponse = self.ask(step, request, version)
        return answer

    def join(
        self, step: str, group: str, member: str, topics: list[str] | None, **more: Any
    ) -> ch.ConsumerGroupHeartbeatResponse:
        """A first heartbeat."""
        return self.beat(step, group, member, 0, topics, {}, timeout_ms=TIMEOUT_MS, **more)

    def describe(self, step: str, *groups: str, version: int = 1) -> Any:
        """Describe consumer groups."""
        return self.ask(step, cd.ConsumerGroupDescribeRequest(list(groups)), version)

    def commit(
        self,
        step: str,
        group: str,
        member: str,
        epoch: int,
        topic: str,
        version: int = 9,
        partition: int = 0,
        instance: str | None = None,
    ) -> None:
        """Commit a position."""
        item = oc.OffsetCommitRequestTopic(
            topic, self.ids.get(topic, bytes(16)), [oc.OffsetCommitRequestPartition(partition, 5, -1, "m")]
        )
        request = oc.OffsetCommitRequest(group, epoch, member, instance, -1, [item])
        self.ask(step, request, version)

    def fetch(
        self, step: str, group: str, member: str | None, epoch: int, topic: str, version: int = 9
    ) -> None:
        """Fetch a position."""
        asked = of.OffsetFetchRequestTopics(topic, self.ids.get(topic, bytes(16)), [0])
        request = of.OffsetFetchRequest(groups=[of.OffsetFetchRequestGroup(group, member, epoch, [asked])])
        self.ask(step, request, version)

    def reduce(self, value: Any) -> Any:
        """An answer without what differs between two runs; ids as names, lists of partitions sorted."""
        if isinstance(value, list):
            found = [self.reduce(item) for item in value]
            return sorted(found, key=lambda item: json.dumps(item, sort_keys=True))
        if isinstance(value, bytes | bytearray | memoryview):
            data = bytes(value)
            return self.names.get(data, data.hex())
        if value is None or isinstance(value, str | int | float):
            return value
        return {
            name: self.reduce(getattr(value, name))
            for name, _ in fields_of(type(value))
            if name not in LEFT_OUT
        }


def assigned(answer: ch.ConsumerGroupHeartbeatResponse, player: Player) -> dict[str, list[int]]:
    """What a heartbeat's answer hands out, by topic name."""
    if answer.assignment is None:
        return {}
    return {player.names[item.topic_id]: item.partitions for item in answer.assignment.topic_partitions}


def _refusals(p: Player) -> None:
    full = {"rebalance_timeout_ms": 1000, "subscribed_topic_names": ["t4"], "topic_partitions": []}
    cases: list[tuple[str, int, dict[str, Any]]] = [
        ("no group id", 1, {**full, "group_id": "", "member_id": "m"}),
        ("no member id v1", 1, {**full, "group_id": "bad"}),
        ("no timeout", 1, {**full, "group_id": "bad", "member_id": "m", "rebalance_timeout_ms": -1}),
        ("no topics", 1, {**full, "group_id": "bad", "member_id": "m", "subscribed_topic_names": None}),
        ("no owned", 1, {**full, "group_id": "bad", "member_id": "m", "topic_partitions": None}),
        (
            "some owned",
            1,
            {
                **full,
                "group_id": "bad",
                "member_id": "m",
                "topic_partitions": [ch.TopicPartitions(p.ids["t4"], [0])],
            },
        ),
        ("assignor unknown", 1, {**full, "group_id": "bad", "member_id": "m", "server_assignor": "sticky"}),
        ("instance empty", 1, {**full, "group_id": "bad", "member_id": "m", "instance_id": ""}),
        ("rack empty", 1, {**full, "group_id": "bad", "member_id": "m", "rack_id": ""}),
        ("epoch -2 without an instance", 1, {"group_id": "bad", "member_id": "m", "member_epoch": -2}),
        ("epoch -3", 1, {"group_id": "bad", "member_id": "m", "member_epoch": -3}),
        ("epoch -1 of no group", 1, {"group_id": "bad", "member_id": "m", "member_epoch": -1}),
        (
            "epoch -2 of no group",
            1,
            {"group_id": "bad", "member_id": "m", "member_epoch": -2, "instance_id": "i"},
        ),
        ("epoch 5 of no group", 1, {"group_id": "bad", "member_id": "m", "member_epoch": 5}),
        ("epoch 5 without a member id v0", 0, {"group_id": "bad", "member_epoch": 5}),
        ("epoch -1 without a member id v0", 0, {"group_id": "bad", "member_epoch": -1}),
        (
            "regex bad",
            1,
            {
                **full,
                "group_id": "bad",
                "member_id": "m",
                "subscribed_topic_names": None,
                "subscribed_topic_regex": "(a",
            },
        ),
        (
            "regex backreference",
            1,
            {
                **full,
                "group_id": "bad",
                "member_id": "m",
                "subscribed_topic_names": None,
                "subscribed_topic_regex": r"(a)\1",
            },
        ),
    ]
    for name, version, fields in cases:
        p.ask(f"refused: {name}", ch.ConsumerGroupHeartbeatRequest(**fields), version)
    p.describe("refused: describe", "bad", "", "none")


def _one_member(p: Player) -> None:
    epoch = p.join("one: join", "one", "m1", ["t4"]).member_epoch
    p.describe("one: described at once", "one")
    p.settle()
    p.beat("one: settled", "one", "m1", epoch)
    p.beat("one: full", "one", "m1", epoch, ["t4"], {}, timeout_ms=TIMEOUT_MS)
    p.describe("one: described", "one")
    p.describe("one: described v0", "one", version=0)
    p.beat("one: short", "one", "m1", epoch)
    p.beat("one: full again", "one", "m1", epoch, ["t4"], {"t4": [0, 1, 2, 3]}, timeout_ms=TIMEOUT_MS)
    p.beat("one: greater epoch", "one", "m1", epoch + 1)
    p.beat("one: smaller epoch", "one", "m1", epoch - 1)
    p.beat("one: smaller epoch with a subset", "one", "m1", epoch - 1, None, {"t4": [0]})
    p.beat("one: much smaller epoch", "one", "m1", epoch - 2 if epoch > 2 else 99)
    p.beat("one: unknown member", "one", "m9", epoch)
    p.beat("one: unknown member leaves", "one", "m9", -1)
    p.beat("one: unknown instance leaves", "one", "m9", -2, instance_id="i9")
    p.beat("one: same topics", "one", "m1", epoch, ["t4"])
    p.commit("one: commit", "one", "m1", epoch, "t4")
    p.commit("one: commit v10", "one", "m1", epoch, "t4", 10)
    p.commit("one: commit of a partition of another topic", "one", "m1", epoch, "t2")
    p.commit("one: commit v8", "one", "m1", epoch, "t4", 8)
    p.commit("one: commit stale", "one", "m1", epoch - 1, "t4")
    p.commit("one: commit ahead", "one", "m1", epoch + 1, "t4")
    p.commit("one: commit of nobody", "one", "", -1, "t4")
    p.commit("one: commit of a stranger", "one", "m9", epoch, "t4")
    p.commit("one: commit of a stranger, simple", "one", "m9", -1, "t4")
    p.commit("one: commit stale v8", "one", "m1", epoch - 1, "t4", 8)
    p.fetch("one: fetch", "one", "m1", epoch, "t4")
    p.fetch("one: fetch stale", "one", "m1", epoch - 1, "t4")
    p.fetch("one: fetch ahead", "one", "m1", epoch + 1, "t4")
    p.fetch("one: fetch of a stranger", "one", "m9", epoch, "t4")
    p.fetch("one: fetch of nobody", "one", None, -1, "t4")
    p.fetch("one: fetch of a member without epoch", "one", "m1", -1, "t4")
    p.fetch("one: fetch v8", "one", None, -1, "t4", 8)
    p.fetch("one: fetch of no group", "none", "m1", 3, "t4")
    p.ask("one: DescribeGroups v5", old.DescribeGroupsRequest(["one"]), 5)
    p.ask("one: DescribeGroups v6", old.DescribeGroupsRequest(["one"]), 6)
    p.ask("one: list", lg.ListGroupsRequest([], ["Consumer"]), 5)
    p.ask("one: list states", lg.ListGroupsRequest(["stable"], ["consumer"]), 5)
    p.ask("one: list states, none", lg.ListGroupsRequest(["reconciling"], ["consumer"]), 5)
    p.ask("one: delete", dg.DeleteGroupsRequest(["one"]), 2)
    asked = od.OffsetDeleteRequestTopic("t4", [od.OffsetDeleteRequestPartition(0)])
    p.ask("one: delete offsets", od.OffsetDeleteRequest("one", [asked]), 0)
    asked = od.OffsetDeleteRequestTopic("t2", [od.OffsetDeleteRequestPartition(0)])
    p.ask("one: delete offsets elsewhere", od.OffsetDeleteRequest("one", [asked]), 0)
    p.join("one: rejoin", "one", "m1", ["t4"])
    p.beat("one: leave with a wrong epoch", "one", "m1", -1)
    p.describe("one: described empty", "one")
    p.commit("one: commit of an administrator", "one", "", -1, "t4")
    p.commit("one: commit of a member that left", "one", "m1", epoch, "t4")
    p.ask("one: list empty", lg.ListGroupsRequest(["empty"], ["consumer"]), 5)
    p.ask("one: deleted", dg.DeleteGroupsRequest(["one"]), 2)
    p.describe("one: described deleted", "one")


def _three_members(p: Player, assignor: str) -> None:
    g = f"three-{assignor}"
    epochs: dict[str, int] = {}
    owned: dict[str, dict[str, list[int]]] = {}

    def take(member: str, answer: Any) -> None:
        epochs[member] = answer.member_epoch
        if answer.assignment is not None:
            owned[member] = assigned(answer, p)

    def round_(step: str) -> None:
        p.settle()
        for turn in range(4):
            for member in list(epochs):
                # a heartbeat that says what the member owns; whatever was taken from it, it has let go
                before = owned.get(member, {})
                answer = p.beat(
                    f"{g}: {step} {turn} {member}",
                    g,
                    member,
                    epochs[member],
                    None,
                    before,
                )
                take(member, answer)
            p.wait(100)
        p.describe(f"{g}: {step} described", g)
        p.answers[f"{g}: {step} owned"] = {
            member: {name: sorted(found) for name, found in sorted(topics.items())}
            for member, topics in sorted(owned.items())
        }

    topics = ["t4", "t2"]
    take("a", p.join(f"{g}: a joins", g, "a", topics, server_assignor=assignor))
    round_("a")
    p.settle()
    take("b", p.join(f"{g}: b joins", g, "b", topics, server_assignor=assignor))
    round_("b")
    p.settle()
    take("c", p.join(f"{g}: c joins", g, "c", topics, server_assignor=assignor))
    round_("c")
    p.beat(f"{g}: b leaves", g, "b", -1)
    epochs.pop("b"), owned.pop("b", None)
    round_("without b")
    p.settle()
    take("d", p.join(f"{g}: d joins for one topic", g, "d", ["t2"], server_assignor=assignor))
    round_("d")


def _static(p: Player) -> None:
    g = "static"
    epoch = p.join("static: join", g, "s1", ["t4"], instance_id="i1").member_epoch
    p.settle()
    epoch = p.beat("static: settled", g, "s1", epoch, instance_id="i1").member_epoch
    epoch = p.beat("static: settled again", g, "s1", epoch, instance_id="i1").member_epoch
    p.join("static: another while it is there", g, "s2", ["t4"], instance_id="i1")
    p.join("static: itself while it is there", g, "s1", ["t4"], instance_id="i1")
    p.beat("static: another heartbeats", g, "s2", epoch, instance_id="i1")
    p.beat("static: another leaves for now", g, "s2", -2, instance_id="i1")
    p.beat("static: without its instance", g, "s1", epoch)
    p.beat("static: leaves for now", g, "s1", -2, instance_id="i1")
    p.describe("static: described away", g)
    p.beat("static: heartbeat when away", g, "s1", epoch, instance_id="i1")
    p.join("static: back", g, "s2", ["t4"], instance_id="i1")
    p.describe("static: described back", g)
    p.beat("static: the old one", g, "s1", epoch, instance_id="i1")
    p.commit("static: the old one commits", g, "s1", epoch, "t4", instance="i1")
    p.commit("static: the new one commits", g, "s2", epoch, "t4", instance="i1")
    p.commit("static: the new one commits as another", g, "s2", epoch, "t4", instance="i9")
    p.beat("static: leaves for good", g, "s2", -1, instance_id="i1")
    p.describe("static: described empty", g)


def _topics_change(p: Player) -> None:
    g = "change"
    p.topic("grows", 1)
    epoch = p.join("change: join", g, "m", ["grows", "later"]).member_epoch
    p.settle()
    epoch = p.beat("change: settled", g, "m", epoch).member_epoch
    epoch = p.beat("change: settled again", g, "m", epoch).member_epoch
    p._ask(grow.CreatePartitionsRequest([grow.CreatePartitionsTopic("grows", 3, None)], 5_000, False), 3)
    p.settle()
    epoch = p.beat("change: grown 1", g, "m", epoch).member_epoch
    p.settle()
    epoch = p.beat("change: grown 2", g, "m", epoch, None, {"grows": [0]}).member_epoch
    p.beat("change: grown 3", g, "m", epoch, ["grows", "later"], {"grows": [0]}, timeout_ms=TIMEOUT_MS)
    p.topic("later", 2)
    p.settle()
    epoch = p.beat("change: appeared 1", g, "m", epoch).member_epoch
    p.settle()
    epoch = p.beat("change: appeared 2", g, "m", epoch).member_epoch
    p.describe("change: described", g)
    p._ask(dt.DeleteTopicsRequest(topics=[dt.DeleteTopicState("grows", bytes(16))], timeout_ms=5_000), 6)
    p.settle()
    epoch = p.beat("change: deleted 1", g, "m", epoch).member_epoch
    p.settle()
    epoch = p.beat("change: deleted 2", g, "m", epoch, None, {"later": [0, 1]}).member_epoch
    p.describe("change: deleted, described", g)
    epoch = p.beat("change: subscription", g, "m", epoch, ["t2"], {"later": [0, 1]}).member_epoch
    p.settle()
    epoch = p.beat("change: subscription 2", g, "m", epoch, None, {}).member_epoch
    p.beat("change: subscription 3", g, "m", epoch, None, {})
    p.describe("change: subscription, described", g)


def _regex(p: Player) -> None:
    g = "regex"
    epoch = p.join("regex: join", g, "m", None, subscribed_topic_regex="t[24]").member_epoch
    p.settle()
    epoch = p.beat("regex: settled", g, "m", epoch).member_epoch
    p.settle()
    epoch = p.beat("regex: settled 2", g, "m", epoch).member_epoch
    p.beat("regex: full", g, "m", epoch, [], {}, timeout_ms=TIMEOUT_MS, subscribed_topic_regex="t[24]")
    p.describe("regex: described", g)
    epoch = p.beat(
        "regex: bad", g, "m", epoch, None, {}, timeout_ms=TIMEOUT_MS, subscribed_topic_regex="t[2"
    ).member_epoch


def _migration(p: Player) -> None:
    g = "migration"

    def subscribe(owned: dict[str, list[int]]) -> bytes:
        said = cp.ConsumerProtocolSubscription(
            ["t4"], None, [cp.TopicPartition(topic, found) for topic, found in owned.items()], -1, None
        )
        return b"\x00\x02" + codec.encode(said, 2)

    def hand_out(topics: dict[str, list[int]]) -> bytes:
        said = cp.ConsumerProtocolAssignment(
            [cp.ConsumerProtocolAssignmentTopicPartition(topic, found) for topic, found in topics.items()],
            None,
        )
        return b"\x00\x01" + codec.encode(said, 1)

    def join(step: str, member: str, owned: dict[str, list[int]], **more: Any) -> Any:
        protocol = jg.JoinGroupRequestProtocol("range", subscribe(owned))
        request = jg.JoinGroupRequest(
            group_id=g,
            member_id=member,
            session_timeout_ms=45_000,
            rebalance_timeout_ms=TIMEOUT_MS,
            protocol_type="consumer",
            protocols=[protocol],
            **more,
        )
        return p.ask(f"migration: {step}", request, 9)

    def sync(step: str, member: str, generation: int, given: Any = ()) -> Any:
        request = sg.SyncGroupRequest(
            g,
            generation,
            member,
            None,
            "consumer",
            "range",
            [sg.SyncGroupRequestAssignment(*item) for item in given],
        )
        return p.ask(f"migration: {step}", request, 5)

    def beat(step: str, member: str, generation: int) -> Any:
        return p.ask(f"migration: {step}", hb.HeartbeatRequest(g, generation, member, None), 4)

    classic = p._ask(
        jg.JoinGroupRequest(
            group_id=g,
            session_timeout_ms=45_000,
            rebalance_timeout_ms=TIMEOUT_MS,
            protocol_type="consumer",
            protocols=[jg.JoinGroupRequestProtocol("range", subscribe({}))],
        ),
        9,
    ).member_id
    p.names[classic.encode()] = "CLASSIC"
    p.members[classic] = "CLASSIC"
    joined = join("classic joins", classic, {})
    sync("classic syncs", classic, joined.generation_id, [(classic, hand_out({"t4": [0, 1, 2, 3]}))])
    p.describe("migration: described while classic", g)
    p.beat("migration: heartbeat with an epoch", g, "new", 1)
    epoch = p.join("migration: new joins", g, "new", ["t4"]).member_epoch
    p.describe("migration: described after the upgrade", g)
    p.ask("migration: listed", lg.ListGroupsRequest([], []), 5)
    p.settle()
    epoch = p.beat("migration: new settles", g, "new", epoch).member_epoch
    epoch = p.beat("migration: new settles 2", g, "new", epoch).member_epoch
    p.answers["migration: epoch"] = epoch
    beat("classic is told", classic, joined.generation_id)
    p.commit("migration: classic commits", g, classic, joined.generation_id, "t4", 8)
    p.commit("migration: classic commits stale", g, classic, joined.generation_id - 1, "t4", 8)
    joined = join("classic joins again", classic, {"t4": [0, 1, 2, 3]})
    sync("classic syncs again", classic, joined.generation_id)
    beat("classic is told again", classic, joined.generation_id)
    p.describe("migration: described in between", g)
    sync("classic syncs too early", classic, joined.generation_id + 1)
    joined = join("classic joins a third time", classic, {"t4": [0, 1]})
    sync("classic syncs a third time", classic, joined.generation_id)
    beat("classic is stable", classic, joined.generation_id)
    beat("classic is wrong", classic, joined.generation_id + 1)
    beat("a stranger", "m9", joined.generation_id)
    beat("a consumer", "new", epoch)
    epoch = p.beat("migration: new gets the rest", g, "new", epoch).member_epoch
    p.beat("migration: new says all", g, "new", epoch, ["t4"], {}, timeout_ms=TIMEOUT_MS)
    p.describe("migration: described stable", g)
    p.beat("migration: new leaves", g, "new", -1)
    p.describe("migration: described after the downgrade", g)
    beat("classic is told of the downgrade", classic, joined.generation_id)
    p.ask("migration: listed after the downgrade", lg.ListGroupsRequest([], ["classic"]), 5)
    joined = join("classic joins the classic group", classic, {"t4": [0, 1]})
    sync("classic syncs in it", classic, joined.generation_id, [(classic, hand_out({"t4": [0, 1, 2, 3]}))])
    p.ask("migration: DescribeGroups", old.DescribeGroupsRequest([g]), 6)
    p.ask(
        "migration: classic leaves",
        lv.LeaveGroupRequest(group_id=g, members=[lv.MemberIdentity(classic, None, None)]),
        5,
    )
    p.join("migration: new joins the empty group", g, "new", ["t4"])
    p.describe("migration: described in the end", g)
    joined = join("classic joins the other", "", {})
    p.members[joined.member_id] = "SECOND"
    second = joined.member_id
    joined = join("classic joins the other indeed", second, {})
    sync("classic syncs with the other", second, joined.generation_id)
    beat("classic waits for an assignment", second, joined.generation_id)
    p.settle()
    beat("classic may have one now", second, joined.generation_id)
    sync("classic syncs instead", second, joined.generation_id)
    p.describe("migration: described when an assignment is due", g)
    joined = join("classic joins when one is due", second, {})
    sync("classic syncs when one is due", second, joined.generation_id)
    p.describe("migration: described when an assignment was made", g)
    p.settle()
    p.beat("migration: a classic one in the new way", g, second, joined.generation_id)
    p.describe("migration: described with two new ones", g)
    beat("one that was classic", second, joined.generation_id)
    other = jg.JoinGroupRequest(
        group_id=g,
        session_timeout_ms=45_000,
        rebalance_timeout_ms=TIMEOUT_MS,
        protocol_type="connect",
        protocols=[jg.JoinGroupRequestProtocol("range", subscribe({}))],
    )
    p.ask("migration: a worker joins", other, 9)
    p.ask(
        "migration: a new one leaves in the old way",
        lv.LeaveGroupRequest(group_id=g, members=[lv.MemberIdentity("new", None, None)]),
        5,
    )
    p.ask(
        "migration: a stranger leaves in the old way",
        lv.LeaveGroupRequest(group_id=g, members=[lv.MemberIdentity("m9", None, None)]),
        5,
    )


def _interval(p: Player) -> None:
    g = "interval"
    one = p.join("interval: one joins", g, "m1", ["t4"]).member_epoch
    two = p.join("interval: two joins at once", g, "m2", ["t4"]).member_epoch
    p.describe("interval: described at once", g)
    one = p.beat("interval: one, at once", g, "m1", one).member_epoch
    p.settle()
    two = p.beat("interval: two, later", g, "m2", two).member_epoch
    one = p.beat("interval: one, later", g, "m1", one).member_epoch
    one = p.beat("interval: one lets go", g, "m1", one, None, {}).member_epoch
    two = p.beat("interval: two takes", g, "m2", two).member_epoch
    p.commit("interval: one commits with its epoch before", g, "m1", one - 1, "t4")
    p.commit("interval: one commits with its first epoch", g, "m1", one - 1, "t4", partition=3)
    p.commit("interval: two commits with its epoch before", g, "m2", two - 1, "t4", partition=3)
    p.beat("interval: one leaves", g, "m1", -1)
    p.beat("interval: two leaves", g, "m2", -1)
    p.join("interval: back at once", g, "m1", ["t4"])
    p.describe("interval: described back", g)
    p.join("interval: without topics", "idle", "m1", [])
    p.describe("interval: described without topics", "idle")
    p.join("interval: another without topics", "idle", "m2", [])
    p.join("interval: unknown topics", "unknown", "m1", ["nowhere"])
    p.describe("interval: described unknown topics", "unknown")


def _configs(p: Player) -> None:
    change = ia.AlterableConfig("consumer.heartbeat.interval.ms", 0, "6000")
    p._ask(ia.IncrementalAlterConfigsRequest([ia.AlterConfigsResource(32, "configured", [change])], False), 1)
    p.wait(300)
    p.join("config: interval of its own", "configured", "m", ["t4"])


def play(ask: Ask, wait: Wait) -> dict[str, Any]:
    """Play the whole script; the answers by step."""
    p = Player(ask, wait)
    ask(fc.FindCoordinatorRequest(key_type=0, coordinator_keys=["one"]), 4)
    wait(3_000)  # the coordinator's topic is made and loaded
    p.topic("t4", 4)
    p.topic("t2", 2)
    _refusals(p)
    _one_member(p)
    _three_members(p, "range")
    _static(p)
    _topics_change(p)
    _regex(p)
    _migration(p)
    _interval(p)
    _configs(p)
    text = json.dumps(p.answers)
    for member_id, name in p.members.items():
        text = text.replace(member_id, name)
    answers: dict[str, Any] = json.loads(text)
    return answers


def main() -> None:
    """Play against Apache Kafka, write the answers."""
    host, _, port = sys.argv[1].partition(":")
    with socket.create_connection((host, int(port))) as connection:
        answers = play(
            lambda request, version: admin_script.ask(connection, request, version),
            lambda milliseconds: time.sleep(milliseconds / 1000),
        )
    ANSWERS.write_text(json.dumps(answers, indent=1, sort_keys=True) + "\n")
    print(len(answers), "answers,", schema_of(ch.ConsumerGroupHeartbeatRequest).name)


if __name__ == "__main__":
    main()
