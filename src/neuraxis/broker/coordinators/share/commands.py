"""The commands of share partitions. `token` names the call to be answered; 0 is nobody's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.share.facts import ShareKey


class AcquireMode(IntEnum):
    """How strictly max_records is meant: whole batches may exceed it, or nothing may."""

    BATCH_OPTIMIZED = 0
    RECORD_LIMIT = 1


class AckType(IntEnum):
    """What a member says of a record. GAP: there is none at this offset."""

    GAP = 0
    ACCEPT = 1
    RELEASE = 2
    REJECT = 3
    RENEW = 4


class Ack(NamedTuple):
    """Offsets `first` to `last`, with one type for all of them or one for each."""

    first: int
    last: int
    types: tuple[int, ...]


class Acquired(NamedTuple):
    """Records that a member was given, and how often they were delivered by now."""

    first: int
    last: int
    deliveries: int


@dataclass(frozen=True, slots=True)
class Begin:
    """A share partition that nobody has read begins at this offset; one that has a beginning keeps it."""

    key: ShareKey
    start_offset: int
    leader_epoch: int
    token: int = 0


@dataclass(frozen=True, slots=True)
class Advance:
    """The log begins at this offset now: what lies before is gone."""

    key: ShareKey
    start_offset: int
    token: int = 0


@dataclass(frozen=True, slots=True)
class Acquire:
    """Give a member what is available among the records of these batches (first and last offset each, ascending).

    `aborted` are batches of aborted transactions: they are archived instead. The body of the answer: `Acquired` each.
    """

    key: ShareKey
    member_id: str
    batches: tuple[tuple[int, int], ...]
    max_records: int
    batch_size: int
    mode: AcquireMode = AcquireMode.BATCH_OPTIMIZED
    aborted: tuple[tuple[int, int], ...] = ()
    token: int = 0


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """A member says what became of records. All or nothing: refused with 42 or 121."""

    key: ShareKey
    member_id: str
    acks: tuple[Ack, ...]
    token: int = 0


@dataclass(frozen=True, slots=True)
class Release:
    """A member is gone: what it had acquired in these share partitions is available again."""

    keys: tuple[ShareKey, ...]
    member_id: str
    token: int = 0


@dataclass(frozen=True, slots=True)
class Initialise:
    """An administrator says where share partitions begin: (key, start offset, leader epoch). What was known is gone."""

    starts: tuple[tuple[ShareKey, int, int], ...]
    token: int = 0


@dataclass(frozen=True, slots=True)
class Forget:
    """These share partitions are no more."""

    keys: tuple[ShareKey, ...]
    token: int = 0


@dataclass(frozen=True, slots=True)
class Cut:
    """A power cut took the end of logs: (key, the first offset that is gone, the leader epoch that begins there).

    What was known of offsets from there on was about other records than those that will be there.
    """

    ends: tuple[tuple[ShareKey, int, int], ...]
    token: int = 0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Write snapshots of these share partitions: the log before them is not needed any more."""

    keys: tuple[ShareKey, ...]
    token: int = 0


Command = Begin | Advance | Acquire | Acknowledge | Release | Initialise | Forget | Cut | Checkpoint
