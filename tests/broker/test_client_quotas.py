"""Which quota counts for a client, and what happens to those who never come back."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from neuraxis.broker import client_quotas
from neuraxis.broker.client_quotas import ALL, FETCH, MUTATION, PRODUCE, ClientQuotas
from neuraxis.broker.config_table import BrokerSettings
from neuraxis.broker.session import Session
from neuraxis.wire.errors import ErrorCode, Refused

NEAREST_FIRST = [
    ({"user": "ann", "client-id": "app"}, ("ann", "app")),
    ({"user": "ann", "client-id": None}, ("ann", "app")),
    ({"user": "ann"}, ("ann", ALL)),
    ({"user": None, "client-id": "app"}, ("ann", "app")),
    ({"user": None, "client-id": None}, ("ann", "app")),
    ({"user": None}, ("ann", ALL)),
    ({"client-id": "app"}, (ALL, "app")),
    ({"client-id": None}, (ALL, "app")),
]
"""Kafka's eight places, and under what a client is counted there."""


def quotas_of(*entities: tuple[dict[str, Any], dict[str, float]]) -> ClientQuotas:
    quotas = ClientQuotas(BrokerSettings({}, {}))
    quotas.load({tuple(sorted(entity.items())): values for entity, values in entities})
    return quotas


def session(user: str = "ann", client_id: str | None = "app") -> Session:
    made = Session(1, "PLAINTEXT", "10.0.0.7", 50_000, f"User:{user}")
    made.client_id = client_id
    return made


def test_the_nearest_quota_counts_in_kafkas_order() -> None:
    for present in itertools.product([False, True], repeat=8):
        there = [(*row, float(number + 1)) for number, row in enumerate(NEAREST_FIRST) if present[number]]
        random.Random(1).shuffle(there)
        quotas = quotas_of(*[(entity, {PRODUCE: limit}) for entity, _, limit in there])
        first = min(there, key=lambda one: one[2], default=None)
        assert quotas.limit(PRODUCE, "ann", "app") == (None if first is None else (first[1], first[2]))


def test_a_client_without_an_id_has_the_quotas_of_its_user_alone() -> None:
    every = [(entity, {PRODUCE: float(number + 1)}) for number, (entity, _) in enumerate(NEAREST_FIRST)]
    assert quotas_of(*every).limit(PRODUCE, "ann", ALL) == (("ann", ALL), 3.0)
    assert quotas_of(*every[3:]).limit(PRODUCE, "ann", ALL) == (("ann", ALL), 6.0)
    assert quotas_of(*every[6:]).limit(PRODUCE, "ann", ALL) is None


def test_each_kind_is_looked_up_by_itself() -> None:
    quotas = quotas_of(({"user": "ann"}, {PRODUCE: 1.0}), ({"client-id": "app"}, {FETCH: 2.0, PRODUCE: 3.0}))
    assert quotas.limit(PRODUCE, "ann", "app") == (("ann", ALL), 1.0)
    assert quotas.limit(FETCH, "ann", "app") == ((ALL, "app"), 2.0)
    assert quotas.limit(MUTATION, "ann", "app") is None


def test_quotas_of_addresses_are_not_of_clients() -> None:
    assert not quotas_of(({"ip": "10.0.0.7"}, {"connection_creation_rate": 1.0})).on


def test_what_was_used_stays_counted_when_a_quota_changes() -> None:
    quotas = quotas_of(({"user": "ann"}, {PRODUCE: 1000.0}))
    assert quotas.produced(session(), 9_000, 5) == 0
    quotas.load({(("user", "ann"),): {PRODUCE: 500.0}})
    assert quotas.produced(session(), 0, 5) == 8000


def test_who_was_silent_longest_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_quotas, "MAX_COUNTED", 2)
    quotas = quotas_of(({"client-id": None}, {PRODUCE: 1.0, MUTATION: 1.0}))
    for name in ("a", "b", "a", "c"):
        quotas.produced(session(client_id=name), 100, 0)
        quotas.mutations(session(client_id=name), 0, strict=False).take(100)
    assert quotas.produced(session(client_id="a"), 0, 0) > 0
    assert quotas.produced(session(client_id="b"), 0, 0) == 0
    late = quotas.mutations(session(client_id="b"), 0, strict=False)
    late.take(0)
    assert late.throttle_ms == 0


def test_the_most_that_is_fetched_is_what_the_windows_hold() -> None:
    quotas = quotas_of(({"user": "ann"}, {FETCH: 1000.0}))
    assert quotas.most_fetched(session()) == 10_000
    assert quotas.most_fetched(session("bob")) is None


def test_who_fetched_a_little_counts_as_rested_and_who_fetched_much_does_not() -> None:
    quotas = quotas_of(({"user": "ann"}, {FETCH: 1000.0}))
    assert quotas.fetched(session(), 900, 0) == (0, True)
    assert quotas.fetched(session(), 20_000, 0) == (10_900, True)
    assert quotas.fetched(session(), 100, 0)[1] is False


def test_what_is_delivered_in_any_case_counts_for_the_next_fetch() -> None:
    quotas = quotas_of(({"user": "ann"}, {FETCH: 1000.0}))
    assert quotas.delivered(session("bob"), 99_000, 0) == 0
    assert quotas.delivered(session(), 12_000, 0) == 2000
    assert quotas.fetched(session(), 100, 0) == (2100, False)


def test_time_before_a_login_is_nobodys() -> None:
    quotas = quotas_of(({"user": "ann"}, {"request_percentage": 1.0}))
    stranger: Any = session()
    stranger.gate = type("Gate", (), {"identity": None})
    quotas.spent(stranger, 10**12, 0)
    assert quotas.request_throttle_ms(session(), 0) == 0


def test_a_strict_request_is_refused_while_there_is_a_debt_and_an_old_one_is_not() -> None:
    quotas = quotas_of(({"user": "ann"}, {MUTATION: 1.0}))
    first = quotas.mutations(session(), 0, strict=True)
    first.take(15)
    assert first.throttle_ms == 0
    second = quotas.mutations(session(), 1000, strict=True)
    with pytest.raises(Refused) as refused:
        second.take(1)
    assert refused.value.code is ErrorCode.THROTTLING_QUOTA_EXCEEDED
    assert second.throttle_ms == 3000
    old = quotas.mutations(session(), 1000, strict=False)
    old.take(1)
    assert old.throttle_ms == 4000
    quotas.mutations(session(), 5000, strict=True).take(1)


def test_without_a_quota_everything_may_change() -> None:
    free = quotas_of().mutations(session(), 0, strict=True)
    free.take(10**9)
    assert free.throttle_ms == 0
