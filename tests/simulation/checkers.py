"""What must be true: after every step, after every restart, and at the end."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.runtime import Shard
from neuraxis.broker.handlers import fetch
from neuraxis.broker.log import reading
from neuraxis.broker.log.scan import headers
from neuraxis.broker.log.settings import Durability
from neuraxis.wire import batch as batches
from neuraxis.wire.errors import ErrorCode
from tests.simulation.sessions import Mirrors
from tests.simulation.sharing import Ledger
from tests.simulation.story import Violation

if TYPE_CHECKING:
    from typing import Any  # Any: coordinators' states and commands

    from neuraxis.broker.core import Core
    from neuraxis.broker.log.log import Log
    from neuraxis.broker.log.store import RecoveryReport
    from neuraxis.broker.partition import Partition
    from neuraxis.broker.work import Now
    from tests.simulation.host import Peer
    from tests.simulation.world import World

DECIDE_SAMPLE = 6  # one decision in so many is proved to have changed nothing: pickling a state is slow
WAITER_SAMPLE = 4
LEARNT_LATE = (ErrorCode.OFFSET_OUT_OF_RANGE, ErrorCode.KAFKA_STORAGE_ERROR)


class Checkers:
    """All of them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rng = world.fork("checkers")
        self.ledger = Ledger(world)
        self.mirrors = Mirrors()
        self.history: list[tuple[int, tuple[bytes, int], int]] = []  # (ticket, log, base offset) of this life
        self.durable_ticket = 0
        self.power_lost = self.cache_lost = False
        self.synced: set[tuple[bytes, int]] = set()  # the logs that were synced as far as recovery knows
        self.recovered: dict[tuple[bytes, int], int] = {}  # where they ended: a start may write more
        self._marks: dict[tuple[bytes, int], tuple[int, int, int]] = {}
        self._facts: dict[str, dict[bytes, bytes | None]] = {}

    # ---- a life ------------------------------------------------------------------------------------------------

    def before_start(self, core: Core) -> None:
        """Listen to the journal of the process that is about to start, and to what its coordinators decide."""
        self._marks = {}
        store_journal = core.store.journal
        append = store_journal.append
        self.next_history: list[tuple[int, tuple[bytes, int], int]] = []
        history = self.next_history

        def noted(kind: int, topic_id: bytes, partition: int, base_offset: int, *rest: Any) -> int:
            ticket = append(kind, topic_id, partition, base_offset, *rest)
            if kind in (1, 2):
                history.append((ticket, (topic_id, partition), base_offset))
            return ticket

        store_journal.append = noted  # type: ignore[method-assign]  # one instance of it
        recover = core.store.recover

        def recovered(now: Now) -> RecoveryReport:
            report = recover(now)
            self.synced = {key for key, log in core.store.logs.items() if log.durability is Durability.SYNC}
            self.recovered = {key: log.log_end_offset for key, log in core.store.logs.items()}
            return report

        core.store.recover = recovered  # type: ignore[method-assign]  # as above
        self._listen(core.node.shares._machine)
        self.mirrors.listen(core)
        self.ledger.listen(core.node.shares._machine)

    def after_start(self) -> None:
        """A process has recovered: hold it to every promise."""
        world, core = self.world, self.world.host.core
        self._check_prefix(core)
        self.history = self.next_history
        self._check_catalogue(core)
        for log in core.store.logs.values():
            # A log beyond its topic's partitions: the failed sync of its making took the catalogue's record, but not the
            # directory. Nothing was promised of it, and the topic takes it over when it grows.
            if log.topic.startswith("__") or (log.topic_id, log.partition) not in core.node.partitions:
                continue
            with world.rot.as_written():
                world.model.verify_log(log, power=self.power_lost)
                self._check_indexes(log)
        self._check_fold(core)
        self._check_commits(core)
        self.power_lost = self.cache_lost = False

    def before_death(self) -> None:
        """The process is about to end."""
        if self.world.host.up:
            self.durable_ticket = self.world.host.core.store.durable_ticket
            self._check_fold(self.world.host.core)

    def after_death(self, *, power: bool) -> None:
        """It ended; perhaps the machine with it."""
        self.power_lost = self.power_lost or power
        self.world.model.process_ended()
        if power:
            self.world.model.power_was_lost()

    def after_stop(self) -> None:
        """A clean stop promises all there was."""
        self._check_fold(self.world.host.core)
        self.durable_ticket = self.world.host.core.store.last_ticket
        self.world.model.process_ended()

    # ---- steps -------------------------------------------------------------------------------------------------

    def before_handle(self, peer: Peer, frame: bytearray) -> None:
        """A call is about to be executed."""
        self.world.last_call = f"{peer.link.client.name} key {frame[:2].hex()} v{frame[2:4].hex()}"

    def after_handle(self, peer: Peer) -> None:
        """A call was executed."""
        session = peer.session
        state = "closing" if session.closing else f"{len(session.pending)} open"
        self.world.tell(f"{self.world.last_call}: {state}")

    def after_step(self) -> None:
        """The core acted."""
        self.mirrors.after_step()
        core = self.world.host.core
        for shard in self._shards(core):
            if "decide" not in shard.machine.__dict__:
                self._listen(shard.machine)
        for key, partition in core.node.partitions.items():
            self._check_marks(key, partition)
        if self.rng.randrange(WAITER_SAMPLE) == 0:
            for partition in core.node.partitions.values():
                if partition.waiting:
                    self._check_waiters(partition)
            self._check_calls(core)
            self.mirrors.check_waiting(core)

    def _check_marks(self, key: tuple[bytes, int], partition: Partition) -> None:
        log = partition.log
        start, high, end = log.log_start_offset, partition.high_watermark, log.log_end_offset
        marks = (start, high, end)
        before = self._marks.get(key)
        if marks == before:
            return
        self._marks[key] = marks
        where = f"{log.topic}-{log.partition}"
        stable = partition.last_stable_offset
        if not start <= end or not stable <= high <= end:
            raise Violation(f"{where}: start {start}, last stable {stable}, high watermark {high}, end {end}")
        if before is not None:
            if start < before[0] or high < before[1] or end < before[2]:
                raise Violation(f"{where}: (start, high watermark, end) went from {before} to {marks}")
            if start > before[0]:
                self._check_start(log, where, start)

    def _check_start(self, log: Log, where: str, start: int) -> None:
        """The start moved: somebody asked for that, or retention may do it."""
        truth = self.world.model.topics.get(log.topic_id)
        if truth is None or truth.partition(log.partition).deletable >= start:
            return
        if not truth.plan.deletes:
            raise Violation(f"{where}: starts at {start}; nobody asked for it")
        settings = log.settings
        by_size = settings.retention_bytes >= 0 and log.size >= settings.retention_bytes
        partition = truth.partition(log.partition)
        self.world.model.clock_moved()
        oldest = self.world.model.highest_wall_ms - settings.retention_ms
        young = [
            offset
            for offset, batch in partition.promised.items()
            if offset + batch.count <= start
            and batch.timestamp_ms >= oldest
            and offset >= partition.deletable
        ]
        if young and not by_size:
            raise Violation(
                f"{where}: retention deleted the batches at {young}, which are neither old nor too many"
            )

    def _check_waiters(self, partition: Partition) -> None:
        """No fetch waits for what is there; one whose records were deleted, or found rotten, learns it at its timeout."""
        for waiter in list(partition.waiting):
            if not isinstance(waiter, fetch._Waiter):
                continue  # a share fetch takes what it finds, and a session's partition is nobody's call
            response = waiter.try_answer(final=False)
            if response is None:
                continue
            answers = [data for topic in response.responses for data in topic.partitions]
            if not any(data.error_code in LEARNT_LATE for data in answers):
                raise Violation(
                    f"a fetch of {waiter.call.session.client_id} waits at {partition.topic}-{partition.index} "
                    "although it could be answered"
                )

    def _check_calls(self, core: Core) -> None:
        """Every open call waits for something that will come."""
        durable = core.store.durable_ticket
        for session in core.node.sessions.values():
            for call in session.pending:
                if call.answered:
                    if call.ticket > durable and not self.world.host.in_flight:
                        raise Violation(
                            f"a reply to {session.client_id} waits for ticket {call.ticket}, nobody syncs"
                        )
                elif not call.holds or (call.abandon is None and not self.world.host.in_flight):
                    raise Violation(f"a call of {session.client_id} (key {call.api_key}) waits for nothing")
            first = session.pending[0] if session.pending else None
            if first is not None and first.answered and first.ticket <= durable:
                raise Violation(
                    f"a reply to {session.client_id} (key {first.api_key}) could leave and does not"
                )

    # ---- coordinators ------------------------------------------------------------------------------------------

    def _shards(self, core: Core) -> list[Shard[Any, Any]]:
        node = core.node
        shares = [] if node.shares._shard is None else [node.shares._shard]
        return [node.catalogue, *node.group_shards, *node.transactions.shards, *shares]

    def _listen(self, machine: Any) -> None:
        """Prove of a sample of decisions that they changed nothing."""
        decide = machine.decide

        def proved(state: Any, command: Any, now: Any) -> Any:
            if self.rng.randrange(DECIDE_SAMPLE):
                return decide(state, command, now)
            before = pickle.dumps(state)
            try:
                return decide(state, command, now)
            finally:
                if pickle.dumps(state) != before:
                    raise Violation(f"decide changed the state on {type(command).__name__}")

        machine.decide = proved

    def _check_fold(self, core: Core) -> None:
        """Hard state is the fold of the records."""
        with self.world.rot.as_written():
            self._check_fold_as_written(core)

    def _check_fold_as_written(self, core: Core) -> None:
        for shard in self._shards(core):
            machine, log = shard.machine, shard.partition.log
            live = self._hard(machine, shard.state)
            again: Shard[Any, Any] = Shard(machine, shard.partition)
            again.load(self.world.host.now)
            folded = self._hard(machine, again.state)
            if folded != live:
                keys = sorted(key for key in {*live, *folded} if live.get(key) != folded.get(key))
                raise Violation(f"{log.topic}: the state is not the fold of its records at {keys[:3]}")

    def _check_commits(self, core: Core) -> None:
        """Every acknowledged commit is there."""
        for group, topic, partition in self.world.model.commits:
            offset = -1
            for shard in core.node.group_shards:
                found = shard.state.groups.get(group)
                position = found.offsets.get(topic, {}).get(partition) if found is not None else None
                offset = position.offset if position is not None else offset
            self.world.model.read_commit(group, topic, partition, offset, self.world.events)

    @staticmethod
    def _hard(machine: Any, state: Any) -> dict[bytes, bytes | None]:
        return dict(machine.encode(fact) for fact in machine.facts(state))

    # ---- restarts ----------------------------------------------------------------------------------------------

    def _check_prefix(self, core: Core) -> None:
        """After a crash the sync logs together are a prefix of the history, and hold all of what was durable."""
        included, excluded = -1, None
        logs = core.store.logs
        for ticket, key, base_offset in self.history:
            log = logs.get(key)
            if log is None or key not in self.synced:
                continue  # deleted, or its creation or its change to sync was beyond the prefix
            if self.recovered[key] > base_offset:
                included = ticket
                if excluded is not None:
                    raise Violation(
                        f"{log.topic}-{log.partition} has offset {base_offset} (ticket {ticket}), but the write with "
                        f"ticket {excluded} is lost: not a prefix of one history"
                    )
            elif excluded is None:
                excluded = ticket
                if ticket <= self.durable_ticket:
                    raise Violation(
                        f"ticket {ticket} ({log.topic}-{log.partition} {base_offset}) was durable and is lost"
                    )
                unfinished = ticket == self.history[-1][0]  # it died between the journal and the segment
                if not self.power_lost and not self.cache_lost and not unfinished:
                    raise Violation(
                        f"ticket {ticket} ({log.topic}-{log.partition} {base_offset}) is lost by a kill"
                    )
        self.included = included

    def _check_catalogue(self, core: Core) -> None:
        for topic_id, truth in self.world.model.topics.items():
            served = core.node.topics_by_id.get(topic_id)
            if truth.gone and (served is not None or any(key[0] == topic_id for key in core.store.logs)):
                raise Violation(f"topic {truth.plan.name} {topic_id.hex()} is back after its deletion")
            if truth.doomed:
                continue
            if served is None:
                raise Violation(f"topic {truth.plan.name} {topic_id.hex()} is lost")
            if len(served.partitions) < len(truth.partitions):
                raise Violation(
                    f"topic {truth.plan.name} has {len(served.partitions)} of {len(truth.partitions)} partitions"
                )
            for partition in served.partitions:
                weak = partition.log.durability is not Durability.SYNC
                if truth.sync and weak:
                    raise Violation(f"{truth.plan.name}-{partition.index} is not synced although it must be")

    def _check_indexes(self, log: Log) -> None:
        """Indexes equal a full scan."""
        where = f"{log.topic}-{log.partition}"
        newest: list[tuple[int, batches.BatchHeader]] = []
        for segment in log.segments:
            for position, header in headers(log.fs, segment.file, 0, segment.size):
                newest.append((header.max_timestamp, header))
                for offset in (header.base_offset, header.last_offset):
                    found = reading.locate(log, segment, offset)
                    if found != position:
                        raise Violation(f"{where}: offset {offset} is at {position}, the index says {found}")
        kept = [each for each in newest if each[1].last_offset >= log.log_start_offset]
        for timestamp, _ in kept[:: max(1, len(kept) // 4)]:
            expected = next((header for most, header in kept if most >= timestamp), None)
            found_time = log.offset_for_timestamp(timestamp)
            assert expected is not None
            if found_time is None or not expected.base_offset <= found_time[1] <= expected.last_offset:
                raise Violation(
                    f"{where}: timestamp {timestamp} is in the batch at {expected.base_offset}, found was {found_time}"
                )

    # ---- the end -----------------------------------------------------------------------------------------------

    def at_end(self) -> None:
        """Everything was healed and had its time."""
        world = self.world
        if not world.host.up:
            raise Violation("the broker is not up at the end")
        for actor in world.actors:
            if not actor.content():
                raise Violation(f"{actor.name} never got what it waits for: {actor.complaint()}")
        core = world.host.core
        self._check_fold(core)
        self._check_catalogue(core)
        for log in core.store.logs.values():
            if not log.topic.startswith("__"):
                with world.rot.as_written():
                    world.model.verify_log(log, power=False)
                    self._check_indexes(log)
        world.rot.at_end()
