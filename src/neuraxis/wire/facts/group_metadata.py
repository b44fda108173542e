"""Generation, members and assignment of classic groups, in __consumer_offsets."""

from __future__ import annotations

from neuraxis.wire.schema import array_of, bytes_, int32, int64, message, string, struct


@message(key=2, valid="0", kind="coordinator-key")
class GroupMetadataKey:
    group: str = string()


@struct
class MemberMetadata:
    member_id: str = string()
    group_instance_id: str | None = string("3+", nullable="3+", default=None)
    client_id: str = string()
    client_host: str = string()
    rebalance_timeout: int = int32("1+", default=-1)
    session_timeout: int = int32()
    subscription: bytes = bytes_()
    assignment: bytes = bytes_()


@message(key=2, valid="0-4", flexible="4+", kind="coordinator-value")
class GroupMetadataValue:
    protocol_type: str = string()
    generation: int = int32()
    protocol: str | None = string(nullable="0+")
    leader: str | None = string(nullable="0+")
    current_state_timestamp: int = int64("2+", default=-1)
    members: list[MemberMetadata] = array_of(MemberMetadata)
