from __future__ import annotations

import pytest

from neuraxis.broker import connection_limits
from neuraxis.broker.config_table import BrokerSettings
from neuraxis.broker.connection_limits import ConnectionLimits

HERE, THERE = "10.0.0.7", "10.0.0.8"


def limits_of(own: dict[str, str] | None = None, **configs: str) -> ConnectionLimits:
    named = {name.replace("_", "."): value for name, value in configs.items()}
    return ConnectionLimits(BrokerSettings(named, {}), own or {})


def test_by_default_everybody_may_come() -> None:
    limits = limits_of()
    for number in range(1000):
        assert limits.may_accept("A", number)
        assert limits.enter("A", HERE, 0) is None


def test_a_full_broker_takes_nobody_until_somebody_goes() -> None:
    limits = limits_of(max_connections="2")
    limits.enter("A", HERE, 0)
    assert limits.may_accept("B", 0)
    limits.enter("B", THERE, 0)
    assert not limits.may_accept("A", 0)
    limits.leave("B", THERE)
    assert limits.may_accept("A", 0)


def test_a_listener_has_its_own_number() -> None:
    limits = limits_of({"listener.name.inside.max.connections": "1"})
    limits.enter("INSIDE", HERE, 0)
    assert not limits.may_accept("INSIDE", 0)
    assert limits.may_accept("OUTSIDE", 0)


def test_an_address_with_too_many_is_sent_away_and_others_are_not() -> None:
    limits = limits_of(max_connections_per_ip="2", max_connections_per_ip_overrides="10.0.0.8:1, [::1]:0")
    assert limits.enter("A", HERE, 0) is None
    assert limits.enter("A", HERE, 0) is None
    refusal = limits.enter("A", HERE, 0)
    assert refusal is not None
    assert "max.connections.per.ip" in refusal.reason
    assert refusal.hold_ms == 0
    assert limits.enter("A", THERE, 0) is None
    assert limits.enter("A", THERE, 0) is not None
    assert limits.enter("A", "::1", 0) is not None
    limits.leave("A", HERE)
    assert limits.enter("A", HERE, 0) is None


def test_connections_that_come_too_fast_wait_for_a_window_at_most() -> None:
    limits = limits_of(max_connection_creation_rate="1")
    for _ in range(10):
        assert limits.may_accept("A", 0)
        limits.enter("A", HERE, 0)
    assert limits.may_accept("A", 0), "ten in ten windows is one a second"
    limits.enter("A", HERE, 0)
    assert not limits.may_accept("A", 999)
    assert limits.may_accept("A", 1000)


def test_a_listener_has_its_own_rate() -> None:
    limits = limits_of({"listener.name.inside.max.connection.creation.rate": "1"})
    for _ in range(11):
        limits.enter("INSIDE", HERE, 0)
        limits.enter("OUTSIDE", HERE, 0)
    assert not limits.may_accept("INSIDE", 0)
    assert limits.may_accept("OUTSIDE", 0)


def test_an_address_above_its_quota_is_held_and_does_not_count() -> None:
    limits = limits_of()
    limits.load(
        {
            (("ip", HERE),): {"connection_creation_rate": 1.0},
            (("ip", None),): {"connection_creation_rate": 2.0},
        }
    )
    assert [limits.enter("A", HERE, 0) is None for _ in range(12)] == [True] * 10 + [False] * 2
    assert [limits.enter("A", THERE, 0) is None for _ in range(22)] == [True] * 20 + [False] * 2
    refusal = limits.enter("A", HERE, 0)
    assert refusal is not None
    assert refusal.hold_ms == 1000
    limits.load({})
    assert limits.enter("A", HERE, 0) is None


def test_addresses_that_do_not_come_back_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limits, "MAX_ADDRESSES", 1)
    limits = limits_of()
    limits.load({(("ip", None),): {"connection_creation_rate": 1.0}})
    for _ in range(10):
        limits.enter("A", HERE, 0)
    limits.enter("A", THERE, 0)
    assert limits.enter("A", HERE, 0) is None


def test_changed_configs_count_at_once() -> None:
    limits = limits_of()
    limits.enter("A", HERE, 0)
    limits.configure(BrokerSettings({}, {"max.connections": "1"}))
    assert not limits.may_accept("A", 0)
