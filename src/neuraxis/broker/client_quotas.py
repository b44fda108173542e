"""The quotas of users and client ids in force: which of them counts for a client, and what the client has used of it.

Rule of the file: who has no quota of a kind is not counted in that kind. Time is an argument.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.quotas import CLIENT_ID, IP, USER
from neuraxis.broker.rates import TokenBucket, WindowedRate, Windows
from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from neuraxis.broker.config_table import BrokerSettings
    from neuraxis.broker.coordinators.topics.cluster_facts import Entity
    from neuraxis.broker.session import Session

PRODUCE, FETCH = "producer_byte_rate", "consumer_byte_rate"
REQUEST, MUTATION = "request_percentage", "controller_mutation_rate"

MAX_COUNTED = 10_000
"""Clients counted at once and kind, about a kilobyte each. Whoever was silent longest is forgotten, and so forgiven."""

RESTED = 10
"""Who has had less than this part of what the windows hold counts as rested: other connections may fetch a little."""

NANOS_PER_PERCENT = 10_000_000
"""A percentage is of one second of the loop's thread, as Kafka's is of one of its threads."""

ALL = ""
"""Where a user or a client id stands: a quota that does not look at it. Real names are never empty."""

Parts = tuple[str | None, str | None]
"""User and client id of a quota or of a count: a name, None for the default, or `ALL`."""


class ClientQuotas:
    """Limits by entity, and rates by client. `on`: there is a quota; `measures`: requests are to be timed."""

    def __init__(self, settings: BrokerSettings) -> None:
        self.on = False
        self.measures = False
        self._windows = _windows(settings, "quota")
        self._mutation_windows = _windows(settings, "controller.quota")
        self._limits: dict[str, dict[Parts, float]] = {}
        self._rates: dict[tuple[str, Parts], WindowedRate] = {}
        self._buckets: dict[Parts, TokenBucket] = {}

    def load(self, quotas: Mapping[Entity, Mapping[str, float]]) -> None:
        """Take these quotas into force. What clients have used stays counted."""
        limits: dict[str, dict[Parts, float]] = {}
        for entity, values in quotas.items():
            parts = dict(entity)
            if IP in parts:
                continue
            for kind, value in values.items():
                limits.setdefault(kind, {})[parts.get(USER, ALL), parts.get(CLIENT_ID, ALL)] = value
        self._limits = limits
        self.on = bool(limits)
        self.measures = REQUEST in limits

    def limit(self, kind: str, user: str, client_id: str) -> tuple[Parts, float] | None:
        """The quota of the kind that counts for this client, and under what it is counted."""
        limits = self._limits.get(kind)
        if limits is None:
            return None
        for asked, counted in _levels(user, client_id):
            found = limits.get(asked)
            if found is not None:
                return counted, found
        return None

    # ---- bytes -------------------------------------------------------------------------------------------------

    def produced(self, session: Session, size: int, now_ms: int) -> int:
        """Count a produce request of so many bytes; how long the client is to be muted."""
        found = self._find(PRODUCE, session)
        if found is None:
            return 0
        rate, limit = found
        rate.record(size, now_ms)
        return rate.throttle_ms(limit, now_ms)

    def fetched(self, session: Session, size: int, now_ms: int) -> tuple[int, bool]:
        """Count an answer of so many bytes: how long the client is to be muted, and whether the answer may leave.

        An answer above the quota stays here, uncounted, and is asked for again; but the first in a while leaves even if it
        alone is above: it would be so for ever, and the client would never get past a large batch.
        """
        request_ms = self.request_throttle_ms(session, now_ms)
        found = self._find(FETCH, session)
        if found is None:
            return request_ms, request_ms == 0
        rate, limit = found
        most = limit * (self._windows.number - 1) * self._windows.size_ms / 1000
        rested = rate.total(now_ms) <= most / RESTED
        rate.record(size, now_ms)
        throttle_ms = rate.throttle_ms(limit, now_ms)
        leaves = request_ms == 0 and (throttle_ms == 0 or rested)
        if not leaves:
            rate.record(-size, now_ms)
        return max(throttle_ms, request_ms), leaves

    def counts_fetches(self, session: Session) -> bool:
        """Whether the size of what the client fetches matters."""
        return self.limit(FETCH, *_who(session)) is not None

    def delivered(self, session: Session, size: int, now_ms: int) -> int:
        """Count so many bytes of records that leave in any case: a share group has acquired them for this client."""
        found = self._find(FETCH, session)
        if found is None:
            return 0
        rate, limit = found
        rate.record(size, now_ms)
        return rate.throttle_ms(limit, now_ms)

    def most_fetched(self, session: Session) -> int | None:
        """The bytes that an answer can hold without being above the quota; None without a quota."""
        found = self.limit(FETCH, *_who(session))
        if found is None:
            return None
        return int(found[1] * (self._windows.number - 1) * self._windows.size_ms / 1000)

    # ---- time --------------------------------------------------------------------------------------------------

    def spent(self, session: Session, nanos: int, now_ms: int) -> None:
        """The loop has worked so long for this client; it counts from the client's next answer on."""
        gate = session.gate
        if gate is not None and gate.identity is None:
            return
        found = self._find(REQUEST, session)
        if found is not None:
            found[0].record(nanos / NANOS_PER_PERCENT, now_ms)

    def request_throttle_ms(self, session: Session, now_ms: int) -> int:
        """How long the client is to be muted for the time it took: never longer than a window, as in Kafka."""
        found = self._find(REQUEST, session)
        if found is None:
            return 0
        rate, limit = found
        return min(rate.throttle_ms(limit, now_ms), self._windows.size_ms)

    # ---- changes of topics -------------------------------------------------------------------------------------

    def mutations(self, session: Session, now_ms: int, *, strict: bool) -> Mutations:
        """What a request may create, grow and delete."""
        found = self.limit(MUTATION, *_who(session)) if self.on else None
        if found is None:
            return Mutations(None, 0, now_ms, strict=strict)
        counted, limit = found
        bucket = self._buckets.pop(counted, None) or TokenBucket(self._mutation_windows)
        self._buckets[counted] = bucket
        if len(self._buckets) > MAX_COUNTED:
            del self._buckets[next(iter(self._buckets))]
        return Mutations(bucket, limit, now_ms, strict=strict)

    # ---- inside ------------------------------------------------------------------------------------------------

    def _find(self, kind: str, session: Session) -> tuple[WindowedRate, float] | None:
        found = self.limit(kind, *_who(session)) if kind in self._limits else None
        if found is None:
            return None
        counted, limit = found
        key = kind, counted
        rate = self._rates.pop(key, None) or WindowedRate(self._windows)
        self._rates[key] = rate  # at the end: the first is the one that was silent longest
        if len(self._rates) > MAX_COUNTED:
            del self._rates[next(iter(self._rates))]
        return rate, limit


class Mutations:
    """The partitions that one request creates and deletes, against the quota; `throttle_ms` is for its answer.

    A strict request is refused (89) as long as the client is in debt; an older one is carried out, and its client muted.
    """

    def __init__(self, bucket: TokenBucket | None, limit: float, now_ms: int, *, strict: bool) -> None:
        self._bucket = bucket
        self._limit = limit
        self._now_ms = now_ms
        self._strict = strict
        self.throttle_ms = 0

    def take(self, partitions: int) -> None:
        """Count so many partitions. Raises `Refused` (89) when they must not be changed now."""
        bucket = self._bucket
        if bucket is None:
            return
        if self._strict:
            self.throttle_ms = bucket.throttle_ms(self._limit, self._now_ms)
            if bucket.tokens(self._limit, self._now_ms) < 0:
                raise Refused(
                    ErrorCode.THROTTLING_QUOTA_EXCEEDED,
                    f"The quota of {self._limit:g} partitions a second is used up; try again in {self.throttle_ms} ms.",
                )
            bucket.take(partitions, self._limit, self._now_ms)
            return
        bucket.take(partitions, self._limit, self._now_ms)
        self.throttle_ms = bucket.throttle_ms(self._limit, self._now_ms)


def _windows(settings: BrokerSettings, prefix: str) -> Windows:
    size_s = settings.integer(f"{prefix}.window.size.seconds")
    return Windows(settings.integer(f"{prefix}.window.num"), 1000 * size_s)


def _who(session: Session) -> tuple[str, str]:
    """User and client id as quotas name them."""
    return session.principal.partition(":")[2], session.client_id or ALL


def _levels(user: str, client_id: str) -> Iterator[tuple[Parts, Parts]]:
    """Where a client's quota may stand, the nearest first, each with what is counted together under it."""
    if client_id == ALL:
        yield (user, ALL), (user, ALL)
        yield (None, ALL), (user, ALL)
        return
    both = user, client_id
    yield both, both
    yield (user, None), both
    yield (user, ALL), (user, ALL)
    yield (None, client_id), both
    yield (None, None), both
    yield (None, ALL), (user, ALL)
    yield (ALL, client_id), (ALL, client_id)
    yield (ALL, None), (ALL, client_id)
