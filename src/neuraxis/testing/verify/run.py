"""The run: topics, clients, faults, and the drain in which everything must be read. Records; others judge."""

from __future__ import annotations

import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # it has no __all__

from neuraxis.client import Settings
from neuraxis.client.errors import explain
from neuraxis.testing.history import Log, Position
from neuraxis.testing.verify.actor import Actor, Sender
from neuraxis.testing.verify.faults import Fault
from neuraxis.testing.verify.plan import ALONE, FINAL, GROUP, Plan, Stage
from neuraxis.testing.verify.readers import AssignedReader, Member
from neuraxis.testing.verify.recorder import Recorder
from neuraxis.testing.verify.transactor import JOIN_S, Transactor, patiently, transactional_producer

RUNNER = "runner"
ANSWER_TIMEOUT_S = 20.0
"""How long the cluster may take to answer a question of the runner's own."""
QUIET_S = 0.5
"""How long the last readers wait for records that nobody acknowledged."""
Progress = Callable[["Status"], None]


@dataclass(frozen=True, slots=True)
class Status:
    """Where a run is: for whoever shows it."""

    phase: Literal["start", "load", "drain", "done"]
    elapsed_s: float
    sent: int
    acknowledged: int
    unseen: int
    fault: str | None = None


@dataclass
class Outcome:
    """What is to be known of a run beside its history. `transactions` is None if there were some, else why not."""

    topics: tuple[str, ...]
    transactions: str | None = None
    faults: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def silent(_: Status) -> None:
    """Shows nothing."""


class Run:
    """One run against one cluster. `record` does it all; the recorder then holds the history."""

    def __init__(
        self,
        settings: Settings,
        plan: Plan,
        recorder: Recorder,
        faults: Sequence[Fault] = (),
        progress: Progress = silent,
    ) -> None:
        # The name is new even if the seed is old: two runs on one cluster must not meet.
        prefix = f"neuraxis-verify-{uuid.uuid4().hex[:8]}"
        topics = tuple(f"{prefix}-{number}" for number in range(plan.topics))
        self.stage = Stage(settings, plan, topics, recorder, prefix)
        self.plan = plan
        self.recorder = recorder
        self.faults = faults
        self.random = random.Random(plan.seed)
        self.progress = progress
        self.outcome = Outcome(topics)
        self.groups: tuple[str, ...] = (GROUP, ALONE)
        self.began = time.monotonic()

    def record(self, *, keep_topics: bool = False) -> Outcome:
        """Create the topics, load, strike, heal, drain, and delete the topics. Raises ClientError before the load."""
        self._show("start")
        self._create_topics()
        self.outcome.transactions = self._why_no_transactions()
        writers: list[Actor] = [Sender(self.stage, f"sender-{n}") for n in range(self.plan.senders)]
        if self.outcome.transactions is None:
            writers += [
                Transactor(self.stage, name, self.random.randrange(2**32)) for name in self._transactors()
            ]
        readers: list[Actor] = [Member(self.stage, f"member-{n}", GROUP) for n in range(self.plan.members)]
        readers.append(AssignedReader(self.stage, ALONE, ALONE))
        try:
            for actor in [*readers, *writers]:
                actor.start()
            self._load()
            self._drain(writers, readers)
        finally:
            for actor in [*writers, *readers]:
                actor.halt.set()
            for actor in readers:
                actor.join(ANSWER_TIMEOUT_S)
        self._read_commits()
        if not keep_topics:
            self._delete_topics()
        self.outcome.problems = self.stage.problems
        self._show("done")
        return self.outcome

    def _transactors(self) -> list[str]:
        return [f"transactor-{number}" for number in range(self.plan.transactors)]

    def _show(self, phase: Literal["start", "load", "drain", "done"], fault: str | None = None) -> None:
        recorder = self.recorder
        self.progress(
            Status(
                phase=phase,
                elapsed_s=time.monotonic() - self.began,
                sent=recorder.sent,
                acknowledged=len(recorder.acknowledged),
                unseen=recorder.unseen(self.groups),
                fault=fault,
            )
        )

    def _create_topics(self) -> None:
        admin = AdminClient(self.stage.configuration({}))
        new = [
            NewTopic(topic, self.plan.partitions, config={"retention.ms": "-1"})
            for topic in self.stage.topics
        ]
        try:
            for future in admin.create_topics(new, operation_timeout=ANSWER_TIMEOUT_S).values():
                future.result(2 * ANSWER_TIMEOUT_S)
        except KafkaException as exception:
            raise explain(exception, "create the topics of the run") from exception

    def _delete_topics(self) -> None:
        admin = AdminClient(self.stage.configuration({}))
        try:
            for future in admin.delete_topics(list(self.stage.topics)).values():
                future.result(2 * ANSWER_TIMEOUT_S)
        except KafkaException as exception:
            self.stage.complain(RUNNER, exception)

    def _why_no_transactions(self) -> str | None:
        """None if the cluster has transactions, else what it said."""
        if not self.plan.transactors:
            return "none were asked for"
        producer = transactional_producer(self.stage, self._transactors()[0])
        try:
            producer.init_transactions(ANSWER_TIMEOUT_S)
        except KafkaException as exception:
            return str(explain(exception, "begin a transaction").what)
        return None

    def _load(self) -> None:
        """Let the clients work and the faults strike until there were enough; all is healed at the end."""
        if self.plan.strikes:
            for _ in range(self.plan.strikes):
                self._wait(self.random.uniform(*self.plan.calm_s), "load")
                self._strike(self.random.choice(self.faults))
            self._wait(self.plan.calm_s[1], "load")
            return
        deadline = time.monotonic() + self.plan.seconds
        while (left := deadline - time.monotonic()) > 0:
            self._wait(min(left, self.random.uniform(*self.plan.calm_s)), "load")
            if self.faults and time.monotonic() < deadline:
                self._strike(self.random.choice(self.faults))

    def _strike(self, fault: Fault) -> None:
        self._note("fault", fault.name)
        self.outcome.faults[fault.name] += 1
        fault.strike()
        try:
            self._wait(self.random.uniform(fault.at_least_s, fault.at_most_s), "load", fault.name)
        finally:
            fault.heal()
            self._note("heal", fault.name)

    def _note(self, kind: Literal["fault", "heal"], name: str) -> None:
        self.recorder.whole("ok", kind, RUNNER, self.recorder.clock_ns(), error=name)

    def _wait(self, seconds: float, phase: Literal["load", "drain"], fault: str | None = None) -> None:
        time.sleep(max(seconds, 0.0))
        self._show(phase, fault)

    def _drain(self, writers: Sequence[Actor], readers: list[Actor]) -> None:
        """Stop writing, finish what hangs, and wait until every group has read everything that was acknowledged."""
        for actor in writers:
            actor.halt.set()
        for actor in writers:
            actor.join(Sender.FLUSH_S + ANSWER_TIMEOUT_S if isinstance(actor, Sender) else JOIN_S)
            if actor.is_alive():
                self.stage.complain(actor.process, "a call of the client library does not return")
        self.groups = (*self.groups, FINAL)
        number = self.recorder.invoke("drain", RUNNER, groups=self.groups)
        if self.outcome.transactions is None:
            self._end_transactions()
        final = AssignedReader(self.stage, FINAL, FINAL)
        readers.append(final)
        final.start()
        deadline = time.monotonic() + self.plan.drain_s
        while time.monotonic() < deadline and self.recorder.unseen(self.groups):
            self._wait(0.1, "drain")
        self._wait(QUIET_S, "drain")
        sure = not self.recorder.unseen(self.groups) or self._answers()
        self.recorder.complete(number, "ok" if sure else "unknown", "drain", RUNNER, groups=self.groups)

    def _end_transactions(self) -> None:
        """A new producer of the same id aborts what its predecessor left open: readers wait for that."""
        for name in self._transactors():
            producer = transactional_producer(self.stage, name)
            try:
                patiently(lambda producer=producer: producer.init_transactions(ANSWER_TIMEOUT_S))  # type: ignore[misc]  # bound at once
            except KafkaException as exception:
                self.stage.complain(RUNNER, exception)

    def _answers(self) -> bool:
        try:
            AdminClient(self.stage.configuration({})).list_topics(timeout=ANSWER_TIMEOUT_S)
        except KafkaException as exception:
            self.stage.complain(RUNNER, exception)
            return False
        return True

    def _read_commits(self) -> None:
        """Ask what the members' group has committed, after all of them have left."""
        began_ns = self.recorder.clock_ns()
        consumer = Consumer(
            self.stage.configuration({"group.id": self.stage.group_id(GROUP), "enable.auto.commit": False})
        )
        try:
            found = consumer.committed(
                [TopicPartition(*log) for log in self.stage.logs], timeout=ANSWER_TIMEOUT_S
            )
        except KafkaException as exception:
            self.recorder.whole("unknown", "committed", RUNNER, began_ns, group=GROUP, error=str(exception))
            return
        finally:
            consumer.close()
        positions = tuple(
            Position(Log(each.topic, each.partition), each.offset if each.offset >= 0 else None)
            for each in found
            if each.error is None
        )
        self.recorder.whole("ok", "committed", RUNNER, began_ns, positions=positions, group=GROUP)
