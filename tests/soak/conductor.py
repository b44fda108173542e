"""The soak itself: one broker process, a proxy in front of it, all clients, the faults, the drain, and all verdicts.

It extends the run of `neuraxis verify`, whose clients and history it keeps, by groups of every kind, logs that are compacted
or forget, an administrator, and a look at the broker's process.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # it has no __all__

from neuraxis.client import Settings
from neuraxis.testing.history import History, Report, Verdict, judge
from neuraxis.testing.history.events import Stage as Outcome
from neuraxis.testing.history.verdict import Draft
from neuraxis.testing.verify import OwnBroker, Plan, Proxy, Recorder, Run
from neuraxis.testing.verify.actor import Actor
from neuraxis.testing.verify.faults import Fault
from neuraxis.testing.verify.own_broker import free_port
from neuraxis.testing.verify.plan import ALONE, GROUP, TRANSACTIONS
from neuraxis.testing.verify.readers import Member
from neuraxis.wire.messages import metadata as md
from tests.soak import compacted, retained
from tests.soak.auditor import Auditor
from tests.soak.churn import Churn
from tests.soak.members import ClassicMember, ConsumerMember, GroupMember, StreamsMember
from tests.soak.scene import Scene, Worker
from tests.soak.sharers import LOCK_MS, Deliveries, Sharer
from tests.soak.tenures import Tenures
from tests.soak.vitals import Sample, Vitals

POLICIES = ("sync", "os", "interval")
NEXT, CLASSIC, CONSUMER, STREAMS = "next", "classic", "consumer", "streams"
GROUPS = (GROUP, ALONE, NEXT, CLASSIC, CONSUMER, STREAMS)
COMMITTING = (GROUP, NEXT, CLASSIC, CONSUMER, STREAMS, TRANSACTIONS)
DOUBLE_KILLS = 0.2
"""The share of kills that are followed by another one within half a second: into recovery and its first requests."""
SETTLE_S = 45.0
"""How long the share group may need to settle what is left: several locks that nobody ends."""
OPTIONS = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
    "log.retention.check.interval.ms": "1000",
    "group.consumer.min.session.timeout.ms": "6000",
    "group.consumer.session.timeout.ms": "6000",
    "group.consumer.min.heartbeat.interval.ms": "1000",
    "group.consumer.heartbeat.interval.ms": "1000",
    "group.consumer.assignment.interval.ms": "0",
    "group.streams.min.session.timeout.ms": "6000",
    "group.streams.session.timeout.ms": "6000",
    "group.streams.min.heartbeat.interval.ms": "1000",
    "group.streams.heartbeat.interval.ms": "1000",
    "group.streams.assignment.interval.ms": "0",
    "group.streams.initial.rebalance.delay.ms": "0",
    "group.share.min.session.timeout.ms": "6000",
    "group.share.session.timeout.ms": "6000",
    "group.share.min.heartbeat.interval.ms": "1000",
    "group.share.heartbeat.interval.ms": "1000",
    "group.share.assignment.interval.ms": "0",
    "group.share.min.record.lock.duration.ms": "1000",
    "group.share.record.lock.duration.ms": str(LOCK_MS),
    "group.share.delivery.count.limit": "10",
}


KILL_S, CALM_S, SAMPLE_S = (20.0, 40.0), (3.0, 9.0), 10.0


@dataclass(frozen=True, slots=True)
class SoakPlan:
    """How long, how often, under which policy: one of POLICIES, or `turn` for the next one after each kill."""

    seconds: float
    seed: int = 1
    durability: str = "turn"
    kill_s: tuple[float, float] = KILL_S
    calm_s: tuple[float, float] = CALM_S
    kills_share: float = 0.6  # of the time; the rest is one long life, in which a leak would show
    sample_s: float = SAMPLE_S
    sends_per_s: int = 12


@dataclass
class Result:
    """All there is to report."""

    plan: SoakPlan
    history: Report
    verdicts: list[Verdict]
    counts: Counter[str]
    faults: Counter[str]
    restarts_s: list[float]
    samples: list[Sample]
    took_s: float
    broker_cpu_s: float
    problems: list[str]
    removed: int

    @property
    def all(self) -> list[Verdict]:
        """The verdicts of the history and all others."""
        return [*self.history.verdicts, *self.verdicts]

    @property
    def wrong(self) -> list[str]:
        """What was found, and what could not be said, as sentences."""
        found = [f"{each.name}: {sentence}" for each in self.all for sentence in each.findings]
        return found + [
            f"{each.name} is unknown: {each.reason}" for each in self.all if each.state == "unknown"
        ]


class NextMember(Member):
    """A member of a group of the newer protocol, by librdkafka: the broker says how often to beat."""

    def consumer(self) -> Consumer:
        return Consumer(
            self.stage.configuration(
                {
                    "client.id": self.process,
                    "group.id": self.stage.group_id(self.group),
                    "group.protocol": "consumer",
                    "isolation.level": "read_committed",
                    "enable.auto.commit": False,
                    "auto.offset.reset": "earliest",
                    "fetch.wait.max.ms": 100,
                    "fetch.error.backoff.ms": 50,
                }
            )
        )


@dataclass
class Cast:
    """The clients of a soak that `neuraxis verify` has not."""

    scene: Scene
    writers: list[Worker]
    readers: list[Worker]
    tenures: Tenures
    deliveries: Deliveries
    key_reader: compacted.KeyReader
    forgetter: retained.Forgetter
    churn: Churn
    auditor: Auditor
    next_members: list[Actor] = field(default_factory=list)


class Soak(Run):
    """One soak. `conduct` does it all."""

    def __init__(
        self, plan: SoakPlan, broker: OwnBroker, proxy: Proxy, vitals: Vitals, show: Callable[[str], None]
    ) -> None:
        verify_plan = Plan(
            seconds=plan.seconds,
            topics=2,
            partitions=3,
            sends_per_s=plan.sends_per_s,
            transactions_pause_s=(0.1, 0.5),
            seed=plan.seed,
            drain_s=60 + plan.seconds / 10,
        )
        settings = Settings(bootstrap=proxy.bootstrap(broker.bootstrap))
        super().__init__(settings, verify_plan, Recorder())
        self.soak_plan = plan
        self.broker = broker
        self.proxy = proxy
        self.vitals = vitals
        self.show = show
        self.groups = GROUPS
        self.deaths: Counter[str] = Counter()
        host, _, port = settings.bootstrap.rpartition(":")
        self.scene = Scene(self.stage, host, int(port), plan.seed)
        self.cast: Cast | None = None
        self.shown_at = 0.0

    # ---- the cast ----------------------------------------------------------------------------------------------

    def _make_topics(self) -> dict[str, str]:
        prefix = self.stage.prefix
        names = {kind: f"{prefix}-{kind}" for kind in ("keyed", *retained.CONFIGS)}
        new = [NewTopic(names["keyed"], 2, config=compacted.CONFIG)]
        new += [NewTopic(names[kind], 1, config=dict(config)) for kind, config in retained.CONFIGS.items()]
        admin = AdminClient(self.stage.configuration({}))
        for future in admin.create_topics(new).values():
            future.result(30)
        return names

    def _topic_ids(self) -> dict[str, bytes]:
        asked = [md.MetadataRequestTopic(bytes(16), topic) for topic in self.stage.topics]
        link = self.scene.link("runner")
        answer = link.ask(md.MetadataRequest(asked, False), 12)
        link.close()
        return {topic.name: bytes(topic.topic_id) for topic in answer.topics}

    def _call(self) -> Cast:
        scene = self.scene
        names, topic_ids = self._make_topics(), self._topic_ids()
        tenures, deliveries = Tenures(), Deliveries()
        ledgers = [compacted.Ledger(), compacted.Ledger()]
        forgetting = {kind: names[kind] for kind in retained.CONFIGS}
        accounts = retained.accounts_of(list(retained.CONFIGS))
        key_reader = compacted.KeyReader(scene, names["keyed"], ledgers)
        forgetter = retained.Forgetter(scene, forgetting, accounts)
        churn, auditor = Churn(scene), Auditor(scene, COMMITTING, (1.0, 3.0))
        members: list[GroupMember] = []
        for number in range(2):
            members.append(ClassicMember(scene, f"classic-{number}", CLASSIC, tenures))
            members.append(ConsumerMember(scene, f"consumer-{number}", CONSUMER, tenures, topic_ids))
            members.append(StreamsMember(scene, f"streams-{number}", STREAMS, tenures))
        sharers = [Sharer(scene, f"sharer-{number}", deliveries, topic_ids) for number in range(3)]
        writers: list[Worker] = [
            compacted.KeyWriter(scene, names["keyed"], compacted.PLAIN, ledgers[compacted.PLAIN]),
            compacted.TransactionalKeyWriter(
                scene, names["keyed"], compacted.TRANSACTIONAL, ledgers[compacted.TRANSACTIONAL]
            ),
            retained.Feeder(scene, forgetting, accounts),
        ]
        readers: list[Worker] = [*members, *sharers, key_reader, forgetter, churn, auditor]
        next_members: list[Actor] = [NextMember(self.stage, f"next-{number}", NEXT) for number in range(2)]
        return Cast(
            scene, writers, readers, tenures, deliveries, key_reader, forgetter, churn, auditor, next_members
        )

    # ---- load and faults ---------------------------------------------------------------------------------------

    def _load(self) -> None:
        self.cast = cast = self._call()
        for actor in [*cast.next_members, *cast.readers, *cast.writers]:
            actor.start()
        plan, began = self.soak_plan, time.monotonic()
        deadline, kills_end = began + plan.seconds, began + plan.seconds * plan.kills_share
        kill_at = began + self.random.uniform(*plan.kill_s)
        while (moment := time.monotonic()) < deadline:
            if moment >= kill_at and moment < kills_end:
                self._strike(self._kill())
                kill_at = time.monotonic() + self.random.uniform(*plan.kill_s)
            else:
                self._strike(self.random.choice((self._pause, self._reset, self._reset))())
            self._wait(min(self.random.uniform(*plan.calm_s), deadline - time.monotonic()), "load")

    def _kill(self) -> Fault:
        def strike() -> None:
            self.vitals.look()
            self._is_alive()
            self._die()

        def heal() -> None:
            self._start_again()
            if self.random.random() < DOUBLE_KILLS:
                time.sleep(self.random.uniform(0.0, 0.5))
                self.outcome.faults["kill soon after a start"] += 1
                self._die()
                self._start_again()

        return Fault("kill", strike, heal, 0.0, 0.5)

    def _die(self) -> None:
        self.vitals.is_down = True
        self.deaths[self.broker.durability] += 1
        self.broker.kill()

    def _start_again(self) -> None:
        if self.soak_plan.durability == "turn":
            self.broker.durability = POLICIES[self.deaths.total() % len(POLICIES)]
        self.broker.start()
        self.vitals.reborn()
        if self.cast is not None:
            self.cast.churn.restarted = True

    def _is_alive(self) -> None:
        if self.broker.exit_code is not None:
            self.scene.surprise("broker", f"it ended by itself, with {self.broker.exit_code}")

    def _pause(self) -> Fault:
        return Fault("pause", self.broker.pause, self.broker.resume, 0.2, 3.0)

    def _reset(self) -> Fault:
        return Fault("reset", lambda: self.proxy.reset(self.random))

    def _wait(self, seconds: float, phase: Any, fault: str | None = None) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.5))
            self._tell(phase, fault)

    def _tell(self, phase: str, fault: str | None) -> None:
        recorder, counts = self.recorder, self.scene.counts
        elapsed = time.monotonic() - self.vitals.began
        rss = self.vitals.samples[-1].rss >> 20 if self.vitals.samples else 0
        self.show(
            f"{phase} {int(elapsed) // 60:02}:{int(elapsed) % 60:02} [{self.broker.durability}] "
            f"{len(recorder.acknowledged)} acknowledged, {recorder.unseen(self.groups)} unseen, "
            f"{counts['share records accepted']} shared, {counts['keys written']} keys, "
            f"{counts['changes by the administrator']} changes, {self.outcome.faults.total()} faults, {rss} MiB"
            f"{', ' + fault if fault else ''}{', SURPRISES: ' + str(counts['surprises']) if counts['surprises'] else ''}"
        )

    # ---- the end -----------------------------------------------------------------------------------------------

    def _drain(self, writers: Sequence[Actor], readers: list[Actor]) -> None:
        cast = self.cast
        assert cast is not None
        self.scene.draining.set()
        _stop(cast.writers, 90.0)
        readers.extend(cast.next_members)
        super()._drain(writers, readers)
        deadline = time.monotonic() + SETTLE_S
        while time.monotonic() < deadline and self.recorder.acknowledged - cast.deliveries.settled:
            self._wait(0.2, "drain")
        _stop(cast.readers, 60.0)
        for worker in (cast.key_reader, cast.forgetter):
            worker.link = self.scene.link("final")
            worker.read()
            worker.link.close()
        for last in (cast.churn, cast.auditor):
            last.link = self.scene.link("final")
        cast.churn.compare()

    def _read_commits(self) -> None:
        super()._read_commits()
        cast = self.cast
        assert cast is not None
        for group in COMMITTING:
            cast.auditor.audit(group)
        cast.auditor.link.close()
        cast.churn.link.close()

    def conduct(self) -> tuple[Report, list[Verdict]]:
        """Load, drain, judge; the verdicts that need no live broker."""
        self.record(keep_topics=True)
        cast = self.cast
        assert cast is not None
        history = judge(History.of(self.recorder.events))
        outcomes: dict[Any, Outcome] = {}
        for event in self.recorder.events:
            if event.kind in ("send", "txn"):
                stage: Outcome = "unknown" if event.stage == "invoke" else event.stage
                for record in event.sends:
                    outcomes[record.log, record.value] = stage
        verdicts = [
            cast.tenures.judge(),
            cast.auditor.judge(),
            *cast.deliveries.judge(outcomes),
            cast.key_reader.judge(),
            cast.forgetter.judge(),
            cast.churn.judge(),
            self.scene.verdict(),
        ]
        return history, verdicts


def _stop(workers: Sequence[Worker], timeout_s: float) -> None:
    for worker in workers:
        worker.halt.set()
    for worker in workers:
        worker.join(timeout_s)
        if worker.is_alive():
            worker.scene.surprise(worker.role, "it does not end")


def run(plan: SoakPlan, directory: Path, show: Callable[[str], None] = lambda _: None) -> Result:
    """One whole soak, with its data, its broker's log and what is left of it in `directory`."""
    metrics = f"127.0.0.1:{free_port()}"
    options = ["--metrics", metrics]
    for name, value in OPTIONS.items():
        options += ["--set", f"{name}={value}"]
    first = POLICIES[0] if plan.durability == "turn" else plan.durability
    broker, proxy = OwnBroker(directory, first, options), Proxy()
    began = time.monotonic()
    broker.start()
    try:
        vitals = Vitals(lambda: broker.pid, f"http://{metrics}/metrics", plan.sample_s)
        vitals.idle = vitals.look()
        soak = Soak(plan, broker, proxy, vitals, show)
        vitals.start()
        history, verdicts = soak.conduct()
        proxy.close()
        time.sleep(2.0)  # a broker may take a moment to see that connections ended
        vitals.halt.set()
        vitals.join()
        vitals.last = vitals.look()
        code = broker.stop()
    except BaseException:
        broker.kill()
        proxy.close()
        raise
    verdicts += [*vitals.judge(), _end(code, broker), _data(directory)]
    lives: dict[int, float] = {}
    for sample in vitals.samples:
        lives[sample.life] = max(sample.cpu_s, lives.get(sample.life, 0.0))
    faults = soak.outcome.faults + Counter({f"kill under {name}": each for name, each in soak.deaths.items()})
    return Result(
        plan, history, verdicts, soak.scene.counts, faults, broker.restarts_s, vitals.samples,
        time.monotonic() - began, sum(lives.values()), soak.outcome.problems,
        soak.cast.key_reader.removed if soak.cast else 0,
    )  # fmt: skip


def _end(code: int, broker: OwnBroker) -> Verdict:
    """The last stop was clean, and no life left an error in the log."""
    text = broker.log_path.read_text(errors="replace")
    draft = Draft("broker-log", "lines of the broker's log", checked=text.count("\n") + 1)
    if code:
        draft.finding(f"the last clean stop ended with {code}")
    for line in text.splitlines():
        if "Traceback" in line or " ERROR " in line or " CRITICAL " in line:
            draft.finding(line[:300])
    return draft.done("")


def _data(directory: Path) -> Verdict:
    """`neuraxis log check` finds no damage in the data."""
    draft = Draft("data-directory", "batches checked off-line")
    command = [sys.executable, "-m", "neuraxis", "log", "check", str(directory / "data"), "--json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    try:
        found = json.loads(done.stdout)
    except ValueError:
        draft.finding(f"neuraxis log check: {done.stderr[-500:]}")
        return draft.done("")
    draft.checked = sum(log["batches"] for log in found["logs"])
    for each in found.get("findings", ()):
        if each.get("kind") == "damage" or done.returncode:
            draft.finding(json.dumps(each)[:300])
    return draft.done("no batch was checked")
