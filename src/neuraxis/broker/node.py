"""What this broker owns and a handler may touch: partitions, catalogue, coordinators, config. Not the broker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from neuraxis.broker.authorisation.audit import make_audit
from neuraxis.broker.client_quotas import ClientQuotas
from neuraxis.broker.clients import Clients
from neuraxis.broker.cold import ColdCalls
from neuraxis.broker.config_table import BrokerSettings, TopicConfig
from neuraxis.broker.connection_limits import ConnectionLimits
from neuraxis.broker.coordinators.agenda import Agenda
from neuraxis.broker.coordinators.group.commands import ForgetTopic
from neuraxis.broker.coordinators.group.facts import OffsetFact
from neuraxis.broker.coordinators.runtime import Shard
from neuraxis.broker.coordinators.share.group_machine import AllGroupsMachine
from neuraxis.broker.coordinators.topics.machine import (
    PRODUCER_ID_BLOCK,
    CatalogueMachine,
    CatalogueState,
    ChangeCluster,
    CreateTopic,
    LowerLogStart,
    ReserveProducerIds,
    TopicFact,
)
from neuraxis.broker.fetch_sessions import FetchSessions
from neuraxis.broker.group_view import GroupView
from neuraxis.broker.log import deferral
from neuraxis.broker.log.identity import RESTORED
from neuraxis.broker.metrics.counters import Counters
from neuraxis.broker.parking import Parking
from neuraxis.broker.partition import Partition, Writes
from neuraxis.broker.security.logins import Logins
from neuraxis.broker.shares import SHARE_TOPIC, Shares
from neuraxis.broker.telemetry import Telemetry
from neuraxis.broker.transactions import Transactions
from neuraxis.broker.work import Remove, SyncDir

if TYPE_CHECKING:
    from collections.abc import Iterable

    from neuraxis.broker.authorisation.guard import Guard
    from neuraxis.broker.call import Api, Call
    from neuraxis.broker.config import BrokerConfig, Listener
    from neuraxis.broker.coordinators.group.machine import GroupState
    from neuraxis.broker.coordinators.topics.machine import Command
    from neuraxis.broker.log.store import LogStore, RecoveryReport
    from neuraxis.broker.session import Session
    from neuraxis.broker.work import Now

CATALOGUE_TOPIC = "__neuraxis_catalogue"
CATALOGUE_ID = bytes.fromhex("6e657572617869730000000000000001")
OFFSETS_TOPIC = "__consumer_offsets"
TRANSACTIONS_TOPIC = "__transaction_state"
RESTORED_BLOCKS = 1000
"""Blocks of producer ids skipped after a restore: more than a broker hands out between a backup and its loss."""
INTERNAL_TOPICS = frozenset({OFFSETS_TOPIC, TRANSACTIONS_TOPIC, SHARE_TOPIC})


class Entropy(Protocol):
    """Where random bytes come from: the operating system, or the world's seed in a simulation."""

    def token_bytes(self, count: int, /) -> bytes:
        """`count` random bytes."""
        ...


@dataclass(slots=True, eq=False)
class Topic:
    """A topic as served: its catalogue fact, its effective configuration and its partitions by index."""

    fact: TopicFact
    config: TopicConfig
    partitions: list[Partition]

    @property
    def name(self) -> str:
        """The topic's name."""
        return self.fact.name

    @property
    def topic_id(self) -> bytes:
        """The id of this incarnation, 16 bytes."""
        return self.fact.topic_id

    @property
    def internal(self) -> bool:
        """Whether clients may not write to it."""
        return self.fact.name in INTERNAL_TOPICS


class Node:
    """The broker's belongings. Handlers get it as their first argument."""

    def __init__(self, config: BrokerConfig, store: LogStore, entropy: Entropy, apis: dict[int, Api]) -> None:
        self.config = config
        self.store = store
        self.entropy = entropy
        self.apis = apis
        self.parking = Parking()
        self.cold = ColdCalls(self)
        self.writes = Writes()
        self.recovery: RecoveryReport | None = None
        self.topics: dict[str, Topic] = {}
        self.topics_by_id: dict[bytes, Topic] = {}
        self.partitions: dict[tuple[bytes, int], Partition] = {}
        self.group_shards: list[Shard[GroupState, Any]] = []  # Any: the group machine's facts
        self.group_agenda = Agenda()
        self.sessions: dict[int, Session] = {}
        self.clients = Clients()
        self.counters = Counters()
        self.telemetry = Telemetry()
        self.cluster_id = ""
        self.node_id = config.node_id
        self.started = False
        self.catalogue_machine = CatalogueMachine()
        self.catalogue: Shard[CatalogueState, Any]  # Any: the catalogue machine's facts
        self.settings = BrokerSettings(config.kafka_overrides(), {})
        self.audit = make_audit(self.settings)
        self.guard = self._make_guard()
        if self.guard is not None:
            self.guard.stand_before(apis)
        self.quotas = ClientQuotas(self.settings)
        self.connection_limits = ConnectionLimits(self.settings, config.kafka)
        self.logins = Logins(self, config.listener_securities())
        self.fetch_sessions = FetchSessions(
            self.settings.integer("max.incremental.fetch.session.cache.slots")
        )
        view = GroupView(self)
        self.group_machine = AllGroupsMachine(self.settings, self.group_metadata_exists, view)
        self.shares = Shares(self)
        self._producer_ids = (0, 0)
        self.transactions = Transactions(self, TRANSACTIONS_TOPIC, java_hash)

    def _make_guard(self) -> Guard | None:
        if not self.settings.string("authorizer.class.name"):
            return None
        # Only now: its table of rules names half of the messages, and most brokers have no authoriser.
        from neuraxis.broker.authorisation.guard import make_guard

        return make_guard(self.settings, self.audit)

    # ---- start -------------------------------------------------------------------------------------------------

    def open(self, now: Now) -> None:
        """Load the catalogue, bring the logs in line with it and load the coordinators. The store has recovered."""
        log = self.store.logs.get((CATALOGUE_ID, 0))
        if log is None:
            settings = BrokerSettings({}, {}).topic_config({"flush.messages": "1", "retention.ms": "-1"}).log
            log = self.store.create_log(CATALOGUE_TOPIC, CATALOGUE_ID, 0, settings, now)
        partition = Partition(log, self.writes)
        self.partitions[CATALOGUE_ID, 0] = partition
        self.catalogue = Shard(self.catalogue_machine, partition, self.store)
        self.catalogue.load(now)
        self.refresh_settings()
        self.refresh_rules()
        self.refresh_quotas()
        known, found = {CATALOGUE_ID}, set(self.store.logs)
        for fact in list(self.catalogue.state.topics.values()):
            known.add(fact.topic_id)
            self.reconcile(fact.name, now)
        if self.recovery is not None:
            anew = [log for key, log in self.store.logs.items() if key not in found]
            deferral.begin_anew(self.store, anew, self.recovery, now)
        for (topic_id, _), stray in list(self.store.logs.items()):
            if topic_id not in known:
                self.store.set_aside(stray)
        self._restore_log_starts(now)
        self._load_groups(now)
        self.shares.start(now)
        self.transactions.start(now)
        self._add_first_users(now)
        if self.recovery is not None and self.recovery.restored:
            self._leave_the_backup(now)
        self.logins.start(now)
        self.started = True

    def _leave_the_backup(self, now: Now) -> None:
        """From a backup: producer ids that were handed out after it are not handed out again."""
        self.change_catalogue(ReserveProducerIds(RESTORED_BLOCKS), None, now)
        store = self.store
        store.sync_logs(
            list(store.logs.values()), lambda _: store.start("remove", [Remove(RESTORED), SyncDir("")]), now
        )

    def _add_first_users(self, now: Now) -> None:
        """Users a broker is started with come to be once; what was changed of them since stays, if not told otherwise."""
        known = (
            set()
            if self.config.renew_first_users
            else {user for user, _ in self.catalogue.state.cluster.scram}
        )
        facts = tuple(fact for fact in self.config.first_users if fact.user not in known)
        if facts:
            self.change_catalogue(ChangeCluster(facts), None, now)

    def _restore_log_starts(self, now: Now) -> None:
        """Delete again what was deleted on request; what an unsynced log lost is no longer waited for."""
        for (topic_id, index), offset in list(self.catalogue.state.log_starts.items()):
            found = self.partitions.get((topic_id, index))
            if found is None:
                continue
            log = found.log
            if offset > log.log_end_offset:
                offset = log.log_end_offset
                self.catalogue.execute(LowerLogStart(topic_id, index, offset), None, now)
            if offset > log.log_start_offset:
                log.advance_start(offset, now)

    def refresh_settings(self) -> None:
        """Take the broker configs kept in the catalogue (cluster-wide and of this node) into force."""
        dynamic = self.catalogue.state.broker_configs(self.node_id)
        self.settings = BrokerSettings(self.config.kafka_overrides(), dynamic)
        for topic in self.topics.values():
            self._configure(topic)
        self.group_machine.configure(self.settings)
        self.connection_limits.configure(self.settings)
        self.configure_internal()

    def refresh_rules(self) -> None:
        """Let the access rules in the catalogue count from now on."""
        if self.guard is not None:
            self.guard.authoriser.load(self.catalogue.state.cluster.acls)

    def refresh_quotas(self) -> None:
        """Let the quotas in the catalogue count from now on, also for who is connected."""
        self.quotas.load(self.catalogue.state.cluster.quotas)
        self.connection_limits.load(self.catalogue.state.cluster.quotas)

    # ---- topics ------------------------------------------------------------------------------------------------

    def reconcile(self, name: str, now: Now) -> Topic | None:
        """Make what is served equal to what the catalogue says of this topic: create, grow, reconfigure or drop it."""
        fact = self.catalogue.state.topics.get(name)
        served = self.topics.get(name)
        if served is not None and (fact is None or fact.topic_id != served.topic_id):
            self._drop(served, now)
            served = None
        if fact is None:
            return None
        if served is None:
            served = Topic(fact, self._topic_config(fact), [])
            self.topics[name] = served
            self.topics_by_id[fact.topic_id] = served
        else:
            served.fact = fact
            self._configure(served)
        for index in range(len(served.partitions), fact.partitions):
            key = (fact.topic_id, index)
            log = self.store.logs.get(key)
            if log is None:
                log = self.store.create_log(name, fact.topic_id, index, served.config.log, now)
            else:
                log.configure(served.config.log)
            partition = Partition(log, self.writes)
            served.partitions.append(partition)
            self.partitions[key] = partition
        if served.config.log.flush_messages == 1:
            self.configure_internal()
        return served

    def _topic_config(self, fact: TopicFact) -> TopicConfig:
        configs = dict(fact.configs)
        if fact.name in INTERNAL_TOPICS and self._somebody_syncs():
            configs["flush.messages"] = "1"
        return self.settings.topic_config(configs)

    def _somebody_syncs(self) -> bool:
        return self.settings.syncs_by_default or any(
            fact.configs.get("flush.messages") == "1" for fact in self.catalogue.state.topics.values()
        )

    def configure_internal(self) -> None:
        """Internal topics are as strong as the strongest topic."""
        for name in sorted(INTERNAL_TOPICS):  # a set of strings has another order in every process
            topic = self.topics.get(name)
            if topic is not None:
                self._configure(topic)

    def _configure(self, topic: Topic) -> None:
        topic.config = self._topic_config(topic.fact)
        for partition in topic.partitions:
            partition.log.configure(topic.config.log)

    def _drop(self, topic: Topic, now: Now) -> None:
        del self.topics[topic.name]
        del self.topics_by_id[topic.topic_id]
        for partition in topic.partitions:
            del self.partitions[topic.topic_id, partition.index]
            self.store.delete_log(partition.log, now)
            partition.wake(now)

    def partition(self, topic: str, index: int) -> Partition | None:
        """The partition by topic name, or None when there is none."""
        found = self.topics.get(topic)
        if found is None or not 0 <= index < len(found.partitions):
            return None
        return found.partitions[index]

    def change_catalogue(
        self, command: Command, call: Call | None, now: Now, names: Iterable[str] = ()
    ) -> None:
        """Run a catalogue command, then bring the named topics in line. Raises `Refused` before anything is written.

        The call waits for the catalogue's ticket, so its answer follows the sync whatever the topic's policy.
        """
        self.catalogue.execute(command, None, now)
        if call is not None:
            call.saw(self.catalogue.ticket)
        for name in names:
            self.reconcile(name, now)

    def listener_of(self, session: Session) -> Listener:
        """The listener a session came in by: its advertised address is what that client is told."""
        for listener in self.config.listeners:
            if listener.name == session.listener:
                return listener
        return self.config.listeners[0]

    def new_uuid(self) -> bytes:
        """A random id, 16 bytes, never one whose text form would begin with a dash (Kafka avoids those too)."""
        while True:
            candidate = self.entropy.token_bytes(16)
            if candidate[0] >> 2 != 62 and candidate > bytes(15) + b"\x01":
                return candidate

    # ---- coordinators ------------------------------------------------------------------------------------------

    def _load_groups(self, now: Now) -> None:
        topic = self.topics.get(OFFSETS_TOPIC)
        if topic is None:
            return
        self.group_shards = []
        for partition in topic.partitions:
            shard: Shard[GroupState, Any] = Shard(  # Any: see above
                self.group_machine, partition, self.store, self.group_agenda
            )
            shard.load(now)
            shard.resume(now)
            self.group_shards.append(shard)

    def group_metadata_exists(self, topic: str, partition: int) -> bool:
        """Whether a partition exists, for commits that name it."""
        return self.partition(topic, partition) is not None

    def group_shard(
        self, group_id: str, now: Now
    ) -> Shard[GroupState, Any]:  # Any: the group machine's facts
        """The shard that coordinates this group; creates the offsets topic at its first use."""
        if not self.group_shards:
            count = self.settings.integer("offsets.topic.num.partitions")
            configs = {
                "cleanup.policy": "compact",
                "compression.type": "producer",
                "segment.bytes": str(self.settings.integer("offsets.topic.segment.bytes")),
            }
            command = CreateTopic(OFFSETS_TOPIC, self.new_uuid(), count, configs, 1)
            self.change_catalogue(command, None, now, [OFFSETS_TOPIC])
            self._load_groups(now)
        return self.group_shards[java_hash(group_id) % len(self.group_shards)]

    def forget_topic_offsets(self, topic: str, call: Call) -> None:
        """A topic is deleted: what groups committed of it goes with it."""
        for shard in self.group_shards:
            pending = tuple(
                (fact.group_id, fact.partition)
                for fact in shard.pending()
                if isinstance(fact, OffsetFact) and fact.topic == topic
            )
            shard.execute(ForgetTopic(topic, pending), None, call.now)
            call.saw(shard.ticket)
        self.shares.forget_topics(call, call.now)

    def next_producer_id(self, call: Call, now: Now) -> int:
        """A producer id never handed out before: blocks of 1,000 are reserved in the catalogue, synced before use."""
        following, end = self._producer_ids
        if following == end:
            self.change_catalogue(ReserveProducerIds(), None, now)
            end = self.catalogue.state.next_producer_id
            following = end - PRODUCER_ID_BLOCK
        self._producer_ids = (following + 1, end)
        call.saw(self.catalogue.ticket)
        return following


def java_hash(text: str) -> int:
    """Kafka's choice of a coordinator partition: Java's String.hashCode with the sign bit cleared."""
    value = 0
    data = text.encode("utf-16-be", "surrogatepass")
    for position in range(0, len(data), 2):
        value = (31 * value + (data[position] << 8 | data[position + 1])) & 0xFFFFFFFF
    return value & 0x7FFFFFFF
