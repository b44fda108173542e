"""A script of streams group requests (KIP-1071), and how its answers become what must be equal on Apache Kafka and here.

`python -m tests.broker.streams_script` starts a fresh one-node Apache Kafka 4.4.0, plays it and writes
`data/streams_answers.json`; `test_streams_script.py` plays it against our core.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from neuraxis.wire.messages import consumer_group_heartbeat as ch
from neuraxis.wire.messages import create_topics as ct
from neuraxis.wire.messages import delete_groups as dg
from neuraxis.wire.messages import delete_topics as dt
from neuraxis.wire.messages import describe_configs as dc
from neuraxis.wire.messages import describe_groups as old
from neuraxis.wire.messages import find_coordinator as fc
from neuraxis.wire.messages import heartbeat as hb
from neuraxis.wire.messages import incremental_alter_configs as ia
from neuraxis.wire.messages import join_group as jg
from neuraxis.wire.messages import leave_group as leave
from neuraxis.wire.messages import list_groups as lg
from neuraxis.wire.messages import offset_commit as oc
from neuraxis.wire.messages import offset_delete as od
from neuraxis.wire.messages import offset_fetch as of
from neuraxis.wire.messages import share_group_heartbeat as sh
from neuraxis.wire.messages import streams_group_describe as sd
from neuraxis.wire.messages import streams_group_heartbeat as hs
from neuraxis.wire.messages import streams_group_topology_description_update as tu
from neuraxis.wire.messages import sync_group as sg
from neuraxis.wire.messages import update_features as uf
from neuraxis.wire.schema import fields_of
from tests.broker import admin_script

ANSWERS = Path(__file__).parent / "data" / "streams_answers.json"
SETTINGS = {
    "offsets.topic.num.partitions": "1",
    "group.streams.initial.rebalance.delay.ms": "0",
    "group.streams.assignment.interval.ms": "0",
    "group.streams.min.heartbeat.interval.ms": "100",
    "group.streams.min.session.timeout.ms": "1000",
}
LEFT_OUT = {
    "throttle_time_ms",
    "error_message",
    "status_detail",
    "client_host",
    "client_id",
    "authorized_operations",
    "topic_id",
}
GROUP_RESOURCE, TOPIC_RESOURCE = 32, 2
SET_ON_TOPIC = 1

Ask = Callable[[Any, int], Any]
Wait = Callable[[int], None]
Tasks = Mapping[str, Sequence[int]]


def topology(*parts: hs.Subtopology, epoch: int = 0) -> hs.Topology:
    return hs.Topology(epoch, list(parts))


def part(
    name: str,
    sources: Sequence[str] = (),
    *,
    sinks: Sequence[str] = (),
    logs: Sequence[hs.TopicInfo] = (),
    repartitions: Sequence[hs.TopicInfo] = (),
    together: Sequence[tuple[list[int], list[int], list[int]]] = (),
    regexes: Sequence[str] = (),
) -> hs.Subtopology:
    groups = [hs.CopartitionGroup(*each) for each in together]
    return hs.Subtopology(
        name, list(sources), list(regexes), list(logs), list(sinks), list(repartitions), groups
    )


def info(name: str, partitions: int = 0, replicas: int = 0, **configs: str) -> hs.TopicInfo:
    values = [hs.KeyValue(key.replace("_", "."), value) for key, value in configs.items()]
    return hs.TopicInfo(name, partitions, replicas, values)


PLAIN = topology(part("0", ["in2"]))


def counting(group: str, source: str = "in4") -> hs.Topology:
    """A word count: repartitioned, then counted in a store."""
    return topology(
        part("0", [source], sinks=[f"{group}-rep"]),
        part(
            "1",
            logs=[info(f"{group}-log", cleanup_policy="compact")],
            repartitions=[info(f"{group}-rep", cleanup_policy="delete")],
        ),
    )


def stored(group: str) -> hs.Topology:
    """One subtopology with a store."""
    return topology(part("0", ["in2"], logs=[info(f"{group}-log")]))


def beat(
    group: str,
    member: str,
    epoch: int,
    what: hs.Topology | None = None,
    *,
    owned: tuple[Tasks, Tasks, Tasks] | None = None,
    **more: Any,
) -> hs.StreamsGroupHeartbeatRequest:
    """A heartbeat; one that joins says all that it must, unless told otherwise."""
    kinds = owned if owned is not None else ({}, {}, {}) if epoch == 0 else (None, None, None)
    values: dict[str, Any] = dict(
        zip(
            ("active_tasks", "standby_tasks", "warmup_tasks"),
            (
                None if kind is None else [hs.TaskIds(name, list(found)) for name, found in kind.items()]
                for kind in kinds
            ),
            strict=True,
        )
    )
    if epoch == 0:
        values |= {"rebalance_timeout_ms": 60_000, "process_id": f"p{member[:1]}"}
    values |= more
    return hs.StreamsGroupHeartbeatRequest(
        group_id=group, member_id=member, member_epoch=epoch, topology=what, **values
    )


class Player:
    """Plays the script: asks, keeps the answers by name."""

    def __init__(self, ask: Ask, wait: Wait) -> None:
        self._ask = ask
        self.wait = wait
        self.answers: dict[str, Any] = {}
        self.part = ""

    def plain(self, request: Any, version: int) -> Any:
        return self._ask(request, version)

    def topic(self, name: str, partitions: int = 1) -> None:
        topic = ct.CreatableTopic(name=name, num_partitions=partitions, replication_factor=1)
        (answer,) = self._ask(ct.CreateTopicsRequest(topics=[topic], timeout_ms=5_000), 7).topics
        assert answer.error_code == 0, answer
        self.wait(400)

    def group(self, name: str, **configs: str) -> None:
        changes = [ia.AlterableConfig(key.replace("_", "."), 0, value) for key, value in configs.items()]
        resource = ia.AlterConfigsResource(GROUP_RESOURCE, name, changes)
        (answer,) = self._ask(ia.IncrementalAlterConfigsRequest([resource], False), 1).responses
        assert answer.error_code == 0, answer
        self.wait(2_000)  # it takes Kafka a moment to obey

    def ask(self, step: str, request: Any, version: int) -> Any:
        step = f"{self.part}: {step}"
        assert step not in self.answers, step
        answer = self._ask(request, version)
        self.answers[step] = reduce(answer)
        return answer

    def beat(self, step: str, *args: Any, version: int = 1, **more: Any) -> Any:
        return self.ask(step, beat(*args, **more), version)

    def describe(self, step: str, *groups: str, version: int = 1, **more: bool) -> Any:
        return self.ask(f"described {step}", sd.StreamsGroupDescribeRequest(list(groups), **more), version)

    def commit(
        self,
        step: str,
        group: str,
        member: str,
        epoch: int,
        topic: str = "in2",
        index: int = 0,
        version: int = 9,
    ) -> Any:
        partition = oc.OffsetCommitRequestPartition(
            partition_index=index, committed_offset=5, committed_metadata=""
        )
        topics = [oc.OffsetCommitRequestTopic(name=topic, partitions=[partition])]
        request = oc.OffsetCommitRequest(
            group_id=group, generation_id_or_member_epoch=epoch, member_id=member, topics=topics
        )
        return self.ask(f"commit {step}", request, version)

    def fetch(self, step: str, group: str, member: str | None, epoch: int) -> Any:
        asked = of.OffsetFetchRequestGroup(group, member, epoch, None)
        return self.ask(f"fetch {step}", of.OffsetFetchRequest(groups=[asked]), 9)

    def forget(self, step: str, group: str, topic: str) -> Any:
        topics = [od.OffsetDeleteRequestTopic(topic, [od.OffsetDeleteRequestPartition(0)])]
        return self.ask(f"forget {step}", od.OffsetDeleteRequest(group, topics), 0)


class Member:
    """A member that does what it is told: it reports what it was last given."""

    def __init__(self, p: Player, group: str, name: str, what: hs.Topology, **more: Any) -> None:
        self.p, self.group, self.name, self.what, self.more = p, group, name, what, more
        self.epoch = 0
        self.owned: tuple[Tasks, Tasks, Tasks] = ({}, {}, {})
        self.count = 0
        self.beat()

    def beat(self, **more: Any) -> Any:
        self.count += 1
        if self.epoch == 0:
            request = beat(self.group, self.name, 0, self.what, **self.more, **more)
        else:
            request = beat(self.group, self.name, self.epoch, owned=self.owned, **more)
        answer = self.p.ask(f"{self.group} {self.name} beat {self.count}", request, 1)
        if answer.error_code == 0:
            self.epoch = answer.member_epoch
        if answer.active_tasks is not None:
            self.owned = tuple(  # type: ignore[assignment]  # there are three of them
                {each.subtopology_id: each.partitions for each in kind}
                for kind in (answer.active_tasks, answer.standby_tasks, answer.warmup_tasks)
            )
        return answer

    def again(self) -> None:
        self.epoch, self.owned = 0, ({}, {}, {})
        self.beat()


def reduce(value: Any) -> Any:
    """An answer without what differs between two runs; the order of lists makes no difference."""
    if hasattr(value, "__slots__"):
        found = {name: reduce(getattr(value, name)) for name in _names(value) if name not in LEFT_OUT}
        if "config_source" in found:
            return {"name": found["name"], "value": found["value"]} if found["config_source"] == 1 else None
        return found
    if isinstance(value, list):
        items = [reduce(item) for item in value]
        return sorted(
            (item for item in items if item is not None), key=lambda item: json.dumps(item, sort_keys=True)
        )
    return "bytes" if isinstance(value, bytes) else value


def _names(value: Any) -> list[str]:
    return [name for name, _ in fields_of(type(value))]


def _senseless(p: Player) -> None:
    p.part = "senseless"
    what = counting("s1")
    p.beat("no group", "", "m", 0, what)
    p.beat("no member", "s1", "", 0, what, process_id="p")
    p.beat("epoch -3", "s1", "m", -3)
    p.beat("topology later", "s1", "m", 5, what)
    p.beat("topology at the end", "s1", "m", -1, what)
    p.beat("no topology", "s1", "m", 0)
    p.beat("no rebalance timeout", "s1", "m", 0, what, rebalance_timeout_ms=-1)
    p.beat("null tasks", "s1", "m", 0, what, active_tasks=None)
    p.beat("tasks", "s1", "m", 0, what, owned=({"0": [0]}, {}, {}))
    p.beat("empty rack", "s1", "m", 0, what, rack_id="")
    p.beat("empty instance", "s1", "m", 0, what, instance_id="")
    p.beat("away without instance", "s1", "m", -2)
    p.beat("regex", "s1", "m", 0, topology(part("0", ["in2"], regexes=["a.*"])))
    p.beat("unknown group", "s1", "m", 3)
    p.beat("leaves unknown group", "s1", "m", -1)
    for name, what in {
        "no source": topology(part("0")),
        "bad name": topology(part("0", ["in2"], logs=[info("bad name")])),
        "bad source": topology(part("0", ["in2", "in bad"])),
        "empty source": topology(part("0", ["in2", ""])),
        "internal": topology(part("0", ["__consumer_offsets"])),
        "internal log": topology(part("0", ["in2"], logs=[info("__consumer_offsets")])),
        "log with partitions": topology(part("0", ["in2"], logs=[info("x-log", 7)])),
        "nobody writes": topology(part("0", ["in2"]), part("1", repartitions=[info("x-rep")])),
        "loop": topology(
            part("0", ["in2"], sinks=["x-a"]), part("1", repartitions=[info("x-rep")], sinks=["x-rep"])
        ),
        "twice": topology(part("0", ["in2"]), part("0", ["in3"])),
        "negative epoch": topology(part("0", ["in2"]), epoch=-1),
        "copartition index": topology(part("0", ["in2"], together=[([0, 9], [], [])])),
    }.items():
        p.beat(name, f"s-{name[:3]}", "m", 0, what)
    p.describe("nothing was made", "s1")


def _members(p: Player) -> None:
    p.part = "members"
    a = Member(p, "g", "a", PLAIN)
    b = Member(p, "g", "b", PLAIN)
    p.describe("two", "g")
    p.beat("invalid task", "g", "b", 3, owned=({"0": [7]}, {}, {}))
    p.beat("invalid subtopology", "g", "b", 3, owned=({"9": [0]}, {}, {}))
    p.beat("one kind alone", "g", "b", 3, owned=({}, None, None))  # type: ignore[arg-type]  # it is wrong on purpose
    a.beat()
    p.beat("says nothing", "g", "a", 2)
    b.beat()
    p.beat("still has it", "g", "a", 2, owned=({"0": [0, 1]}, {}, {}))
    a.beat()
    p.describe("one was let go", "g")
    b.beat()
    p.describe("stable", "g")
    p.beat("ahead", "g", "a", 99)
    p.beat("previous with more", "g", "a", 2, owned=({"0": [0, 1]}, {}, {}))
    p.beat("previous", "g", "a", 2, owned=({"0": [0]}, {}, {}))
    p.beat("previous says nothing", "g", "a", 2)
    p.beat("another topology", "g", "c", 0, topology(part("0", ["in2"]), epoch=1))
    b.again()
    c = Member(p, "g", "c", PLAIN)
    p.beat("unknown member", "g", "zz", 3)
    p.beat("leaves", "g", "c", -1)
    p.beat("leaves again", "g", "c", -1)
    p.beat("shuts down", "g", "a", a.epoch, shutdown_application=True)
    a.epoch = 5
    p.describe("after leaving", "g")
    b.beat()
    a.beat()
    p.beat("a leaves", "g", "a", -1)
    p.beat("b leaves", "g", "b", -1)
    p.describe("empty", "g")
    p.beat("another topology in an empty group", "g", "x", 0, topology(part("0", ["in3"]), epoch=1))
    c.again()
    p.beat("c leaves", "g", "c", -1)
    p.beat("v0", "g0", "m", 0, PLAIN, version=0)
    for name, more in {
        "same": {},
        "rebalance timeout": {"rebalance_timeout_ms": 5_000},
        "tags": {"rebalance_timeout_ms": 5_000, "client_tags": [hs.KeyValue("z", "1")]},
        "null tags": {"rebalance_timeout_ms": 5_000},
        "no tags": {"rebalance_timeout_ms": 5_000, "client_tags": []},
        "rack": {"rebalance_timeout_ms": 5_000, "rack_id": "r"},
        "process": {"rebalance_timeout_ms": 5_000, "process_id": "other"},
        "null process": {"rebalance_timeout_ms": 5_000, "process_id": None},
        "order": {"what": topology(part("0", ["in3", "in2"]))},
    }.items():
        what = more.pop("what", PLAIN)  # type: ignore[attr-defined]  # each is a dict
        p.beat(f"again: {name}", "g0", "m", 0, what, **more)  # type: ignore[arg-type]  # fields of several types
    p.beat("nothing to do", "g1", "m", 0, topology())
    p.describe("nothing to do", "g1")


def _static(p: Player) -> None:
    p.part = "static"
    p.beat("join", "i", "a", 0, PLAIN, instance_id="i")
    p.beat("taken", "i", "b", 0, PLAIN, instance_id="i")
    p.beat("away", "i", "a", -2, instance_id="i")
    p.describe("away", "i")
    p.beat("back", "i", "b", 0, PLAIN, instance_id="i")
    p.describe("back", "i")
    p.beat("the old one", "i", "a", 2, instance_id="i")
    p.beat("no instance", "i", "b", 2)
    p.beat("another instance", "i", "b", 3, instance_id="j")
    p.beat("leave", "i", "b", -1, instance_id="i")
    p.describe("left", "i")
    p.beat("unknown leaves", "i", "c", -1, instance_id="k")
    p.beat("join as k", "i", "b", 0, PLAIN, instance_id="k")
    p.beat("join without", "i", "b", 0, PLAIN)
    p.beat("join as k again", "i", "b", 0, PLAIN, instance_id="k")
    p.beat("q joins", "i", "q", 0, PLAIN, instance_id="q")
    p.beat("wrong one away", "i", "zz", -2, instance_id="q")
    p.beat("q away", "i", "q", -2, instance_id="q")
    p.beat("q2 takes over", "i", "q2", 0, PLAIN, instance_id="q")
    p.describe("q2", "i")
    p.beat("q2 away", "i", "q2", -2, instance_id="q")
    p.beat("q2 is back", "i", "q2", 0, PLAIN, instance_id="q")


def _tasks(p: Player) -> None:
    p.part = "tasks"
    p.topic("in4", 4)
    a = Member(p, "t", "a", counting("t"))
    p.wait(1_500)
    a.beat()
    p.describe("counted", "t")
    resources = [dc.DescribeConfigsResource(TOPIC_RESOURCE, name, None) for name in ("t-log", "t-rep")]
    p.ask("configs of what was made", dc.DescribeConfigsRequest(resources, False, False), 4)
    members = [a, Member(p, "t", "b", counting("t"))]
    _settle(members, 2)
    p.describe("two", "t")
    members.append(Member(p, "t", "c", counting("t"), process_id="pa"))
    _settle(members, 3)
    p.describe("three in two processes", "t")
    p.group("t", streams_num_standby_replicas="1")
    _settle(members, 2)
    p.describe("with standbys", "t")
    p.beat("b leaves", "t", "b", -1)
    members.pop(1)
    _settle(members, 2)
    p.describe("standbys took over", "t")
    p.plain(dt.DeleteTopicsRequest(topic_names=["t-log"], timeout_ms=3_000), 5)
    p.wait(1_500)
    a.beat()
    p.wait(1_500)  # it takes Kafka a moment to make a topic
    _settle(members, 3)
    p.describe("and back", "t")


def _settle(members: Sequence[Member], times: int) -> None:
    for _ in range(times):
        for member in members:
            member.beat()


def _standbys(p: Player) -> None:
    p.part = "standbys"
    p.group("u", streams_num_standby_replicas="1")
    a = Member(p, "u", "a", stored("u"))
    p.wait(1_500)
    a.beat()
    b = Member(p, "u", "b", stored("u"))
    _settle([a, b], 3)
    p.group("u", streams_num_standby_replicas="0")
    _settle([a, b], 2)
    p.describe("none wanted", "u")
    p.group("u", streams_num_standby_replicas="1")
    _settle([a, b], 2)
    c = Member(p, "u", "c", stored("u"))
    _settle([a, b, c], 2)
    p.beat("a leaves", "u", "a", -1)
    _settle([b, c], 2)
    p.describe("without a", "u")
    a.again()
    _settle([b, a, c], 2)
    p.describe("with a", "u")
    progress = {"task_offsets": [hs.TaskOffset("0", 0, 5)], "task_end_offsets": [hs.TaskOffset("0", 0, 9)]}
    p.beat("offsets", "u", "a", a.epoch, **progress)
    p.describe("offsets", "u")


def _topics(p: Player) -> None:
    p.part = "topics"
    chain = topology(
        part("0", ["in2"], sinks=["k-r1"]),
        part("1", repartitions=[info("k-r1")], sinks=["k-r2"]),
        part(
            "2",
            ["in3"],
            repartitions=[info("k-r2")],
            logs=[info("k-log")],
            together=[([0], [], [0])],
        ),
        part("3", repartitions=[info("k-r5", 5, 1, retention_ms="-1")]),
        part("4", ["in2"], sinks=["k-r5"]),
    )
    k = Member(p, "k", "a", chain)
    p.wait(1_500)
    k.beat()
    p.describe("chain", "k")
    n = Member(p, "n", "a", topology(part("0", ["later"])))
    p.describe("no source", "n")
    p.topic("later", 2)
    n.beat()
    p.describe("source came", "n")
    p.beat("unequal", "k2", "a", 0, topology(part("0", ["in2", "in3"], together=[([0, 1], [], [])])))
    p.describe("unequal", "k2")
    p.beat("many missing", "k3", "a", 0, topology(part("0", ["in2", "no7", "no8"]), part("1", ["no6"])))
    p.topic("k4-log", 5)
    p.beat("log of another size", "k4", "a", 0, topology(part("0", ["in2"], logs=[info("k4-log")])))
    p.topic("k5-rep", 5)
    wide = topology(part("0", ["in2"], sinks=["k5-rep"]), part("1", repartitions=[info("k5-rep", 4)]))
    p.beat("repartition topic of another size", "k5", "a", 0, wide)
    bad = topology(part("0", ["in2"], logs=[info("k6-log", cleanup_policy="nonsense")]))
    p.beat("cannot be made", "k6", "a", 0, bad)
    p.wait(1_500)
    p.beat("still not", "k6", "a", 0, bad)
    p.describe("still not", "k6")


def _endpoints(p: Player) -> None:
    p.part = "endpoints"
    one, two, three = (hs.Endpoint(f"h{number}", 80) for number in (1, 2, 3))
    p.beat("without", "e", "a", 0, PLAIN, endpoint_information_epoch=-1)
    p.beat("without, again", "e", "a", 2, endpoint_information_epoch=0)
    p.beat("without, wrong", "e", "a", 2, endpoint_information_epoch=7)
    p.beat("b", "e", "b", 0, PLAIN, endpoint_information_epoch=-1, user_endpoint=two)
    p.beat("a has", "e", "a", 2, owned=({"0": [0, 1]}, {}, {}), endpoint_information_epoch=-1)
    p.beat("a let go", "e", "a", 2, owned=({"0": [0]}, {}, {}), endpoint_information_epoch=-1)
    p.beat("b gets", "e", "b", 3, endpoint_information_epoch=-1)
    p.beat("b knows", "e", "b", 3, endpoint_information_epoch=2)
    p.beat("a has one now", "e", "a", 0, PLAIN, endpoint_information_epoch=-1, user_endpoint=one)
    p.beat("a has none now", "e", "a", 0, PLAIN, endpoint_information_epoch=-1)
    p.beat("a has another", "e", "a", 0, PLAIN, endpoint_information_epoch=-1, user_endpoint=three)
    p.beat("b asks", "e", "b", 3, endpoint_information_epoch=-1)
    p.beat("b leaves", "e", "b", -1)
    p.beat("a has all", "e", "a", 6, endpoint_information_epoch=-1)
    p.describe("endpoints", "e")
    f = Member(p, "f", "a", counting("f", "in2"), user_endpoint=one)
    p.wait(1_500)
    f.beat()
    p.beat("first with one", "f2", "a", 0, PLAIN, endpoint_information_epoch=0, user_endpoint=one)
    p.beat("knows", "f2", "a", 2, endpoint_information_epoch=0)
    p.beat("again", "f2", "a", 0, PLAIN, endpoint_information_epoch=0, user_endpoint=one)


def _offsets(p: Player) -> None:
    p.part = "offsets"
    p.beat("join", "o", "a", 0, PLAIN)
    p.beat("join with another timeout", "o", "a", 0, PLAIN, rebalance_timeout_ms=5_000)
    p.commit("now", "o", "a", 3)
    p.commit("older", "o", "a", 2)
    p.commit("before it had it", "o", "a", 1)
    p.commit("ahead", "o", "a", 4)
    p.commit("without epoch", "o", "a", -1)
    p.commit("nobody", "o", "", -1)
    p.commit("a stranger", "o", "zz", 3)
    p.commit("no partition", "o", "a", 3, index=7)
    p.commit("no topic", "o", "a", 3, "nowhere")
    p.commit("another topic", "o", "a", 3, "in3")
    p.commit("another topic, older", "o", "a", 2, "in3")
    p.commit("old version", "o", "a", 3, version=8)
    for name, member, epoch in (
        ("now", "a", 3),
        ("older", "a", 2),
        ("ahead", "a", 4),
        ("anybody", None, -1),
        ("a stranger", "zz", 3),
    ):
        p.fetch(name, "o", member, epoch)
    p.forget("in use", "o", "in2")
    p.forget("not in use", "o", "in3")
    p.ask("delete", dg.DeleteGroupsRequest(["o"]), 2)
    p.beat("leave", "o", "a", -1)
    p.commit("nobody is there", "o", "", -1)
    p.commit("was there", "o", "a", 3)
    p.forget("nobody is there", "o", "in2")
    p.fetch("nobody is there", "o", None, -1)
    p.ask("delete empty", dg.DeleteGroupsRequest(["o"]), 2)
    p.describe("deleted", "o")
    p.fetch("deleted", "o", None, -1)


def _kinds(p: Player) -> None:
    p.part = "kinds"
    p.beat("join", "x", "a", 0, PLAIN)
    p.describe("several", "x", "nowhere", "", "x")
    p.describe("v0", "x", version=0)
    p.describe("with a description", "x", include_topology_description=True)
    p.ask("list", lg.ListGroupsRequest([], ["streams"]), 5)
    p.ask("list not_ready", lg.ListGroupsRequest(["Not_Ready"], ["Streams"]), 5)
    p.ask("list NotReady", lg.ListGroupsRequest(["NotReady"], []), 5)
    for version in (5, 6):
        p.ask(f"described as classic v{version}", old.DescribeGroupsRequest(["x"]), version)
    for group in ("x", "nowhere"):
        description = tu.TopologyDescription([], [])
        request = tu.StreamsGroupTopologyDescriptionUpdateRequest(group, "a", 0, description)
        p.ask(f"description of {group}", request, 0)
    consumer = ch.ConsumerGroupHeartbeatRequest("x", "c", 0, None, None, 30_000, ["in2"], None, None, [])
    share = sh.ShareGroupHeartbeatRequest("x", "s", 0, None, ["in2"])
    protocol = jg.JoinGroupRequestProtocol("range", b"\0\0\0\0\0\0\0\0\0\0")
    classic = jg.JoinGroupRequest("x", 30_000, 30_000, "", None, "consumer", [protocol], None)
    p.ask("consumer", consumer, 1)
    p.ask("share", share, 1)
    p.ask("classic", classic, 9)
    p.ask("classic heartbeat", hb.HeartbeatRequest("x", 2, "a", None), 4)
    members = [leave.MemberIdentity("a", None, None)]
    p.ask("classic leave", leave.LeaveGroupRequest(group_id="x", members=members), 5)
    p.ask("classic sync", sg.SyncGroupRequest("x", 2, "a", None, "consumer", "range", []), 5)
    p.beat("leave", "x", "a", -1)
    p.ask("share, empty", share, 1)
    p.ask(
        "classic stranger, empty",
        jg.JoinGroupRequest("x", 30_000, 30_000, "z", None, "consumer", [protocol], None),
        9,
    )
    p.ask("consumer, empty", consumer, 1)
    p.describe("is a consumer group", "x")
    p.beat("streams on consumer", "x", "a", 0, PLAIN)
    p.beat("streams on consumer, later", "x", "a", 2)
    p.plain(ch.ConsumerGroupHeartbeatRequest("x", "c", -1), 1)
    p.beat("streams on empty consumer", "x", "a", 0, PLAIN)
    p.plain(sh.ShareGroupHeartbeatRequest("y", "s", 0, None, ["in2"]), 1)
    p.beat("streams on share", "y", "a", 0, PLAIN)
    p.commit("simple", "z", "", -1)
    p.beat("streams on simple", "z", "a", 0, PLAIN)
    p.fetch("simple", "z", "a", 2)


def _time(p: Player) -> None:
    p.part = "time"
    p.group("d", streams_initial_rebalance_delay_ms="1500", streams_assignment_interval_ms="1000")
    a = Member(p, "d", "a", PLAIN)
    p.describe("delayed", "d")
    b = Member(p, "d", "b", PLAIN)
    _settle([a, b], 1)
    p.wait(2_000)
    p.describe("after the delay", "d")
    _settle([a, b], 1)
    p.describe("assigned", "d")
    p.beat("b leaves", "d", "b", -1)
    a.beat()
    p.describe("within the interval", "d")
    p.wait(1_500)
    a.beat()
    p.beat("a leaves", "d", "a", -1)
    a.again()
    p.describe("delayed again", "d")
    p.group("d2", streams_initial_rebalance_delay_ms="4000")
    c = Member(p, "d2", "a", stored("d2"))
    p.wait(1_500)
    c.beat()
    p.describe("delayed and made", "d2")
    p.wait(4_000)
    c.beat()
    p.group("v", streams_session_timeout_ms="1500", streams_heartbeat_interval_ms="100")
    n = Member(p, "v", "a", PLAIN, rebalance_timeout_ms=600)
    m = Member(p, "v", "b", PLAIN, rebalance_timeout_ms=600)
    n.beat()
    p.describe("must let go", "v")
    p.wait(1_000)
    p.describe("did not let go", "v")
    m.beat()
    p.wait(2_500)
    p.describe("silent", "v")


def _off(p: Player) -> None:
    p.part = "off"
    update = uf.FeatureUpdateKey("streams.version", 0, False, 3)
    assert p.plain(uf.UpdateFeaturesRequest(3_000, [update], False), 1).error_code == 0
    p.wait(1_500)
    p.beat("beat", "z", "a", 2)
    p.describe("describe", "z")
    p.ask("list", lg.ListGroupsRequest(["Stable"], ["streams"]), 5)


def play(ask: Ask, wait: Wait) -> dict[str, Any]:
    """Play the whole script; the answers by step."""
    p = Player(ask, wait)
    ask(fc.FindCoordinatorRequest(key_type=0, coordinator_keys=["one"]), 4)
    wait(3_000)  # the coordinator's topic is made and loaded
    p.topic("in2", 2)
    p.topic("in3", 3)
    for each in (_senseless, _members, _static, _tasks, _standbys, _topics, _endpoints, _offsets, _kinds):
        each(p)
    _time(p)
    _off(p)
    return p.answers


def main() -> None:
    """Play against Apache Kafka, write the answers."""
    from compat.kafka import ApacheKafka  # tests do not need it

    with ApacheKafka(SETTINGS) as kafka:
        host, _, port = kafka.bootstrap.partition(":")
        with socket.create_connection((host, int(port))) as connection:
            answers = play(
                lambda request, version: admin_script.ask(connection, request, version),
                lambda milliseconds: time.sleep(milliseconds / 1000),
            )
    ANSWERS.write_text(json.dumps(answers, indent=1, sort_keys=True) + "\n")
    print(len(answers), "answers")


if __name__ == "__main__":
    main()
