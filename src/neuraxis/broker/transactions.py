"""Carries out what the transaction coordinator decides: markers into partitions, syncs in between, what a start has to finish.

Rule of the file: a transaction's data is durable before its end is decided for good (Prepare), Prepare before any marker, every
marker before Complete, Complete before the next transaction (a start that finds Prepare alone ends what is open). Where logs
share the journal, its one order gives that for nothing, and all happens in one step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neuraxis.broker.call import PARKED
from neuraxis.broker.coordinators.agenda import Agenda
from neuraxis.broker.coordinators.runtime import Shard
from neuraxis.broker.coordinators.topics.machine import CreateTopic
from neuraxis.broker.coordinators.transaction import partitions as rules
from neuraxis.broker.coordinators.transaction.commands import AddPartitions, Complete, Fence, Prepare
from neuraxis.broker.coordinators.transaction.facts import Phase
from neuraxis.broker.coordinators.transaction.machine import TransactionMachine
from neuraxis.broker.log.settings import Durability
from neuraxis.wire.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from neuraxis.broker.call import Call, Handled
    from neuraxis.broker.coordinators.transaction.facts import Metadata
    from neuraxis.broker.coordinators.transaction.facts import Partition as Named
    from neuraxis.broker.coordinators.transaction.machine import TransactionState
    from neuraxis.broker.log.log import Log
    from neuraxis.broker.node import Node
    from neuraxis.broker.partition import Partition
    from neuraxis.broker.work import Now

    TransactionShard = Shard[TransactionState, Any]  # Any: the transaction machine's facts

CONFIGS = {"cleanup.policy": "compact", "compression.type": "uncompressed"}
"""Configs of the coordinator's topic; its segment size is a broker config."""


class Transactions:
    """The transaction coordinators of this node, and everything they ask to be done."""

    def __init__(self, node: Node, topic: str, shard_of: Callable[[str], int]) -> None:
        """`topic` is where the coordinators live; `shard_of` gives Kafka's hash of a transactional id."""
        self.node = node
        self.topic = topic
        self.shards: list[TransactionShard] = []
        self._agenda = Agenda()
        self._hash = shard_of
        self._busy: set[str] = set()  # transactions whose end is under way, waiting for a sync perhaps

    # ---- start and time ----------------------------------------------------------------------------------------

    def start(self, now: Now) -> None:
        """Load the coordinators; finish every decided end, abort what nobody will end. Groups are loaded before."""
        self._load(now)
        self._fence_what_lost_records(now)
        self._abort_what_nobody_knows(now)
        self.drive_all(now)

    def tick(self, now: Now) -> None:
        """Let time act: transactions that are open for too long are aborted."""
        for shard in self._agenda.due(now):
            shard.tick(now)
            self._drive_shard(shard, now)

    def deadline(self) -> int | None:
        """The `mono_ms` at which `tick` could matter."""
        return self._agenda.next_deadline()

    def _load(self, now: Now) -> None:
        topic = self.node.topics.get(self.topic)
        if topic is None:
            return
        for partition in topic.partitions:
            shard: TransactionShard = Shard(
                TransactionMachine(self.node.settings), partition, self.node.store, self._agenda
            )
            shard.load(now)
            shard.resume(now)
            self.shards.append(shard)

    def _fence_what_lost_records(self, now: Now) -> None:
        """After a power cut, records of an open transaction may be gone that its producer believes to be there.

        So that it cannot commit the rest, its epoch ends. If the coordinator itself may have lost something, a transaction
        may have been open of which it knows nothing: then this goes for every producer.
        """
        recovery = self.node.recovery
        lossy = recovery.lossy if recovery is not None else set()
        for shard in self.shards if lossy else ():
            partition = shard.partition
            everyone = (partition.topic_id, partition.index) in lossy
            for name, known in list(shard.state.transactions.items()):
                found = [self.node.partition(*each) for each in known.partitions]
                lost = any(each is not None and (each.topic_id, each.index) in lossy for each in found)
                if everyone or (known.phase is Phase.ONGOING and lost):
                    shard.execute(Fence(name, ongoing_only=not everyone), None, now)

    def _abort_what_nobody_knows(self, now: Now) -> None:
        """Transactions open in a partition, of which the coordinator does not know that they are."""
        for partition in list(self.node.partitions.values()):
            for producer_id in list(partition.log.producers.ongoing):
                if not self._is_known(producer_id, (partition.topic, partition.index)):
                    epoch = partition.log.producers.by_id[producer_id].epoch
                    self._write_marker(
                        partition, producer_id, epoch, commit=False, coordinator_epoch=0, now=now
                    )

    def _is_known(self, producer_id: int, partition: Named) -> bool:
        for shard in self.shards:
            name = shard.state.owners.get(producer_id)
            if name is not None:
                return partition in shard.state.transactions[name].partitions
        return False

    # ---- what handlers ask -------------------------------------------------------------------------------------

    def shard(self, transactional_id: str, now: Now) -> TransactionShard:
        """The shard that coordinates this id; creates the coordinator's topic at its first use."""
        if not self.shards:
            settings = self.node.settings
            count = settings.integer("transaction.state.log.num.partitions")
            size = settings.integer("transaction.state.log.segment.bytes")
            configs = {**CONFIGS, "segment.bytes": str(size)}
            command = CreateTopic(self.topic, self.node.new_uuid(), count, configs, 1)
            self.node.change_catalogue(command, None, now, [self.topic])
            self._load(now)
        return self.shards[self._hash(transactional_id) % len(self.shards)]

    def known_shard(self, transactional_id: str) -> TransactionShard | None:
        """The shard that coordinates this id, if any id was ever coordinated here."""
        return self.shards[self._hash(transactional_id) % len(self.shards)] if self.shards else None

    def add(
        self,
        call: Call,
        transactional_id: str,
        producer: tuple[int, int],
        partitions: Iterable[Named],
        client_version: int,
        connection: int | None = None,
    ) -> ErrorCode:
        """Let partitions join the producer's transaction (id and epoch). Raises `StaleConnection`."""
        shard = self.known_shard(transactional_id)
        if not transactional_id or shard is None:
            return ErrorCode.INVALID_PRODUCER_ID_MAPPING if transactional_id else ErrorCode.INVALID_REQUEST
        command = AddPartitions(
            call.token, transactional_id, *producer, tuple(partitions), client_version, connection
        )
        code: ErrorCode = shard.execute(command, call, call.now)
        return code

    def verify(
        self, call: Call, transactional_id: str, producer: tuple[int, int], partition: Named
    ) -> ErrorCode:
        """Whether the partition has joined the producer's transaction; 120 if it has not."""
        shard = self.known_shard(transactional_id)
        if shard is None:
            return ErrorCode.INVALID_PRODUCER_ID_MAPPING if transactional_id else ErrorCode.INVALID_REQUEST
        return rules.verify(shard.read(call), transactional_id, *producer, partition)

    def end(
        self,
        partition: Partition,
        producer: tuple[int, int],
        *,
        commit: bool,
        coordinator_epoch: int,
        must_rise: bool,
        now: Now,
    ) -> None:
        """Write one marker for somebody else than the coordinator. Raises `Refused` if it comes too late."""
        partition.log.producers.check_marker(*producer, coordinator_epoch, must_rise=must_rise)
        self._write_marker(partition, *producer, commit=commit, coordinator_epoch=coordinator_epoch, now=now)

    def when_durable(
        self,
        shard: TransactionShard,
        call: Call,
        response: Any,  # Any: the call's response
    ) -> Handled:
        """Answer when all that the shard wrote is on disk, whatever the durability policy."""
        log = shard.partition.log
        if log.durability is Durability.SYNC or self.node.store.options.ephemeral:
            return response
        self.node.store.sync_logs([log], lambda now: call.answer(response), call.now)
        return PARKED

    # ---- ending a transaction ----------------------------------------------------------------------------------

    def drive_all(self, now: Now) -> None:
        """Go on with every transaction whose end has begun."""
        for shard in self.shards:
            self._drive_shard(shard, now)

    def _drive_shard(self, shard: TransactionShard, now: Now) -> None:
        for name in list(shard.state.endings):
            self.drive(shard, name, now)

    def drive(self, shard: TransactionShard, transactional_id: str, now: Now) -> None:
        """Go on with this transaction, if its end has begun and is not under way."""
        ending = shard.state.endings.get(transactional_id)
        if ending is None or transactional_id in self._busy:
            return
        self._busy.add(transactional_id)
        _End(self, shard, transactional_id, ending.prepared).go(now)

    def logs_of(self, metadata: Metadata) -> list[Log]:
        """The logs of a transaction's partitions, but for those whose topic is gone."""
        found = (self.node.partition(*each) for each in metadata.partitions)
        return [partition.log for partition in found if partition is not None]

    def write_markers(self, metadata: Metadata, coordinator_epoch: int, now: Now) -> None:
        """End the transaction in each of its partitions; partitions of deleted topics need no end."""
        commit = metadata.phase is Phase.PREPARE_COMMIT
        for each in metadata.partitions:
            partition = self.node.partition(*each)
            if partition is not None:
                self._write_marker(
                    partition,
                    metadata.producer_id,
                    metadata.producer_epoch,
                    commit=commit,
                    coordinator_epoch=coordinator_epoch,
                    now=now,
                )

    def is_over(self, transactional_id: str) -> None:
        """The end of this transaction is complete."""
        self._busy.discard(transactional_id)

    def _write_marker(
        self,
        partition: Partition,
        producer_id: int,
        epoch: int,
        *,
        commit: bool,
        coordinator_epoch: int,
        now: Now,
    ) -> None:
        where: Partition | Shard[Any, Any] = partition  # Any: the group machine's state and facts
        for shard in self.node.group_shards:
            if shard.partition is partition:
                where = shard  # positions that the transaction commits become visible with the marker
        where.end_transaction(producer_id, epoch, commit=commit, coordinator_epoch=coordinator_epoch, now=now)


class _End:
    """The end of one transaction, step by step."""

    def __init__(
        self, transactions: Transactions, shard: TransactionShard, name: str, prepared: Metadata
    ) -> None:
        self.transactions = transactions
        self.shard = shard
        self.name = name
        self.store = transactions.node.store
        self.logs = transactions.logs_of(prepared)
        self.commit = prepared.phase is Phase.PREPARE_COMMIT
        involved = [*self.logs, shard.partition.log]
        self.in_order = self.store.options.ephemeral or all(
            log.durability is Durability.SYNC for log in involved
        )

    def go(self, now: Now) -> None:
        """Begin, or go on after a start if the end was decided before it (what a start found is durable)."""
        if self.shard.state.transactions[self.name].phase.is_prepared:
            self.mark(now)
        else:
            data = [*self.logs, self.shard.partition.log] if self.commit else []
            self._after_sync(data, self.prepare, now)

    def prepare(self, now: Now) -> None:
        self.shard.execute(Prepare(self.name), None, now)
        self._after_sync([self.shard.partition.log], self.mark, now)

    def mark(self, now: Now) -> None:
        metadata = self.shard.state.transactions[self.name]
        self.transactions.write_markers(metadata, self.shard.partition.leader_epoch, now)
        self._after_sync(self.logs, self.complete, now)

    def complete(self, now: Now) -> None:
        self.transactions.is_over(self.name)
        reply = self.shard.state.endings[self.name].reply
        self.shard.execute(Complete(self.name), None, now)
        if reply is not None:
            self._after_sync([self.shard.partition.log], lambda later: self.shard.answer(*reply), now)

    def _after_sync(self, logs: list[Log], step: Callable[[Now], None], now: Now) -> None:
        if self.in_order or not logs:
            step(now)
        else:
            self.store.sync_logs(logs, step, now)
