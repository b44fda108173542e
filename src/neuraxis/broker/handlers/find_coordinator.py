"""FindCoordinator (key 10), versions 0-6: always this node.

v1 key types (0 group, 1 transaction; 2 share from v6), v4 several keys. The offsets topic and the
topic of transactions come to be with the first question about a group or a transaction. A share key must read
GROUP:TOPIC-ID:PARTITION.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.find_coordinator import (
    Coordinator,
    FindCoordinatorRequest,
    FindCoordinatorResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node

GROUP, TRANSACTION, SHARE = 0, 1, 2
BATCHED_FROM = 4
SHARE_FROM = 6
SHARE_KEY_PARTS = 3
UUID_BYTES = 16
PARTITION = re.compile("[+-]?[0-9]{1,10}")  # any int32: Kafka asks no more of it here


@handles(FindCoordinatorRequest, versions="0-6", needs="DESCRIBE group or transactional id")
def find_coordinator(node: Node, call: Call, request: FindCoordinatorRequest) -> FindCoordinatorResponse:
    """Say where each key is coordinated."""
    if call.api_version >= BATCHED_FROM:
        return FindCoordinatorResponse(
            coordinators=[_find(node, call, request.key_type, key) for key in request.coordinator_keys]
        )
    found = _find(node, call, request.key_type, request.key)
    return FindCoordinatorResponse(
        error_code=found.error_code,
        error_message=found.error_message or "NONE",
        node_id=found.node_id,
        host=found.host,
        port=found.port,
    )


def _find(node: Node, call: Call, key_type: int, key: str) -> Coordinator:
    problem = _problem(call.api_version, key_type, key)
    if problem:
        return Coordinator(key, -1, "", -1, ErrorCode.INVALID_REQUEST, problem)
    if key_type == GROUP:
        call.saw(node.group_shard(key, call.now).ticket)
    elif key_type == TRANSACTION:
        call.saw(node.transactions.shard(key, call.now).ticket)
    listener = node.listener_of(call.session)
    return Coordinator(key, node.node_id, listener.advertised_host, listener.advertised_port, 0, "")


def _problem(version: int, key_type: int, key: str) -> str:
    if key_type not in (GROUP, TRANSACTION, SHARE):
        return f"Key type {key_type} is unknown: 0 is a group, 1 a transaction, 2 a share partition."
    if key_type != SHARE:
        return ""
    if version < SHARE_FROM:
        return f"Share coordinators are found from version {SHARE_FROM} on."
    return "" if _is_share_key(key) else f"A share key reads GROUP:TOPIC-ID:PARTITION, not {key!r}."


def _is_share_key(key: str) -> bool:
    # The group id may hold colons of its own; topic id and partition cannot.
    parts = key.rsplit(":", SHARE_KEY_PARTS - 1)
    if len(parts) != SHARE_KEY_PARTS or not parts[0]:
        return False
    try:
        topic_id = base64.urlsafe_b64decode(parts[1] + "==")
    except (binascii.Error, ValueError):
        return False
    return len(topic_id) == UUID_BYTES and PARTITION.fullmatch(parts[2]) is not None
