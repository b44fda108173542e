"""Random histories of a consumer group: members come, stall, lose answers, fall silent; topics change; the broker restarts.

Whatever happens, no partition is in two hands, and when all is quiet the group is stable, whole and balanced.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from neuraxis.broker.coordinators.group.state import hard_state
from neuraxis.wire.errors import ErrorCode
from tests.broker.coordinators.group.consumer.world import TIMEOUT_MS, ConsumerWorld

Partition = tuple[bytes, int]
SUBSCRIPTIONS = (["t4"], ["t2"], ["t2", "t4"], ["later", "t4"])
NAMES = ("a", "b", "c", "d")


@dataclass
class Client:
    """A member as a good client is one: it uses what it was given, and lets go before it says so."""

    name: str
    instance: str | None
    topics: list[str]
    regex: str | None = None
    epoch: int = 0
    holds: set[Partition] = field(default_factory=set)
    told: set[Partition] | None = None
    whole: bool = True

    def let_go(self) -> None:
        """Carry out what the last answer said."""
        if self.told is not None:
            self.holds = set(self.told)
            self.told = None


class Histories(RuleBasedStateMachine):
    """One group, up to four members."""

    @initialize(assignor=st.sampled_from([None, "range"]))
    def begin(self, assignor: str | None) -> None:
        self.world = ConsumerWorld()
        self.assignor = assignor
        self.clients: dict[str, Client] = {}
        self.ids = 0

    @rule(
        name=st.sampled_from(NAMES),
        static=st.booleans(),
        topics=st.sampled_from(SUBSCRIPTIONS),
        regex=st.sampled_from([None, "t.*"]),
    )
    def come(self, name: str, static: bool, topics: list[str], regex: str | None) -> None:
        if name not in self.clients:
            self.ids += 1
            client = Client(f"{name}{self.ids}", name if static else None, topics, regex)
            self.clients[name] = client
            self.send(client, lost=False)

    @rule(name=st.sampled_from(NAMES), slow=st.booleans(), lost=st.booleans())
    def beat(self, name: str, slow: bool, lost: bool) -> None:
        if name in self.clients:
            if not slow:
                self.clients[name].let_go()
            self.send(self.clients[name], lost=lost)

    @rule(name=st.sampled_from(NAMES), topics=st.sampled_from(SUBSCRIPTIONS))
    def subscribe(self, name: str, topics: list[str]) -> None:
        if name in self.clients:
            self.clients[name].topics = topics
            self.clients[name].whole = True
            self.send(self.clients[name], lost=False)

    @rule(name=st.sampled_from(NAMES))
    def go(self, name: str) -> None:
        client = self.clients.pop(name, None)
        if client is not None:
            for_now = -1 if client.instance is None else -2
            self.world.beat(client.name, for_now, instance_id=client.instance)

    @rule(ms=st.sampled_from([10, 1_000, 20_000, 46_000]))
    def wait(self, ms: int) -> None:
        self.world.advance(ms)

    @rule(name=st.sampled_from(["t2", "t4", "later"]), more=st.integers(0, 2))
    def change_topic(self, name: str, more: int) -> None:
        known = self.world.topics.topics.get(name)
        if more == 0 and known is not None:
            self.world.topics.drop(name)
        else:
            self.world.topics.put(name, min(6, more + (0 if known is None else known.partitions)))

    @rule()
    def restart(self) -> None:
        self.world.restart()

    def send(self, client: Client, *, lost: bool) -> None:
        topics = None if client.regex is not None and client.epoch else client.topics
        options: dict[str, Any] = {"instance_id": client.instance, "server_assignor": self.assignor}
        if client.whole:
            options |= {"rebalance_timeout_ms": TIMEOUT_MS, "topic_regex": client.regex}
            topics = client.topics
        holds: dict[bytes, list[int]] = {}
        for topic_id, partition in sorted(client.holds):
            holds.setdefault(topic_id, []).append(partition)
        # Clients name topics by id: also those that are gone.
        self.world.ids = lambda _: {key: tuple(found) for key, found in holds.items()}  # type: ignore[method-assign]  # see above
        answer = self.world.beat(client.name, client.epoch, topics, {}, **options)
        if lost:
            client.whole = True
            return
        if answer.error_code == ErrorCode.UNRELEASED_INSTANCE_ID:
            return  # it waits for its former self to be forgotten
        if answer.error_code:
            assert answer.error_code in (
                ErrorCode.UNKNOWN_MEMBER_ID,
                ErrorCode.FENCED_MEMBER_EPOCH,
                ErrorCode.FENCED_INSTANCE_ID,
                ErrorCode.GROUP_ID_NOT_FOUND,
            ), answer
            client.epoch, client.holds, client.told, client.whole = 0, set(), None, True
            return
        client.epoch = answer.member_epoch
        client.whole = False
        if answer.assignment is not None:
            given = {
                (item.topic_id, each)
                for item in answer.assignment.topic_partitions
                for each in item.partitions
            }
            client.told = given
            client.holds |= given

    def members(self) -> list[Client]:
        """The clients that the coordinator knows, at an epoch at which they may use what they hold."""
        group = self.world.state.groups.get("g")
        known = {} if group is None or group.consumer is None else group.consumer.members
        return [client for client in self.clients.values() if client.name in known and client.epoch > 0]

    @invariant()
    def no_partition_is_in_two_hands(self) -> None:
        if not hasattr(self, "world"):
            return
        seen: dict[Partition, str] = {}
        for client in self.members():
            for partition in client.holds:
                assert partition not in seen, f"{client.name} and {seen[partition]} both have {partition}"
                seen[partition] = client.name

    @invariant()
    def the_state_is_the_fold_of_the_log(self) -> None:
        if not hasattr(self, "world"):
            return
        live = hard_state(self.world.state)
        assert hard_state(self.world.fold()) == live
        assert hard_state(self.world.fold(self.world.compacted())) == live
        machine = self.world.machine
        snapshot = [machine.encode(fact) for fact in machine.facts(self.world.state)]
        assert hard_state(self.world.fold(snapshot)) == live

    @invariant()
    def owners_are_who_has_the_partitions(self) -> None:
        group = self.world.state.groups.get("g") if hasattr(self, "world") else None
        if group is None or group.consumer is None:
            return
        owned: dict[bytes, dict[int, str]] = {}
        for member_id, current in group.consumer.current.items():
            for held in (current.assigned, current.revoking):
                for topic_id, partitions in held.items():
                    for partition in partitions:
                        assert partition not in owned.setdefault(topic_id, {}), "assigned twice"
                        owned[topic_id][partition] = member_id
        assert owned == group.consumer.owners

    def teardown(self) -> None:
        if not hasattr(self, "world") or not self.clients:
            return
        self.world.advance(46_000)  # who is not there any more is forgotten
        for _ in range(8):
            self.world.advance(1_000)
            for client in self.clients.values():
                client.let_go()
                self.send(client, lost=False)
                self.no_partition_is_in_two_hands()
        group = self.world.consumer()
        assert group.phase() == "Stable"
        topics = self.world.topics.topics
        read = {name for member in group.members.values() for name in group.topics_of(member)} & topics.keys()
        wanted = {(topics[name].topic_id, each) for name in read for each in range(topics[name].partitions)}
        for client in self.clients.values():
            client.let_go()
        assert set().union(*(client.holds for client in self.clients.values())) == wanted


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
