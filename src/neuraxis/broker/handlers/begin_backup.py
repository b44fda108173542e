"""BeginBackup (key 20001), version 0: every log's files and lengths at one moment, held from now on. Ours alone.

The moment lies between two calls, so the answer is one cut through the whole broker: topics, records, offsets, transactions,
users. It leaves when all of that is as durable as promised. Not advertised in ApiVersions. `neuraxis backup` asks for it.
Missing: copying over the network; whoever asks reads the files of the data directory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.log.inventory import inventory
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.begin_backup import BeginBackupRequest, BeginBackupResponse, HeldLog, HeldSegment

if TYPE_CHECKING:
    from neuraxis.broker.log.log import Log
    from neuraxis.broker.node import Node


@handles(BeginBackupRequest, versions="0", needs="ALTER cluster", advertised=False)
def begin_backup(node: Node, call: Call, request: BeginBackupRequest) -> BeginBackupResponse:
    """Hold the files and say what they are."""
    store = node.store
    if node.config.data_dir is None:
        raise Refused(
            ErrorCode.INVALID_REQUEST, "this broker keeps everything in memory: there are no files to copy"
        )
    if request.hold_ms <= 0:
        raise Refused(ErrorCode.INVALID_REQUEST, "the files must be held for a time (hold_ms)")
    hold_id = int.from_bytes(node.entropy.token_bytes(8), "big") >> 1
    store.holds.open(hold_id, request.hold_ms, call.now)
    call.saw(store.last_ticket)
    return BeginBackupResponse(
        error_message=None,
        hold_id=hold_id,
        time_ms=call.now.wall_ms,
        data_dir=node.config.data_dir,
        cluster_id=store.cluster_id,
        directory_id=store.directory_id,
        node_id=node.node_id,
        journal_position=store.last_ticket,
        unclean_boots=store.checkpointer.state.unclean_boots,
        logs=[_held(log) for log in store.logs.values()],
    )


def _held(log: Log) -> HeldLog:
    files = inventory(log)
    return HeldLog(
        topic=log.topic,
        topic_id=log.topic_id,
        partition=log.partition,
        log_start_offset=log.log_start_offset,
        log_end_offset=log.log_end_offset,
        leader_epoch=log.leader_epoch,
        cleaned_to=log.cleaned_to,
        entry=files.entry,
        producers=files.producers,
        epochs=files.epochs,
        segments=[HeldSegment(*each) for each in files.segments],
    )
