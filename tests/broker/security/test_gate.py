from __future__ import annotations

from neuraxis.broker.security.exchange import Identity
from neuraxis.broker.security.gate import API_VERSIONS, AUTHENTICATE, HANDSHAKE, Gate, Stage
from neuraxis.broker.security.plain import PlainServer
from neuraxis.broker.security.scram import Directory
from neuraxis.broker.work import Now

METADATA = 3
NOW = Now(1_000, 1_750_000_000_000)
EXCHANGE = PlainServer(Directory(lambda *_: None, lambda *_: None, b""), {})


def later(ms: int) -> Now:
    return Now(NOW.mono_ms + ms, NOW.wall_ms + ms)


def inside(lifetime_ms: int = 0, ends_ms: int | None = None) -> Gate:
    gate = Gate()
    gate.choose("PLAIN", EXCHANGE, NOW, raw=False)
    gate.admitted(Identity("ann", ends_ms), lifetime_ms, NOW)
    return gate


def test_a_stranger_may_ask_for_versions_and_choose_a_mechanism_and_nothing_else() -> None:
    gate = Gate()
    assert {key for key in range(100) if gate.lets(key, NOW) is None} == {HANDSHAKE, API_VERSIONS}


def test_who_chose_may_only_authenticate() -> None:
    gate = Gate()
    gate.choose("PLAIN", EXCHANGE, NOW, raw=False)
    assert {key for key in range(100) if gate.lets(key, NOW) is None} == {AUTHENTICATE}
    assert not gate.may_choose(NOW)


def test_who_is_inside_may_ask_for_everything_for_ever_when_no_end_is_set() -> None:
    gate = inside()
    assert gate.stage is Stage.INSIDE
    assert all(gate.lets(key, later(10**12)) is None for key in range(100))
    assert not gate.may_choose(later(10**12))


def test_a_session_that_has_ended_may_only_log_in_again() -> None:
    gate = inside(lifetime_ms=500)
    assert gate.lets(METADATA, later(499)) is None
    assert {key for key in range(100) if gate.lets(key, later(500)) is None} == {HANDSHAKE}
    assert gate.may_choose(later(500))
    gate.choose("PLAIN", EXCHANGE, later(600), raw=False)
    assert gate.admitted(Identity("ann"), 500, later(600)) == 500
    assert gate.lets(METADATA, later(1_099)) is None
    assert gate.lets(METADATA, later(1_100)) is not None


def test_logging_in_again_is_possible_once_a_second() -> None:
    gate = inside(lifetime_ms=5_000)
    gate.choose("PLAIN", EXCHANGE, later(100), raw=False)
    gate.admitted(Identity("ann"), 5_000, later(100))
    assert not gate.may_choose(later(1_099))
    assert gate.may_choose(later(1_100))


def test_a_proof_that_ends_sooner_than_the_listener_asks_ends_the_session() -> None:
    gate = Gate()
    gate.choose("OAUTHBEARER", EXCHANGE, NOW, raw=False)
    assert gate.admitted(Identity("ann", NOW.wall_ms + 300), 1_000, NOW) == 300
    assert gate.lets(METADATA, later(300)) is not None
    assert inside(ends_ms=NOW.wall_ms + 5_000, lifetime_ms=1_000).ends_ms == NOW.mono_ms + 1_000
    assert inside(ends_ms=NOW.wall_ms + 5_000).ends_ms == NOW.mono_ms + 5_000


def test_a_proof_that_has_ended_already_gives_a_session_that_has_ended() -> None:
    gate = inside(ends_ms=NOW.wall_ms - 10)
    assert gate.lets(METADATA, NOW) is not None
