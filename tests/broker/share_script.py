"""A script of share group requests (KIP-932), and how its answers are reduced to what must be equal on Apache Kafka and here.

`python -m tests.broker.share_script 127.0.0.1:9092` plays it against a fresh one-node Apache Kafka 4.4.0 with `SETTINGS` and
writes `data/share_answers.json`; `test_share_script.py` plays it against our core.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neuraxis.wire.batch import scan_headers
from neuraxis.wire.messages import alter_share_group_offsets as ao
from neuraxis.wire.messages import consumer_group_heartbeat as ch
from neuraxis.wire.messages import create_topics as ct
from neuraxis.wire.messages import delete_groups as dg
from neuraxis.wire.messages import delete_records as dr
from neuraxis.wire.messages import delete_share_group_offsets as do
from neuraxis.wire.messages import describe_groups as old
from neuraxis.wire.messages import describe_share_group_offsets as so
from neuraxis.wire.messages import find_coordinator as fc
from neuraxis.wire.messages import incremental_alter_configs as ia
from neuraxis.wire.messages import join_group as jg
from neuraxis.wire.messages import list_groups as lg
from neuraxis.wire.messages import metadata as md
from neuraxis.wire.messages import share_acknowledge as sa
from neuraxis.wire.messages import share_fetch as sf
from neuraxis.wire.messages import share_group_describe as sd
from neuraxis.wire.messages import share_group_heartbeat as sh
from neuraxis.wire.schema import fields_of
from tests.broker import admin_script
from tests.broker.harness import batch_of, produce_request

ANSWERS = Path(__file__).parent / "data" / "share_answers.json"
SETTINGS = {
    "offsets.topic.num.partitions": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.share.min.record.lock.duration.ms": "1000",
    "group.share.assignment.interval.ms": "0",
    "group.share.min.heartbeat.interval.ms": "1000",
}
LEFT_OUT = {
    "throttle_time_ms",
    "error_message",
    "acknowledge_error_message",
    "client_host",
    "client_id",
    "authorized_operations",
}
LOCK_MS = 2_000
GROUP_RESOURCE = 32
ACCEPT, RELEASE, REJECT, RENEW = 1, 2, 3, 4

Ask = Callable[[Any, int], Any]
Wait = Callable[[int], None]
Acks = list[tuple[int, int, list[int]]]


class Player:
    """Plays the script: asks, keeps the answers by name, remembers topic ids and session epochs."""

    def __init__(self, ask: Ask, wait: Wait) -> None:
        self._ask = ask
        self.wait = wait
        self.answers: dict[str, Any] = {}
        self.ids: dict[str, bytes] = {"nowhere": b"\x07" * 16}
        self.names: dict[bytes, str] = {}
        self.part = ""

    def topic(self, name: str, partitions: int = 1) -> None:
        topic = ct.CreatableTopic(name=name, num_partitions=partitions, replication_factor=1)
        answer = self._ask(ct.CreateTopicsRequest(topics=[topic], timeout_ms=5_000), 7)
        assert answer.topics[0].error_code == 0, answer
        self.wait(300)
        topics = [md.MetadataRequestTopic(topic_id=bytes(16), name=name)]
        for found in self._ask(md.MetadataRequest(topics=topics), 12).topics:
            self.ids[found.name] = found.topic_id
            self.names[found.topic_id] = found.name

    def group(self, name: str, **configs: str) -> None:
        """Set configs of a group: it starts at the beginning, its locks are short."""
        wanted = {"share_auto_offset_reset": "earliest", **configs}
        changes = [ia.AlterableConfig(key.replace("_", "."), 0, value) for key, value in wanted.items()]
        request = ia.IncrementalAlterConfigsRequest(
            [ia.AlterConfigsResource(GROUP_RESOURCE, name, changes)], False
        )
        (answer,) = self._ask(request, 1).responses
        assert answer.error_code == 0, answer
        self.wait(300)

    def produce(self, topic: str, *counts: int, partition: int = 0) -> None:
        """Append batches of so many records each."""
        for count in counts:
            batch = batch_of(*(b"x" * 20 for _ in range(count)))
            (answer,) = self._ask(produce_request(topic, batch, partition), 12).responses
            assert answer.partition_responses[0].error_code == 0, answer

    def ask(self, step: str, request: Any, version: int) -> Any:
        step = f"{self.part}: {step}"
        assert step not in self.answers, step
        answer = self._ask(request, version)
        self.answers[step] = self.reduce(answer)
        return answer

    def beat(
        self, step: str, group: str, member: str, epoch: int, topics: list[str] | None = None, **more: Any
    ) -> Any:
        return self.ask(step, sh.ShareGroupHeartbeatRequest(group, member, epoch, None, topics, **more), 1)

    def fetch(
        self,
        step: str,
        group: str | None,
        member: str | None,
        epoch: int,
        topics: dict[str, dict[int, Acks]] | None = None,
        forgotten: dict[str, list[int]] | None = None,
        version: int = 2,
        again: int = 0,
        **more: Any,
    ) -> Any:
        """A ShareFetch; `again`: so often anew until something is acquired (Kafka answers early while it loads)."""
        request = sf.ShareFetchRequest(
            group_id=group,
            member_id=member,
            share_session_epoch=epoch,
            **{
                "max_wait_ms": 1000,
                "min_bytes": 1,
                "max_bytes": 1 << 20,
                "max_records": 500,
                "batch_size": 500,
                **more,
            },
            topics=[
                sf.FetchTopic(
                    self.ids[name],
                    [
                        sf.FetchPartition(index, [sf.AcknowledgementBatch(*ack) for ack in acks])
                        for index, acks in partitions.items()
                    ],
                )
                for name, partitions in (topics or {}).items()
            ],
            forgotten_topics_data=[
                sf.ForgottenTopic(self.ids[name], list(found)) for name, found in (forgotten or {}).items()
            ],
        )
        return self.ask(step, request, version)

    def ack(
        self,
        step: str,
        group: str | None,
        member: str | None,
        epoch: int,
        topics: dict[str, dict[int, Acks]] | None = None,
        version: int = 2,
        renew: bool = False,
    ) -> Any:
        request = sa.ShareAcknowledgeRequest(
            group,
            member,
            epoch,
            renew,
            [
                sa.AcknowledgeTopic(
                    self.ids[name],
                    [
                        sa.AcknowledgePartition(index, [sa.AcknowledgementBatch(*ack) for ack in acks])
                        for index, acks in partitions.items()
                    ],
                )
                for name, partitions in (topics or {}).items()
            ],
        )
        return self.ask(step, request, version)

    def describe(self, step: str, *groups: str) -> Any:
        return self.ask(step, sd.ShareGroupDescribeRequest(list(groups)), 1)

    def offsets(self, step: str, group: str, topics: dict[str, list[int]] | None, version: int = 1) -> Any:
        asked = (
            None
            if topics is None
            else [so.DescribeShareGroupOffsetsRequestTopic(name, found) for name, found in topics.items()]
        )
        request = so.DescribeShareGroupOffsetsRequest(
            [so.DescribeShareGroupOffsetsRequestGroup(group, asked)]
        )
        return self.ask(f"offsets {step}", request, version)

    def alter(self, step: str, group: str, topics: dict[str, dict[int, int]]) -> Any:
        asked = [
            ao.AlterShareGroupOffsetsRequestTopic(
                name, [ao.AlterShareGroupOffsetsRequestPartition(*pair) for pair in found.items()]
            )
            for name, found in topics.items()
        ]
        return self.ask(f"alter {step}", ao.AlterShareGroupOffsetsRequest(group, asked), 0)

    def forget(self, step: str, group: str, *topics: str) -> Any:
        asked = [do.DeleteShareGroupOffsetsRequestTopic(name) for name in topics]
        return self.ask(f"forget {step}", do.DeleteShareGroupOffsetsRequest(group, asked), 0)

    def reduce(self, value: Any) -> Any:
        """An answer without what differs between two runs; ids as names, records as the offsets of their batches."""
        if isinstance(value, list):
            return sorted(
                (self.reduce(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True)
            )
        if isinstance(value, bytes | bytearray | memoryview):
            data = bytes(value)
            if len(data) == 16:
                return self.names.get(data, data.hex())
            return [[header.base_offset, header.last_offset] for _, header in scan_headers(memoryview(data))]
        if value is None or isinstance(value, str | int | float):
            return value
        return {
            name: self.reduce(getattr(value, name))
            for name, _ in fields_of(type(value))
            if name not in LEFT_OUT
        }


def _members(p: Player) -> None:
    p.part = "members"
    g = "mem"
    p.beat("no group id", "", "m", 0, ["t1"])
    p.beat("no member id", g, "", 0, ["t1"])
    p.beat("no topics", g, "m", 0, None)
    p.beat("empty topics", g, "m0", 0, [])
    p.beat("epoch -2", g, "m", -2, ["t1"])
    p.beat("epoch -1 of nobody", g, "m", -1)
    p.beat("leave a group that is not", "no-such", "m", -1)
    p.beat("epoch 5 of nobody", g, "m", 5, ["t1"])
    p.beat("first", g, "m", 0, ["t1"])
    p.describe("after joins", g, "no-such")
    p.beat("join", g, "a", 0, ["t4"])
    p.wait(300)
    p.beat("join again", g, "a", 0, ["t4"])
    epoch = p.answers["members: join again"]["member_epoch"]
    answer = p.beat("beat", g, "a", epoch)
    p.describe("described", g)
    p.beat("old epoch", g, "a", answer.member_epoch - 1)
    p.beat("far epoch", g, "a", answer.member_epoch + 7)
    p.beat("unknown topic too", g, "a", answer.member_epoch, ["t4", "unknown"])
    p.wait(300)
    p.describe("described with an unknown topic", g)
    p.ask("ListGroups", lg.ListGroupsRequest([], ["share"]), 5)
    p.ask("ListGroups stable", lg.ListGroupsRequest(["Stable"], ["share"]), 5)
    p.ask("ListGroups v4", lg.ListGroupsRequest([]), 4)
    p.ask("DescribeGroups", old.DescribeGroupsRequest([g]), 6)
    p.ask("DescribeGroups v5", old.DescribeGroupsRequest([g]), 5)
    p.ask("DeleteGroups with members", dg.DeleteGroupsRequest([g]), 2)
    p.ask(
        "classic join",
        jg.JoinGroupRequest(
            group_id=g,
            session_timeout_ms=10_000,
            rebalance_timeout_ms=10_000,
            member_id="",
            protocol_type="consumer",
            protocols=[jg.JoinGroupRequestProtocol("range", b"")],
        ),
        4,
    )
    p.beat("a leaves", g, "a", -1)
    p.beat("m0 leaves", g, "m0", -1)
    p.beat("m leaves", g, "m", -1)
    p.describe("described empty", g)
    p.ask("ListGroups empty", lg.ListGroupsRequest(["empty"], ["Share"]), 5)
    p.ask(
        "consumer heartbeat in an empty share group",
        ch.ConsumerGroupHeartbeatRequest(
            group_id=g,
            member_id="c",
            member_epoch=0,
            rebalance_timeout_ms=60_000,
            subscribed_topic_names=["t1"],
            topic_partitions=[],
        ),
        1,
    )
    p.ask("DeleteGroups", dg.DeleteGroupsRequest([g]), 2)
    p.describe("described deleted", g)
    p.ask(
        "classic group",
        jg.JoinGroupRequest(
            group_id="classic",
            session_timeout_ms=10_000,
            rebalance_timeout_ms=10_000,
            member_id="",
            protocol_type="consumer",
            protocols=[jg.JoinGroupRequestProtocol("range", b"")],
        ),
        4,
    )
    del p.answers["members: classic group"]
    p.beat("share in a classic group", "classic", "m", 0, ["t1"])
    p.describe("a classic group", "classic")
    p.offsets("offsets of a classic group", "classic", None)
    for name in ("a", "b", "c"):
        p.beat(f"{name} joins", "three", name, 0, ["t4"])
        p.wait(200)
    for name in ("a", "b", "c"):
        answer = p.beat(f"{name} beats", "three", name, p.answers[f"members: {name} joins"]["member_epoch"])
    p.describe("three described", "three")
    for name in ("a", "b", "c"):
        p.beat(f"{name} leaves three", "three", name, -1)
    for name in ("d", "e"):
        p.beat(f"{name} joins one partition", "two", name, 0, ["t1"])
        p.wait(200)
    p.describe("two on one partition", "two")
    for name in ("d", "e"):
        p.beat(f"{name} leaves two", "two", name, -1)


def _sessions(p: Player) -> None:
    p.part = "sessions"
    g = "ses"
    p.group(g)
    p.fetch("fetch of no group", "nogroup", "m", 0, {"t1": {0: []}})
    p.beat("join", g, "m", 0, ["t1", "t4"])
    p.wait(500)
    p.produce("t1", 3)
    p.fetch("no session", g, "m", 3, {"t1": {0: []}})
    p.fetch("final without a session", g, "m", -1)
    p.fetch("no group id", None, "m", 0, {"t1": {0: []}})
    p.fetch("no member id", g, None, 0, {"t1": {0: []}})
    p.fetch("empty member id", g, "", 0, {"t1": {0: []}})
    p.fetch("ack in the first", g, "m", 0, {"t1": {0: [(0, 0, [1])]}})
    p.fetch("unknown topic", g, "m", 0, {"nowhere": {0: []}})
    p.fetch("unknown topic v1", g, "m", 0, {"nowhere": {0: []}}, version=1)
    p.fetch("unknown partition", g, "m", 0, {"t1": {7: []}})
    p.fetch("nothing", g, "m", 0)
    p.fetch("after nothing", g, "m", 1, {})
    p.fetch("first", g, "m", 0, {"t1": {0: []}, "t4": {0: [], 1: []}})
    p.fetch("second", g, "m", 1, {})
    p.fetch("wrong epoch", g, "m", 7, {})
    p.fetch("epoch of before", g, "m", 1, {})
    p.ack("acknowledge with epoch 0", g, "m", 0, {"t1": {0: [(0, 0, [1])]}})
    p.ack("acknowledge wrong epoch", g, "m", 9, {"t1": {0: [(0, 0, [1])]}})
    p.ack("acknowledge no session", g, "other", 1, {"t1": {0: [(0, 0, [1])]}})
    p.ack("acknowledge", g, "m", 2, {"t1": {0: [(0, 0, [1])]}})
    p.ack("acknowledge nothing", g, "m", 3, {})
    p.ack("acknowledge an unknown topic", g, "m", 4, {"nowhere": {0: [(0, 0, [1])]}})
    p.ack("acknowledge an unknown partition", g, "m", 5, {"t1": {5: [(0, 0, [1])]}})
    p.ack("acknowledge where nothing was fetched", g, "m", 6, {"t4": {3: [(0, 0, [1])]}})
    p.fetch("forget", g, "m", 7, {}, {"t4": [0, 1]})
    p.fetch("final with acks", g, "m", -1, {"t1": {0: [(1, 1, [1])]}})
    p.fetch("after final", g, "m", 8, {})
    p.fetch("released by final", g, "n", 0, {"t1": {0: []}})
    p.ack("final acknowledge", g, "n", -1, {"t1": {0: [(2, 2, [1])]}})
    p.ack("final acknowledge again", g, "n", -1, {"t1": {0: [(2, 2, [1])]}})
    p.offsets("offsets", g, None)
    p.offsets("offsets v0", g, {"t1": [0], "t4": [0, 1, 3]}, version=0)
    p.beat("leave", g, "m", -1)


def _states(p: Player) -> None:
    p.part = "states"
    g = "sta"
    p.group(g)
    p.topic("s1")
    p.beat("join", g, "m", 0, ["s1"])
    p.beat("n joins", g, "n", 0, ["s1"])
    p.wait(500)
    p.produce("s1", 10, 10)
    p.fetch("acquire", g, "m", 0, {"s1": {0: []}})
    one = {"s1": {0: []}}

    def acks(*batches: tuple[int, int, list[int]]) -> dict[str, dict[int, Acks]]:
        return {"s1": {0: list(batches)}}

    p.fetch("n finds nothing", g, "n", 0, one, max_wait_ms=50)
    p.ack("n is not the owner", g, "n", 1, acks((0, 0, [1])))
    epoch = 1
    for name, batches in {
        "accept 0-1": [(0, 1, [1])],
        "accept 0 again": [(0, 0, [1])],
        "first after last": [(3, 2, [1])],
        "overlapping": [(2, 4, [1]), (4, 5, [1])],
        "out of order": [(6, 6, [1]), (2, 2, [1])],
        "no types": [(2, 2, [])],
        "wrong number of types": [(2, 4, [1, 1])],
        "type 9": [(2, 2, [9])],
        "type -1": [(2, 2, [-1])],
        "renew without the flag": [(2, 2, [4])],
        "beyond": [(100, 101, [1])],
        "across the end": [(19, 25, [1])],
        "one good one bad": [(2, 2, [1]), (100, 101, [1])],
        "mixed": [(2, 5, [1, 2, 3, 0])],
        "release 6-7": [(6, 7, [2])],
    }.items():
        p.ack(name, g, "m", epoch, acks(*batches))
        epoch += 1
    p.offsets("offsets", g, {"s1": [0]})
    p.fetch("n gets the released", g, "n", 2, one)
    p.ack("n accepts", g, "n", 3, acks((3, 3, [1]), (6, 7, [1, 2])))
    p.fetch("n gets 7 the third time", g, "n", 4, {})
    p.ack("renew with the flag", g, "m", epoch, acks((8, 8, [4])), renew=True)
    epoch += 1
    p.ack("renew and accept", g, "m", epoch, acks((8, 9, [4, 1])), renew=True)
    epoch += 1
    p.ack("renew v1", g, "m", epoch, acks((8, 8, [4])), version=1)
    epoch += 1
    p.fetch("renew in a fetch", g, "m", epoch, acks((8, 8, [4])), is_renew_ack=True)
    p.fetch(
        "renew in a fetch of nothing",
        g,
        "m",
        epoch,
        acks((8, 8, [4])),
        is_renew_ack=True,
        max_wait_ms=0,
        min_bytes=0,
        max_bytes=0,
        max_records=0,
    )
    epoch += 1
    p.fetch("acks in a fetch", g, "m", epoch, acks((8, 8, [1]), (10, 10, [2])))
    epoch += 1
    p.fetch("bad acks in a fetch", g, "m", epoch, acks((0, 0, [1]), (8, 8, [1])), max_wait_ms=50)
    epoch += 1
    p.fetch("acks of others in a fetch", g, "m", epoch, acks((300, 300, [1])), max_wait_ms=50)
    epoch += 1
    p.fetch("senseless acks in a fetch", g, "m", epoch, acks((5, 3, [1])), max_wait_ms=50)
    p.fetch("m ends", g, "m", -1, {})
    p.wait(300)
    p.fetch("n gets what m had", g, "n", 5, {})
    p.ack("n ends", g, "n", -1, {})
    p.offsets("offsets in the end", g, {"s1": [0]})


def _limits(p: Player) -> None:
    p.part = "limits"
    g = "lim"
    p.group(g, share_partition_max_record_locks="100")
    p.topic("l1")
    p.beat("join", g, "m", 0, ["l1"])
    p.wait(500)
    one: dict[str, dict[int, Acks]] = {"l1": {0: []}}
    p.produce("l1", 10, 10, 10, 60, 60, 10)
    p.fetch("3 records, by batches", g, "m", 0, one, max_records=3)
    p.fetch("batch size 5", g, "m", 1, {}, max_records=15, batch_size=5)
    p.fetch("by records", g, "m", 2, {}, max_records=3, share_acquire_mode=1)
    p.fetch("by records on", g, "m", 3, {}, max_records=30, batch_size=10, share_acquire_mode=1)
    p.fetch("the limit of locks", g, "m", 4, {})
    p.fetch("nothing above the limit", g, "m", 5, {}, max_wait_ms=50)
    p.fetch("mode 2", g, "x", 0, one, max_wait_ms=50, share_acquire_mode=2)
    p.fetch("no records wanted", g, "m", 6, {}, max_wait_ms=50, max_records=0)
    p.fetch("some accepted", g, "m", 7, {"l1": {0: [(0, 49, [1])]}})
    p.fetch("end", g, "m", -1, {"l1": {0: [(50, 59, [1])]}})
    p.wait(300)
    p.fetch("first anew", g, "m", 0, one, max_records=1)
    p.fetch("records small", g, "m", 1, {}, max_bytes=100)
    p.fetch("small again", g, "m", 2, {}, max_bytes=100)
    p.fetch("second end", g, "m", -1, {})
    p.wait(300)
    p.topic("l2")
    p.produce("l2", 50)
    p.beat("l2 too", g, "m", p.answers["limits: join"]["member_epoch"], ["l2", "l1"])
    p.wait(500)
    two: dict[str, dict[int, Acks]] = {"l1": {0: []}, "l2": {0: []}}
    p.fetch("of two", g, "m", 0, two, max_records=20)
    p.fetch("of two again", g, "m", 1, {}, max_records=20)
    p.fetch("of two ended", g, "m", -1, {})


def _deliveries(p: Player) -> None:
    p.part = "deliveries"
    g = "del"
    p.group(g, share_record_lock_duration_ms=str(LOCK_MS))
    p.topic("d1")
    p.beat("join", g, "m", 0, ["d1"])
    p.wait(500)
    one: dict[str, dict[int, Acks]] = {"d1": {0: []}}
    p.produce("d1", 4)
    p.fetch("1", g, "m", 0, one)
    p.fetch("2 after the lock", g, "m", 1, {}, max_wait_ms=2 * LOCK_MS)
    p.ack("too late for nobody", g, "m", 2, {"d1": {0: [(0, 0, [1])]}})
    epoch = 3
    for turn in range(3, 8):
        p.ack(f"release {turn}", g, "m", epoch, {"d1": {0: [(1, 3, [2])]}})
        p.fetch(f"{turn}", g, "m", epoch + 1, {}, max_wait_ms=200)
        epoch += 2
    p.offsets("offsets", g, {"d1": [0]})
    p.fetch("end", g, "m", -1, {})
    p.wait(300)
    p.produce("d1", 5)
    for turn in range(1, 4):
        p.fetch(f"closed {turn}", g, "m", 0, one)
        p.fetch(f"closed {turn} again", g, "m", -1, {})
        p.wait(300)
    p._ask(
        dr.DeleteRecordsRequest([dr.DeleteRecordsTopic("d1", [dr.DeleteRecordsPartition(0, 6)])], 5_000), 2
    )
    p.fetch("records deleted", g, "m", 0, one)
    p.fetch("records deleted 2", g, "m", 1, {})
    p.ack("of a deleted one", g, "m", 2, {"d1": {0: [(4, 4, [1])]}})
    p.ack("across a deleted one", g, "m", 3, {"d1": {0: [(5, 6, [1])]}})
    p.offsets("offsets after deletion", g, {"d1": [0]})
    p.fetch("the end", g, "m", -1, {})


def _offsets(p: Player) -> None:
    p.part = "offsets"
    g = "off2"
    p.group(g)
    p.topic("o1", 2)
    p.produce("o1", 10)
    p.offsets("of no group", "no-such", None)
    p.offsets("of no group, a topic", "no-such", {"o1": [0]})
    p.alter("of no group", "no-such", {"o1": {0: 3}})
    p.forget("of no group", "no-such", "o1")
    p.beat("join", g, "m", 0, ["o1"])
    p.wait(500)
    p.offsets("joined", g, None)
    p.fetch("very first", g, "x", 0, {"o1": {0: []}})
    p.fetch("very last", g, "x", -1, {})
    p.wait(300)
    p.offsets("unknown", g, {"o1": [0, 1, 7], "nowhere": [0], "t4": [0]})
    p.alter("with members", g, {"o1": {0: 3}})
    p.forget("with members", g, "o1")
    p.fetch("all", g, "m", 0, {"o1": {0: []}})
    p.offsets("fetched", g, None)
    p.ack("some", g, "m", 1, {"o1": {0: [(0, 1, [1]), (5, 6, [1])]}})
    p.offsets("acknowledged", g, None)
    p.fetch("end", g, "m", -1, {})
    p.beat("leave", g, "m", -1)
    p.describe("left", g)
    p.alter("altered", g, {"o1": {0: 3, 1: 0, 7: 1}, "nowhere": {0: 1}, "t4": {0: 0}})
    p.offsets("after", g, None)
    p.alter("beyond the end", g, {"o1": {0: 300}})
    p.offsets("beyond", g, {"o1": [0]})
    p.alter("negative", g, {"o1": {0: -1}})
    p.alter("back", g, {"o1": {0: 3}})
    p.beat("join again", g, "m", 0, ["o1"])
    p.wait(500)
    p.fetch("from 3", g, "m", 0, {"o1": {0: []}})
    p.fetch("end again", g, "m", -1, {})
    p.beat("leave again", g, "m", -1)
    p.forget("topics", g, "o1", "nowhere", "t1")
    p.offsets("forgotten", g, None)
    p.forget("again", g, "o1")
    p.ask("DeleteGroups", dg.DeleteGroupsRequest([g]), 3)
    p.offsets("deleted", g, None)
    p.group("late", share_auto_offset_reset="latest")
    p.beat("late joins", "late", "m", 0, ["o1"])
    p.wait(500)
    p.fetch("latest", "late", "m", 0, {"o1": {0: []}}, max_wait_ms=100)
    p.offsets("latest", "late", None)
    p.produce("o1", 2)
    p.fetch("latest got", "late", "m", 1, {})
    p.fetch("late ends", "late", "m", -1, {})
    p.ask(
        "find a share coordinator",
        fc.FindCoordinatorRequest(key_type=2, coordinator_keys=["late:AAAAAAAAQACAAAAAAAAAAQ:0"]),
        6,
    )


def play(ask: Ask, wait: Wait) -> dict[str, Any]:
    """Play the whole script; the answers by step."""
    p = Player(ask, wait)
    ask(fc.FindCoordinatorRequest(key_type=0, coordinator_keys=["one"]), 4)
    wait(3_000)  # the coordinator's topic is made and loaded
    p.topic("t1")
    p.topic("t4", 4)
    p.beat("warm", "warm", "m", 0, ["t1"])
    wait(3_000)  # so is that of the share coordinator
    p.answers.clear()
    for part in (_members, _sessions, _states, _limits, _deliveries, _offsets):
        part(p)
    return p.answers


def main() -> None:
    """Play against Apache Kafka, write the answers."""
    host, _, port = sys.argv[1].partition(":")
    with socket.create_connection((host, int(port))) as connection:
        answers = play(
            lambda request, version: admin_script.ask(connection, request, version),
            lambda milliseconds: time.sleep(milliseconds / 1000),
        )
    ANSWERS.write_text(json.dumps(answers, indent=1, sort_keys=True) + "\n")
    print(len(answers), "answers")


if __name__ == "__main__":
    main()
