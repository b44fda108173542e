"""A script of transactional requests, and its answers from Apache Kafka 4.4.0, which ours must equal.

`python -m tests.broker.transaction_script` starts a fresh one-node Apache Kafka, plays the script against it and writes
`data/transaction_answers.json`; `test_transaction_script.py` plays it against our core.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neuraxis.wire.batch import read_control_marker, scan_headers
from neuraxis.wire.messages import add_partitions_to_txn as ap
from neuraxis.wire.messages import create_topics as ct
from neuraxis.wire.messages import describe_producers as dp
from neuraxis.wire.messages import join_group as jg
from neuraxis.wire.messages import list_offsets as lo
from neuraxis.wire.messages import offset_commit as oc
from neuraxis.wire.messages import offset_fetch as of
from neuraxis.wire.messages import sync_group as sg
from neuraxis.wire.messages import txn_offset_commit as toc
from neuraxis.wire.messages import write_txn_markers as wm
from neuraxis.wire.messages.add_offsets_to_txn import AddOffsetsToTxnRequest
from neuraxis.wire.messages.describe_transactions import DescribeTransactionsRequest
from neuraxis.wire.messages.end_txn import EndTxnRequest
from neuraxis.wire.messages.find_coordinator import FindCoordinatorRequest
from neuraxis.wire.messages.init_producer_id import InitProducerIdRequest
from neuraxis.wire.messages.list_transactions import ListTransactionsRequest
from neuraxis.wire.schema import fields_of
from tests.broker.admin_script import ask, write
from tests.broker.harness import batch_of, fetch_request, produce_request, values_of

ANSWERS = Path(__file__).parent / "data" / "transaction_answers.json"
RETRY = {14, 15, 16, 51}
TIMES = {
    "throttle_time_ms",
    "transaction_start_time_ms",
    "last_timestamp",
    "log_append_time_ms",
    "error_message",
}
NO_ID = bytes(16)


class Player:
    """Plays the script against one broker; `ask` is how, `wait` lets time pass there."""

    def __init__(self, send: Callable[[Any, int], Any], wait: Callable[[int], None], wall_ms: int) -> None:
        self.send = send
        self.wait = wait
        self.wall_ms = wall_ms
        self.answers: dict[str, Any] = {}
        self._ids: dict[int, str] = {-1: "none"}

    def ask(self, name: str, request: Any, version: int, retry: bool = False) -> Any:
        """One step. `retry`: while the coordinator is busy; what is recorded is the last answer."""
        assert name not in self.answers, name
        for _ in range(200):
            answer = self.send(request, version)
            if not retry or not set(error_codes(answer)) & RETRY:
                break
            self.wait(20)
        self.answers[name] = self.reduce(answer)
        return answer

    def reduce(self, value: Any, field: str = "") -> Any:
        if field == "records":
            return None if value is None else self._records(value)
        if hasattr(value, "__slots__"):
            named = [name for name, _ in fields_of(type(value)) if name not in TIMES]
            if getattr(value, "transaction_state", None) == "" and value.error_code:
                named.remove("producer_id")  # 0, which is somebody's id as well
            return {name: self.reduce(getattr(value, name), name) for name in named}
        if isinstance(value, list):
            reduced = [self.reduce(item) for item in value]
            unordered = field not in ("aborted_transactions",)
            return sorted(reduced, key=lambda one: json.dumps(one, sort_keys=True)) if unordered else reduced
        if field in ("producer_id", "producer_ids"):
            return self._ids.setdefault(value, f"id{len(self._ids) - 1}")
        if isinstance(value, bytes):
            return "zero" if value == NO_ID else "id"
        return value

    def _records(self, records: Any) -> list[Any]:
        view, shown = memoryview(records), []
        for position, header in scan_headers(view):
            who = self._ids.setdefault(header.producer_id, f"id{len(self._ids) - 1}")
            what: Any = [
                value and value.decode() for value in values_of(view[position : position + header.size])
            ]
            if header.is_control:
                marker = read_control_marker(view, position)
                what = marker and marker.type.name
            shown.append([header.base_offset, who, header.producer_epoch, header.base_sequence, what])
        return shown

    # The requests, in short

    def init(
        self, name: str, txn: str | None, timeout_ms: int = 60_000, pid: int = -1, epoch: int = -1, version: int = 4,
        retry: bool = False,
    ) -> tuple[int, int]:  # fmt: skip
        answer = self.ask(name, InitProducerIdRequest(txn, timeout_ms, pid, epoch), version, retry)
        return answer.producer_id, answer.producer_epoch

    def add(
        self, name: str, txn: str, who: tuple[int, int], topics: dict[str, list[int]], version: int = 3,
        retry: bool = False, verify: bool = False,
    ) -> Any:  # fmt: skip
        asked = [ap.AddPartitionsToTxnTopic(topic, list(partitions)) for topic, partitions in topics.items()]
        if version < 4:
            request = ap.AddPartitionsToTxnRequest(
                v3_and_below_transactional_id=txn,
                v3_and_below_producer_id=who[0],
                v3_and_below_producer_epoch=who[1],
                v3_and_below_topics=asked,
            )
        else:
            request = ap.AddPartitionsToTxnRequest(
                [ap.AddPartitionsToTxnTransaction(txn, *who, verify, asked)]
            )
        return self.ask(name, request, version, retry)

    def end(
        self,
        name: str,
        txn: str,
        who: tuple[int, int],
        commit: bool = True,
        version: int = 3,
        retry: bool = False,
    ) -> tuple[int, int]:
        answer = self.ask(name, EndTxnRequest(txn, *who, commit), version, retry)
        return (answer.producer_id, answer.producer_epoch) if version >= 5 else who

    def produce(
        self, name: str, txn: str | None, who: tuple[int, int], sequence: int, *values: str, index: int = 0,
        version: int = 9, transactional: bool = True, retry: bool = False, topic: str = "t",
    ) -> Any:  # fmt: skip
        batch = batch_of(
            *(value.encode() for value in values),
            timestamp_ms=self.wall_ms,
            producer_id=who[0],
            producer_epoch=who[1],
            base_sequence=sequence,
            transactional=transactional,
        )
        request = produce_request(topic, batch, index)
        request.transactional_id = txn
        return self.ask(name, request, version, retry)

    def offsets(
        self, name: str, txn: str, who: tuple[int, int], group: str = "g", version: int = 3, offset: int = 7,
        member: str = "", generation: int = -1, topic: str = "t", partition: int = 0, instance: str | None = None,
        retry: bool = False,
    ) -> Any:  # fmt: skip
        asked = [toc.TxnOffsetCommitRequestPartition(partition, offset, -1, "m")]
        topics = [toc.TxnOffsetCommitRequestTopic(topic, NO_ID, asked)]
        request = toc.TxnOffsetCommitRequest(txn, group, *who, generation, member, instance, topics)
        return self.ask(name, request, version, retry)

    def positions(self, name: str, group: str = "g", stable: bool = True, version: int = 7) -> Any:
        topics = [of.OffsetFetchRequestTopic("t", [0, 1])]
        return self.ask(name, of.OffsetFetchRequest(group, topics, [], stable), version)

    def read(self, name: str, isolation: int = 1, offset: int = 0, index: int = 0, topic: str = "t") -> Any:
        request = fetch_request({topic: {index: offset}}, max_wait_ms=0, isolation_level=isolation)
        return self.ask(name, request, 12)

    def last(self, name: str, isolation: int = 1, index: int = 0, timestamp: int = -1) -> Any:
        asked = lo.ListOffsetsPartition(index, -1, timestamp)
        return self.ask(name, lo.ListOffsetsRequest(-1, isolation, [lo.ListOffsetsTopic("t", [asked])]), 6)

    def describe(self, name: str, *ids: str) -> Any:
        return self.ask(name, DescribeTransactionsRequest(list(ids)), 0)

    def producers(self, name: str, index: int = 0, topic: str = "t") -> Any:
        return self.ask(name, dp.DescribeProducersRequest([dp.TopicRequest(topic, [index])]), 0)

    def listed(self, name: str, version: int = 2, **filters: Any) -> Any:
        return self.ask(
            name,
            ListTransactionsRequest(**{"state_filters": [], "producer_id_filters": [], **filters}),
            version,
        )

    def marker(
        self, name: str, who: tuple[int, int], commit: bool = False, topic: str = "t", index: int = 0,
        coordinator_epoch: int = 0, version: int = 1, txn_version: int = 0,
    ) -> Any:  # fmt: skip
        marker = wm.WritableTxnMarker(
            *who, commit, [wm.WritableTxnMarkerTopic(topic, [index])], coordinator_epoch, txn_version
        )
        return self.ask(name, wm.WriteTxnMarkersRequest([marker]), version)


def error_codes(answer: Any) -> list[int]:
    """Every error code anywhere in an answer."""
    if isinstance(answer, list):
        return [code for item in answer for code in error_codes(item)]
    if not hasattr(answer, "__slots__"):
        return []
    found = []
    for name, _ in fields_of(type(answer)):
        item = getattr(answer, name)
        found += [item] if name.endswith("error_code") else error_codes(item)
    return found


def play(player: Player) -> None:
    """The whole script."""
    topics = [ct.CreatableTopic(name, 3, 1, [], []) for name in ("t", "u")]
    player.send(ct.CreateTopicsRequest(topics, 10_000), 7)
    player.wait(1_000)
    for kind in (0, 1):
        while set(error_codes(player.send(FindCoordinatorRequest("", kind, ["g"]), 4))) & RETRY:
            player.wait(100)
    player.wait(2_000)
    _init(player)
    _old_protocol(player)
    _refusals_of_the_old(player)
    _new_protocol(player)
    _verification(player)
    _fencing(player)
    _offsets(player)
    _offsets_of_members(player)
    _reading(player)
    _administration(player)
    _markers(player)
    _timeouts(player)


def _init(p: Player) -> None:
    for version in (0, 2, 4, 5):
        p.init(f"init empty v{version}", "", version=version, retry=True)
        p.init(f"init timeout 0 v{version}", "i0", 0, version=version)
        p.init(f"init timeout negative v{version}", "i0", -1, version=version)
        p.init(f"init timeout too long v{version}", "i0", 900_001, version=version)
        p.init(f"init first v{version}", f"i{version}", 900_000, version=version, retry=True)
        p.init(f"init second v{version}", f"i{version}", 1, version=version)
    who = p.init("init x", "x")
    bumped = p.init("init x expected", "x", pid=who[0], epoch=who[1])
    p.init("init x expected, again", "x", pid=who[0], epoch=who[1])
    p.init("init x expected, third", "x", pid=bumped[0], epoch=bumped[1])
    p.init("init x stale", "x", pid=who[0], epoch=who[1])
    p.init("init x stale v3", "x", pid=who[0], epoch=who[1], version=3)
    p.init("init x newer epoch", "x", pid=who[0], epoch=77)
    p.init("init x other id", "x", pid=who[0] + 7777, epoch=0)
    p.init("init unknown with id", "never", pid=4_444, epoch=3)
    p.init("init id without epoch", "x", pid=who[0], epoch=-1)
    p.init("init epoch without id", "x", pid=-1, epoch=3)
    p.init("init idempotent with id", None, pid=5, epoch=1)
    p.init("init x no expectation", "x")


def _old_protocol(p: Player) -> None:
    who = p.init("old init", "old")
    p.produce("old produce before add", "old", who, 0, "lost")
    p.add("old add", "old", who, {"t": [0, 1]})
    p.add("old add again", "old", who, {"t": [0]})
    p.add("old add more", "old", who, {"t": [1, 2]}, version=0)
    p.describe("old described", "old")
    p.produce("old produce", "old", who, 0, "a", "b")
    p.produce("old produce duplicate", "old", who, 0, "a", "b")
    p.produce("old produce gap", "old", who, 5, "z")
    p.produce("old produce 1", "old", who, 0, "c", index=1)
    p.produce("old produce plain", None, who, 2, "no", transactional=False)
    p.produce("old produce no transactional id", None, who, 2, "no")
    p.produce("old produce other topic", "old", who, 0, "no", topic="u")
    p.produce("old produce other topic v10", "old", who, 0, "no", topic="u", version=10)
    p.produce("old produce other topic v11", "old", who, 0, "no", topic="u", version=11)
    p.produce("old produce other transactional id", "x", who, 2, "ok")
    p.produce("old produce other transactional id, not open", "x", who, 0, "no", topic="u")
    p.producers("old producers")
    p.read("old read committed, open")
    p.read("old read uncommitted, open", isolation=0)
    p.last("old last stable, open")
    p.last("old last, open", isolation=0)
    p.end("old commit", "old", who)
    p.end("old commit again", "old", who, retry=True)
    p.end("old abort after commit", "old", who, commit=False, retry=True)
    p.describe("old described, committed", "old")
    p.producers("old producers, committed")
    p.read("old read committed, done")
    p.last("old last stable, done")
    p.produce("old produce after the end", "old", who, 3, "no")
    p.add("old second add", "old", who, {"t": [0]}, retry=True)
    p.produce("old second produce", "old", who, 3, "d")
    p.end("old second abort", "old", who, commit=False)
    p.end("old second abort again", "old", who, commit=False, retry=True)
    p.end("old commit after abort", "old", who, retry=True)
    p.read("old read committed, aborted")
    p.read("old read uncommitted, aborted", isolation=0)
    p.add("old add without partitions", "old", who, {}, retry=True)
    p.end("old end of nothing", "old", who, retry=True)
    who = p.init("old again", "old", retry=True)
    p.end("old commit of empty", "old", who)
    p.end("old abort of empty", "old", who, commit=False)
    p.end("old abort of empty v1", "old", who, commit=False, version=1)


def _refusals_of_the_old(p: Player) -> None:
    who = p.init("refused init", "r")
    for version in range(4):
        p.add(f"add v{version} unknown id", "nobody", who, {"t": [0]}, version)
        p.add(f"add v{version} empty id", "", who, {"t": [0]}, version)
        p.add(f"add v{version} other producer", "r", (who[0] + 5_000, 0), {"t": [0]}, version)
        p.add(f"add v{version} newer epoch", "r", (who[0], who[1] + 1), {"t": [0]}, version)
        p.add(f"add v{version} older epoch", "r", (who[0], who[1] - 1), {"t": [0]}, version)
        p.add(f"add v{version} unknown topic", "r", who, {"t": [0], "nowhere": [0], "u": [9]}, version)
        p.ask(f"offsets v{version} unknown id", AddOffsetsToTxnRequest("nobody", *who, "g"), version)
        p.ask(f"offsets v{version} empty id", AddOffsetsToTxnRequest("", *who, "g"), version)
        p.ask(f"offsets v{version} older epoch", AddOffsetsToTxnRequest("r", who[0], -1, "g"), version)
        p.ask(f"offsets v{version} other producer", AddOffsetsToTxnRequest("r", 5_000_000, 0, "g"), version)
    for version in range(6):
        p.end(f"end v{version} unknown id", "nobody", who, version=version)
        p.end(f"end v{version} empty id", "", who, version=version)
        p.end(f"end v{version} other producer", "r", (who[0] + 5_000, 0), version=version)
        p.end(f"end v{version} newer epoch", "r", (who[0], who[1] + 1), version=version)
        p.end(f"end v{version} older epoch", "r", (who[0], who[1] - 1), version=version)
    p.ask("offsets empty group", AddOffsetsToTxnRequest("r", *who, ""), 3)
    p.ask("offsets added", AddOffsetsToTxnRequest("r", *who, "g"), 4)
    p.describe("offsets described", "r")
    p.end("refused end", "r", who, commit=False, retry=True)


def _new_protocol(p: Player) -> None:
    who = p.init("new init", "new", version=5)
    p.end("new commit of empty", "new", who, version=5)
    bumped = p.end("new abort of empty", "new", who, commit=False, version=5)
    p.end("new abort of empty, again", "new", who, commit=False, version=5, retry=True)
    p.describe("new described, empty abort", "new")
    p.produce("new produce, old epoch", "new", who, 0, "no", version=12)
    who = bumped
    p.produce("new produce", "new", who, 0, "n1", version=12, retry=True)
    p.produce("new produce more", "new", who, 1, "n2", version=12)
    p.produce("new produce other partition", "new", who, 0, "n3", index=1, version=12)
    p.describe("new described", "new")
    bumped = p.end("new commit", "new", who, version=5)
    again = p.end("new commit again", "new", who, version=5, retry=True)
    assert again == bumped or again[0] == -1
    p.end("new abort after commit, stale", "new", who, commit=False, version=5, retry=True)
    p.describe("new described, committed", "new")
    p.producers("new producers, committed")
    p.produce("new produce duplicate after the end", "new", who, 0, "n1", version=12)
    p.produce("new produce stale epoch", "new", who, 2, "no", version=12)
    stale, who = who, bumped
    p.produce("new second produce, wrong sequence", "new", who, 2, "no", version=12)
    p.produce("new second produce", "new", who, 0, "n4", version=12)
    p.end("new delayed commit of the first", "new", stale, version=5)
    p.end("new delayed abort of the first", "new", stale, commit=False, version=5)
    p.add("new delayed add", "new", stale, {"t": [2]}, version=4)
    p.describe("new described, second", "new")
    bumped = p.end("new second abort", "new", who, commit=False, version=5)
    p.end("new second abort again", "new", who, commit=False, version=5, retry=True)
    p.end("new commit after abort, retry", "new", who, version=5, retry=True)
    p.end("new commit after abort", "new", bumped, version=5, retry=True)
    p.end("new by the old protocol", "new", bumped, version=3, retry=True)
    who = p.end("new abort after abort", "new", bumped, commit=False, version=5, retry=True)
    p.produce("new third produce", "new", who, 0, "n5", version=12, retry=True)
    p.end("new ended by the old protocol", "new", who, version=4)
    p.wait(300)
    p.describe("new described, ended by the old", "new")
    p.produce("new after the old end", "new", who, 1, "n6", version=12, retry=True)
    who = p.end("new last commit", "new", who, version=5)
    p.init("new init with expectation", "new", pid=who[0], epoch=who[1], version=5, retry=True)
    p.produce("new unknown transactional id", "nobody", who, 0, "no", version=12)
    p.produce("new null transactional id", None, who, 0, "no", version=12)
    p.produce("new empty transactional id", "", who, 0, "no", version=12)
    p.read("new read", isolation=1, offset=5)


def _verification(p: Player) -> None:
    who = p.init("verify init", "v")
    for version in (4, 5):
        p.add(f"verify v{version} before", "v", who, {"t": [0, 1]}, version, verify=True)
        p.add(f"verify v{version} unknown id", "nobody", who, {"t": [0]}, version, verify=True)
        p.add(f"verify v{version} empty id", "", who, {"t": [0]}, version, verify=True)
        p.add(f"verify v{version} other producer", "v", (who[0] + 5_000, 0), {"t": [0]}, version, verify=True)
        p.add(f"verify v{version} other epoch", "v", (who[0], who[1] + 1), {"t": [0]}, version, verify=True)
        p.add(f"verify v{version} unknown topic", "v", who, {"nowhere": [0]}, version, verify=True)
        p.add(f"add v{version} other epoch", "v", (who[0], who[1] + 1), {"t": [0]}, version)
        p.add(f"add v{version} unknown topic", "v", who, {"nowhere": [0]}, version)
    p.add("verify added", "v", who, {"t": [0]}, 4)
    for version in (4, 5):
        p.add(f"verify v{version}", "v", who, {"t": [0, 1]}, version, verify=True)
    two = [
        ap.AddPartitionsToTxnTransaction("v", *who, True, [ap.AddPartitionsToTxnTopic("t", [0])]),
        ap.AddPartitionsToTxnTransaction("nobody", *who, False, [ap.AddPartitionsToTxnTopic("t", [0])]),
    ]
    p.ask("add v5 two transactions", ap.AddPartitionsToTxnRequest(two), 5)
    p.end("verify end", "v", who, commit=False)
    p.add("verify v5 after", "v", who, {"t": [0]}, 5, verify=True, retry=True)


def _fencing(p: Player) -> None:
    for kind, version, end_version, add_version in (("old", 9, 3, 3), ("new", 12, 5, 4)):
        name = f"fence-{kind}"
        old = p.init(f"{name} init", name)
        if kind == "old":
            p.add(f"{name} add", name, old, {"u": [0]})
        p.produce(f"{name} produce", name, old, 0, "zombie", topic="u", version=version)
        p.init(f"{name} first answer of the second", name)
        new = p.init(f"{name} second", name, retry=True)
        p.describe(f"{name} described", name)
        p.produce(f"{name} zombie produce", name, old, 1, "no", topic="u", version=version)
        p.produce(f"{name} zombie produce elsewhere", name, old, 0, "no", topic="u", index=1, version=version)
        p.add(f"{name} zombie add", name, old, {"u": [0]}, version=add_version)
        p.end(f"{name} zombie commit", name, old, version=end_version)
        p.end(f"{name} zombie commit v1", name, old, version=1)
        p.end(f"{name} zombie abort", name, old, commit=False, version=end_version)
        p.offsets(f"{name} zombie offsets", name, old, version=5 if kind == "new" else 3)
        p.init(f"{name} zombie init", name, pid=old[0], epoch=old[1])
        p.init(f"{name} zombie init v3", name, pid=old[0], epoch=old[1], version=3)
        if kind == "old":
            p.add(f"{name} heir add", name, new, {"u": [0]})
        p.produce(f"{name} heir produce, sequence", name, new, 1, "no", topic="u", version=version)
        p.produce(f"{name} heir produce", name, new, 0, "heir", topic="u", version=version)
        heir = p.init(f"{name} heir init with expectation", name, pid=new[0], epoch=new[1], retry=True)
        p.describe(f"{name} described, at last", name)
        p.end(f"{name} heir commit", name, heir, version=end_version)
    p.read("fence read", topic="u")
    p.producers("fence producers", topic="u")


def _offsets(p: Player) -> None:
    who = p.init("offsets init", "o")
    for version in range(5):
        p.offsets(f"offsets v{version} not added", "o", who, version=version, retry=True)
    p.ask("offsets add", AddOffsetsToTxnRequest("o", *who, "g"), 3)
    p.positions("positions before")
    p.offsets("offsets commit", "o", who)
    p.offsets("offsets commit unknown topic", "o", who, topic="nowhere")
    p.offsets("offsets commit unknown partition", "o", who, partition=9)
    p.offsets("offsets commit other epoch", "o", (who[0], who[1] + 1))
    p.offsets("offsets commit other producer", "o", (who[0] + 5_000, 0), version=2)
    p.offsets("offsets commit unknown transactional id", "nobody", who, group="gx")
    p.offsets("offsets commit empty group", "o", who, group="")
    p.offsets("offsets commit negative generation", "o", who, generation=-5)
    p.offsets("offsets commit unknown member", "o", who, member="m", generation=1)
    p.offsets("offsets commit member without generation", "o", who, member="m")
    p.positions("positions stable, open")
    p.positions("positions, open", stable=False)
    p.positions("positions stable of another", group="other")
    group = of.OffsetFetchRequestGroup("g", None, -1, None)
    p.ask("all positions stable, open", of.OffsetFetchRequest("", None, [group], True), 8)
    p.end("offsets end", "o", who)
    p.wait(300)
    p.positions("positions stable, committed")
    p.add("offsets add more", "o", who, {"t": [0]}, retry=True)
    p.ask("offsets add second", AddOffsetsToTxnRequest("o", *who, "g"), 0)
    p.offsets("offsets second commit", "o", who, offset=9)
    p.offsets("offsets third commit", "o", who, offset=10, partition=1)
    partitions = [oc.OffsetCommitRequestPartition(0, 20, -1, "plain")]
    plain = oc.OffsetCommitRequest(
        "g", -1, "", None, -1, [oc.OffsetCommitRequestTopic("t", NO_ID, partitions)]
    )
    p.ask("offsets plain commit between", plain, 7)
    p.positions("positions stable, both")
    p.positions("positions, both", stable=False)
    p.end("offsets second end", "o", who)
    p.wait(300)
    p.positions("positions stable, later one wins")
    p.ask("offsets add third", AddOffsetsToTxnRequest("o", *who, "g"), 3, retry=True)
    p.offsets("offsets to be aborted", "o", who, offset=99)
    p.end("offsets abort", "o", who, commit=False)
    p.wait(300)
    p.positions("positions stable, aborted")
    new = p.init("offsets new init", "o2", version=5)
    p.offsets("offsets new commit", "o2", new, version=5, group="g2", offset=3)
    p.describe("offsets new described", "o2")
    p.positions("positions new, open", group="g2")
    new = p.end("offsets new end", "o2", new, version=5)
    p.wait(300)
    p.positions("positions new", group="g2")
    p.offsets(
        "offsets new commit, unknown member",
        "o2",
        new,
        version=5,
        group="g2",
        member="m",
        generation=3,
        retry=True,
    )
    p.offsets("offsets new commit, missing group", "o2", new, version=5, group="g9", member="m", generation=3)
    p.offsets("offsets v6 missing group", "o2", new, version=6, group="g9", member="m", generation=3)
    p.offsets("offsets v6 unknown topic id", "o2", new, version=6, group="g2")
    p.end("offsets new abort", "o2", new, commit=False, version=5)


def _offsets_of_members(p: Player) -> None:
    protocols = [jg.JoinGroupRequestProtocol("range", b"\0\0\0\0\0\1\0\1t\xff\xff\xff\xff")]
    join = jg.JoinGroupRequest("gm", 30_000, 30_000, "", None, "consumer", protocols)
    member = p.send(join, 5).member_id
    join.member_id = member
    joined = p.send(join, 5)
    who = p.init("member init", "om", version=5)
    p.offsets(
        "member commit before sync",
        "om",
        who,
        version=5,
        group="gm",
        member=member,
        generation=joined.generation_id,
        retry=True,
    )
    synced = sg.SyncGroupRequest(
        "gm", joined.generation_id, member, None, None, None, [sg.SyncGroupRequestAssignment(member, b"")]
    )
    p.send(synced, 3)
    p.offsets(
        "member commit", "om", who, version=5, group="gm", member=member, generation=joined.generation_id
    )
    p.offsets(
        "member commit wrong generation", "om", who, version=5, group="gm", member=member, generation=99
    )
    p.offsets("member commit no generation", "om", who, version=5, group="gm", member=member)
    p.offsets(
        "member commit unknown", "om", who, version=5, group="gm", member="m", generation=joined.generation_id
    )
    p.offsets(
        "member commit unknown instance",
        "om",
        who,
        version=5,
        group="gm",
        member=member,
        instance="i",
        generation=joined.generation_id,
    )
    p.offsets("member commit of nobody", "om", who, version=5, group="gm")
    p.offsets("member commit old client", "om", who, version=2, group="gm")
    p.end("member end", "om", who, version=5)
    p.wait(300)
    p.positions("member positions", group="gm")


def _reading(p: Player) -> None:
    first, second = p.init("reading init 1", "r1"), p.init("reading init 2", "r2")
    p.produce("reading 1", "r1", first, 0, "A", index=2, version=12)
    p.produce("reading 2", "r2", second, 0, "B", index=2, version=12)
    p.produce("reading plain", None, (-1, -1), -1, "P", index=2, transactional=False)
    p.read("reading, both open", index=2)
    first = p.end("reading end 1", "r1", first, commit=False, version=5)
    p.wait(300)
    p.read("reading, second open", index=2)
    p.read("reading uncommitted, second open", isolation=0, index=2)
    p.last("reading last stable, second open", index=2)
    p.produce("reading 1 again", "r1", first, 0, "C", index=2, version=12, retry=True)
    second = p.end("reading end 2", "r2", second, commit=False, version=5)
    p.wait(300)
    p.read("reading, first open again", index=2)
    first = p.end("reading end 1 again", "r1", first, version=5)
    p.wait(300)
    p.read("reading, none open", index=2)
    p.read("reading from the middle", index=2, offset=4)
    p.read("reading from the end", index=2, offset=7)
    p.producers("reading producers", index=2)


def _administration(p: Player) -> None:
    p.describe("describe", "old", "nobody", "")
    who = p.init("admin init", "adm-1")
    p.add("admin add", "adm-1", who, {"u": [2]})
    p.init("admin other", "adm-2")
    p.listed("list pattern", transactional_id_pattern="adm-.*")
    p.listed("list pattern exact", transactional_id_pattern="adm-1")
    p.listed("list pattern partial", transactional_id_pattern="adm")
    p.listed("list pattern empty", transactional_id_pattern="")
    p.listed("list pattern wrong", transactional_id_pattern="(")
    p.listed("list states", transactional_id_pattern="adm-.*", state_filters=["Ongoing", "Nonsense"])
    p.listed("list states case", transactional_id_pattern="adm-.*", state_filters=["ongoing", "empty"])
    p.listed("list unknown states", state_filters=["Nonsense"], version=0)
    p.listed("list producer", producer_id_filters=[who[0]], version=0)
    p.listed("list producer unknown", producer_id_filters=[999_999], version=1)
    p.listed("list long ones", transactional_id_pattern="adm-.*", duration_filter=100_000)
    p.wait(5)
    p.listed("list all durations", transactional_id_pattern="adm-.*", duration_filter=0)
    p.listed("list dead", state_filters=["Dead", "PrepareEpochFence"], version=0)
    p.producers("producers of no topic", topic="nowhere")
    p.producers("producers of no partition", index=9)
    p.end("admin end", "adm-1", who)


def _markers(p: Player) -> None:
    who = p.init("marker init", "mk", retry=True)
    p.produce("marker produce", "mk", who, 0, "hang", version=12, topic="u", index=1)
    p.marker("marker unknown topic", who, topic="nowhere")
    p.marker("marker unknown partition", who, index=9)
    p.marker("marker older epoch", (who[0], who[1] - 1), topic="u", index=1)
    p.marker("marker v2 same epoch", who, topic="u", index=1, version=2, txn_version=2)
    p.producers("marker producers", topic="u", index=1)
    p.produce("marker produce after", "mk", who, 1, "on", version=12, topic="u", index=1)
    p.marker("marker v1", who, topic="u", index=1, coordinator_epoch=5)
    p.producers("marker producers, after", topic="u", index=1)
    p.marker("marker older coordinator", who, topic="u", index=1, coordinator_epoch=3)
    p.marker("marker unknown producer", (888_888, 3), topic="u", index=1, commit=True)
    p.marker("marker of an offsets partition", who, topic="__consumer_offsets", index=0)
    p.read("marker read", topic="u", index=1)


def _timeouts(p: Player) -> None:
    old = p.init("timeout old init", "late-old", 1_000)
    new = p.init("timeout new init", "late-new", 1_000, version=5)
    p.add("timeout old add", "late-old", old, {"u": [2]})
    p.produce("timeout old produce", "late-old", old, 0, "late1", topic="u", index=2)
    p.produce("timeout new produce", "late-new", new, 0, "late2", topic="u", index=2, version=12)
    p.wait(3_000)
    p.describe("timeout described", "late-old", "late-new")
    p.produce("timeout old produce, late", "late-old", old, 1, "no", topic="u", index=2)
    p.produce("timeout new produce, late", "late-new", new, 1, "no", topic="u", index=2, version=12)
    p.add("timeout old add, late", "late-old", old, {"u": [1]})
    p.add("timeout old add, late v0", "late-old", old, {"u": [1]}, version=0)
    p.end("timeout old end, late", "late-old", old)
    p.end("timeout old end, late v1", "late-old", old, version=1)
    p.end("timeout new end, late", "late-new", new, version=5)
    p.end("timeout new abort, late", "late-new", new, commit=False, version=5)
    p.init("timeout new init with expectation", "late-new", pid=new[0], epoch=new[1], version=5)
    p.init("timeout old init with expectation", "late-old", pid=old[0], epoch=old[1])
    p.init("timeout old init again", "late-old")
    p.read("timeout read", topic="u", index=2)


if __name__ == "__main__":
    from compat.kafka import ApacheKafka

    settings = {
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.num.partitions": "1",
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "200",
    }
    with (
        ApacheKafka(settings) as kafka,
        socket.create_connection(("127.0.0.1", kafka.port), timeout=20) as line,
    ):
        player = Player(
            lambda request, version: ask(line, request, version),
            lambda milliseconds: time.sleep(milliseconds / 1000),
            int(time.time() * 1000),
        )
        try:
            play(player)
        finally:
            write(ANSWERS, player.answers)
    print(len(player.answers))
