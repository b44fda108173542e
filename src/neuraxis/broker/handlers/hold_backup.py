"""HoldBackup (key 20002), version 0: the files of a backup that goes on stay; with 0 ms they are let go. Ours alone.

91 (RESOURCE_NOT_FOUND) says that the hold has ended: by its time, because the disk is full, or with the broker. What was copied
since may be of several moments. Not advertised in ApiVersions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.hold_backup import HoldBackupRequest, HoldBackupResponse

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(HoldBackupRequest, versions="0", needs="ALTER cluster", advertised=False)
def hold_backup(node: Node, call: Call, request: HoldBackupRequest) -> HoldBackupResponse:
    """Renew a hold, or end it."""
    holds = node.store.holds
    if request.hold_ms > 0:
        known = holds.renew(request.hold_id, request.hold_ms, call.now)
    else:
        known = holds.release(request.hold_id, call.now)
    if not known:
        raise Refused(
            ErrorCode.RESOURCE_NOT_FOUND,
            "the files are not held any more: the backup was silent for too long, the disk is full, or the broker has "
            "started anew",
        )
    return HoldBackupResponse(error_message=None)
