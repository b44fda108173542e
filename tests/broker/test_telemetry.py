from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from neuraxis.broker import telemetry
from neuraxis.broker.session import Session
from neuraxis.broker.telemetry import CLIENT_METRICS, Telemetry, points_of
from neuraxis.broker.work import Now
from neuraxis.wire.errors import Refused

NONE = 0


def call(at_ms: int = 0, **session: Any) -> Any:
    """As much of a call as telemetry looks at."""
    known = {"client_id": "app", "software_name": "app-client", "software_version": "1.2", **session}
    return SimpleNamespace(
        now=Now(at_ms, 1_000_000 + at_ms), session=Session(1, "PLAINTEXT", "10.0.0.7", 5, **known)
    )


def subscribed(**subscriptions: dict[str, str]) -> Telemetry:
    known = Telemetry()
    known.refresh({(CLIENT_METRICS, name): configs for name, configs in subscriptions.items()}, 1)
    return known


def instance_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def wanted(known: Telemetry, **session: Any) -> tuple[str, ...]:
    return known.subscribe(instance_id(1 + len(known.instances)), call(**session), bytes).metrics


def test_a_subscription_is_for_the_clients_that_match_all_of_it() -> None:
    match = {"metrics": "m", "match": "client_software_name=app.*,client_source_address=10\\..*"}
    known = subscribed(one=match)
    assert wanted(known) == ("m",)
    assert wanted(known, software_name="other") == ()
    assert wanted(known, software_name="myapp-client") == (), "a pattern matches the whole"


def test_a_pattern_that_stops_backtracking_engines_costs_nothing() -> None:
    known = subscribed(one={"metrics": "m", "match": f"client_id={'(a*)*' * 30}b"})
    assert wanted(known, client_id="a" * 200) == ()
    assert wanted(known, client_id="a" * 200 + "b") == ("m",)


def test_a_subscription_that_an_older_release_took_with_a_pattern_we_refuse_is_for_nobody() -> None:
    known = subscribed(one={"metrics": "m", "match": "client_id=(?=a).*"}, two={"metrics": "n"})
    assert wanted(known, client_id="app") == ("n",)


def test_the_shortest_interval_of_all_matching_subscriptions_counts() -> None:
    known = subscribed(
        a={"metrics": "x", "interval.ms": "5000"}, b={"metrics": "y,x", "interval.ms": "200"}, c={}
    )
    instance = known.subscribe(instance_id(1), call(), bytes)
    assert (instance.metrics, instance.interval_ms) == (("x", "y"), 200)


def test_only_changed_subscriptions_make_clients_ask_again() -> None:
    known = subscribed(a={"metrics": "x"})
    before = known.subscribe(instance_id(1), call(), bytes)
    known.refresh({(CLIENT_METRICS, "a"): {"metrics": "x"}, (4, "1"): {"log.retention.ms": "1"}}, 2)
    assert known.version == before.version
    known.refresh({}, 3)
    with pytest.raises(Refused) as refused:
        known.push(before.id, before.subscription_id, False, NONE, b"", 10, call())
    assert refused.value.code == 117


def test_the_number_of_instances_is_bounded_and_the_silent_ones_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "MAX_INSTANCES", 3)
    known = Telemetry()
    for number in (1, 2, 3):
        known.subscribe(instance_id(number), call(), bytes)
    known.push(instance_id(1), known.instances[instance_id(1)].subscription_id, False, NONE, b"1", 10, call())
    known.subscribe(instance_id(4), call(), bytes)
    assert list(known.instances) == [instance_id(3), instance_id(1), instance_id(4)]
    known.subscribe(instance_id(5), call(), bytes)
    known.subscribe(instance_id(6), call(), bytes)
    assert known.payload_bytes == 0, "the instance with the payload has gone"


def test_the_bytes_kept_are_bounded_and_the_oldest_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "MAX_PAYLOAD_BYTES", 100)
    known = Telemetry()
    for number in (1, 2, 3):
        instance = known.subscribe(instance_id(number), call(), bytes)
        known.push(instance.id, instance.subscription_id, False, NONE, bytes(40), 1000, call())
    assert [len(each.payload) for each in known.instances.values()] == [0, 40, 40]
    assert known.payload_bytes == 80


def test_bytes_that_are_no_metrics_read_as_none() -> None:
    known = Telemetry()
    instance = known.subscribe(instance_id(1), call(), bytes)
    known.push(instance.id, instance.subscription_id, False, NONE, b"\xff\xff", 10, call())
    assert list(points_of(instance)) == []
