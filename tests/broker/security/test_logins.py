"""Logins through the core, with the test's own clock: delays, works, ends, key sets, and who is there at the start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuraxis.broker.coordinators.topics.cluster_facts import ScramFact
from neuraxis.broker.log.memory import MemoryFs
from neuraxis.broker.security.exchange import Challenge, Outcome, Rejected, Waiting
from neuraxis.broker.work import Derive, Now
from neuraxis.client import sasl
from neuraxis.wire.messages.api_versions import ApiVersionsRequest
from neuraxis.wire.messages.metadata import MetadataRequest
from neuraxis.wire.messages.sasl_authenticate import SaslAuthenticateRequest
from neuraxis.wire.messages.sasl_handshake import SaslHandshakeRequest
from tests.broker.harness import WALL_MS, CoreHarness, Peer
from tests.broker.security.test_scram import credential
from tests.broker.security.tokens import jwk, key_set, token

ANN = (
    ScramFact("ann", 1, credential("pencil", "sha256")),
    ScramFact("ann", 2, credential("pencil", "sha512")),
)
LOGIN = b"\0ann\0pencil"
METADATA = MetadataRequest(topics=[])


def secured(**configs: Any) -> CoreHarness:
    users = configs.pop("first_users", ANN)
    names = {"sasl_enabled_mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512", **configs}
    return CoreHarness(protocol="SASL_PLAINTEXT", first_users=users, **names)


def authenticate(peer: Peer, data: bytes) -> Any:
    return peer.request(SaslAuthenticateRequest(auth_bytes=data), 2)


def log_in(peer: Peer, mechanism: str = "SCRAM-SHA-512", password: str = "pencil") -> Any:
    assert peer.request(SaslHandshakeRequest(mechanism=mechanism), 1).error_code == 0
    client = sasl.exchange(mechanism, "ann", password, "nonce")
    message = next(client)
    while True:
        answer = authenticate(peer, message)
        try:
            message = client.send(bytes(answer.auth_bytes))
        except StopIteration:
            return answer


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_who_logs_in_has_its_name_and_may_send_large_frames(mechanism: str) -> None:
    broker = secured()
    peer = broker.connect()
    assert peer.session.frame_limit == 524_288
    assert log_in(peer, mechanism).error_code == 0
    assert peer.session.principal == "User:ann"
    assert peer.session.frame_limit == broker.config.request_max_bytes
    assert peer.request(METADATA, 9).brokers


def test_a_listener_without_logins_has_no_gate() -> None:
    session = CoreHarness().connect().session
    assert session.gate is None
    assert session.frame_limit > 524_288


@pytest.mark.parametrize("first", [[], [SaslHandshakeRequest(mechanism="PLAIN")]])
def test_strangers_are_closed_for_anything_but_their_login(first: list[Any]) -> None:
    peer = secured().connect()
    assert peer.request(ApiVersionsRequest(), 2).error_code == 0
    for request in first:
        peer.request(request, 1)
    peer.send(METADATA, 9)
    assert peer.answers() == []
    assert "before it had logged in" in str(peer.session.closing)


@pytest.mark.parametrize("frame", [b"", b"\0", b"\0\x12", bytes(8)])
def test_frames_of_strangers_that_are_too_short_close_the_connection(frame: bytes) -> None:
    peer = secured().connect()
    peer.send_frame(frame)
    assert peer.session.closing


def test_a_failed_login_is_answered_after_the_delay_and_closes() -> None:
    broker = secured(connection_failed_authentication_delay_ms="100")
    peer = broker.connect()
    peer.request(SaslHandshakeRequest(mechanism="PLAIN"), 1)
    peer.send(SaslAuthenticateRequest(auth_bytes=b"\0ann\0wrong"), 2)
    broker.advance(99)
    assert peer.answers() == []
    assert not peer.session.wants_input
    broker.advance(1)
    ((_, answer),) = peer.answers()
    assert answer.error_code == 58
    assert "pencil" not in str(answer)
    assert "password" in str(peer.session.closing)
    (client,) = [each for each in broker.node.clients.now([]).values() if each.refused]
    assert "does not know the password of 'ann'" in client.refusals[0].reason


def test_a_peer_that_leaves_while_its_password_is_checked_or_its_refusal_waits_is_forgotten() -> None:
    broker = secured(connection_failed_authentication_delay_ms="100")
    broker.works_wait = True
    peer = broker.connect()
    peer.request(SaslHandshakeRequest(mechanism="PLAIN"), 1)
    peer.send(SaslAuthenticateRequest(auth_bytes=LOGIN), 2)
    assert [work.kind for work in broker.works] == ["login"]
    peer.disconnect()
    broker.do_works()
    assert peer.answers() == []
    broker.works_wait = False
    other = broker.connect()
    other.request(SaslHandshakeRequest(mechanism="PLAIN"), 1)
    other.send(SaslAuthenticateRequest(auth_bytes=b"\0ann\0x"), 2)
    other.disconnect()
    broker.advance(200)
    assert other.answers() == []


def test_a_work_that_fails_lets_nobody_in_and_the_broker_goes_on() -> None:
    broker = secured(connection_failed_authentication_delay_ms="0")
    broker.works_wait = True
    peer = broker.connect()
    peer.request(SaslHandshakeRequest(mechanism="PLAIN"), 1)
    peer.send(SaslAuthenticateRequest(auth_bytes=LOGIN), 2)
    work = broker.works.pop()
    broker.core.done(work.id, None, OSError("no luck"), broker.now)
    broker.advance(1)
    ((_, answer),) = peer.answers()
    assert answer.error_code == 58


def test_out_of_order_is_34_and_another_mechanism_33() -> None:
    peer = secured(connection_failed_authentication_delay_ms="0").connect()
    log_in(peer)
    assert peer.request(SaslHandshakeRequest(mechanism="PLAIN"), 1).error_code == 34
    assert authenticate(peer, b"x").error_code == 34
    other = secured().connect()
    other.send(SaslHandshakeRequest(mechanism="GSSAPI"), 1)
    other.harness.advance(100)
    ((_, answer),) = other.answers()
    assert (answer.error_code, answer.mechanisms) == (33, ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
    assert other.session.closing


def test_a_session_ends_unless_the_same_user_logs_in_again() -> None:
    broker = secured(connections_max_reauth_ms="5000")
    peer = broker.connect()
    assert log_in(peer).session_lifetime_ms == 5_000
    broker.advance(3_000)
    assert log_in(peer).session_lifetime_ms == 5_000
    broker.advance(4_999)
    assert peer.request(METADATA, 9).brokers
    broker.advance(1)
    peer.send(METADATA, 9)
    assert "session had ended" in str(peer.session.closing)


def test_a_removed_user_cannot_log_in_again() -> None:
    broker = secured(connections_max_reauth_ms="5000", connection_failed_authentication_delay_ms="0")
    peer = broker.connect()
    log_in(peer, "PLAIN")
    broker.node.catalogue.state.cluster.scram.clear()
    peer.request(SaslHandshakeRequest(mechanism="PLAIN"), 1)
    peer.send(SaslAuthenticateRequest(auth_bytes=LOGIN), 2)
    broker.advance(1)
    ((_, answer),) = peer.answers()
    assert answer.error_code == 58


def test_tokens_without_headers_follow_a_handshake_of_version_0() -> None:
    broker = secured()
    peer = broker.connect()
    peer.request(SaslHandshakeRequest(mechanism="SCRAM-SHA-256"), 0)
    client = sasl.exchange("SCRAM-SHA-256", "ann", "pencil", "nonce")
    message = next(client)
    for _ in range(2):
        peer.send_frame(message)
        answer = b"".join(peer.session.output)
        peer.session.output.clear()
        assert int.from_bytes(answer[:4], "big") == len(answer) - 4
        try:
            message = client.send(answer[4:])
        except StopIteration:
            break
    assert peer.session.principal == "User:ann"
    assert peer.request(METADATA, 9).brokers


def test_the_first_users_come_to_be_once_and_can_be_renewed() -> None:
    fs = MemoryFs()
    other = (ScramFact("ann", 1, credential("quill", "sha256")),)
    kept = {"fs": fs, "protocol": "SASL_PLAINTEXT"}
    CoreHarness(first_users=ANN, **kept)
    again = CoreHarness(first_users=other, **kept)
    assert again.node.catalogue.state.cluster.scram["ann", 1] == ANN[0].credential
    renewed = CoreHarness(first_users=other, renew_first_users=True, **kept)
    assert renewed.node.catalogue.state.cluster.scram["ann", 1] == other[0].credential


def test_key_sets_are_fetched_at_the_start_kept_when_broken_and_fetched_again_in_time(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(key_set(jwk("RS256", "one")))
    broker = secured(
        sasl_enabled_mechanisms="OAUTHBEARER", sasl_oauthbearer_jwks_endpoint_url=file.as_uri(),
        connection_failed_authentication_delay_ms="0",
    )  # fmt: skip
    claims = {"sub": "ann", "exp": WALL_MS // 1000 + 100_000}

    def taken(key_id: str) -> bool:
        peer = broker.connect()
        peer.request(SaslHandshakeRequest(mechanism="OAUTHBEARER"), 1)
        message = f"n,,\1auth=Bearer {token(claims, key_id=key_id)}\1\1".encode()
        return not authenticate(peer, message).auth_bytes

    assert taken("one")
    file.write_bytes(b"broken")
    broker.advance(3_600_000)
    assert taken("one")
    file.write_bytes(key_set(jwk("RS256", "two")))
    assert taken("two"), "an unknown key has the set fetched"
    assert not taken("one")
    file.write_bytes(key_set(jwk("RS256", "three")))
    broker.advance(3_600_000)
    assert not taken("two")


class Broken:
    """An exchange with a bug."""

    def step(self, data: bytes, now: Now) -> Outcome:
        def then(result: bytes | None, now: Now) -> Outcome:
            raise ZeroDivisionError

        if data == b"later":
            return Waiting(Derive("sha256", b"p", b"s", 1), then)
        raise ZeroDivisionError


@pytest.mark.parametrize("data", [b"now", b"later"])
@pytest.mark.parametrize("version", [0, 1])
def test_a_bug_that_a_stranger_finds_costs_its_login_and_not_the_broker(
    data: bytes, version: int, caplog: pytest.LogCaptureFixture
) -> None:
    broker = secured(connection_failed_authentication_delay_ms="0")
    peer = broker.connect()
    peer.request(SaslHandshakeRequest(mechanism="PLAIN"), version)
    assert peer.session.gate is not None
    peer.session.gate.exchange = Broken()
    if version == 0:
        peer.send_frame(data)
    else:
        peer.send(SaslAuthenticateRequest(auth_bytes=data), 2)
    broker.advance(1)
    assert [answer.error_code for _, answer in peer.answers()] == [58] * version
    assert "ZeroDivisionError" in caplog.text
    assert peer.session.closing
    assert log_in(broker.connect()).error_code == 0


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    mechanism=st.sampled_from(["PLAIN", "SCRAM-SHA-256", "OAUTHBEARER"]),
    messages=st.lists(
        st.binary(max_size=60)
        | st.sampled_from(
            [b"\0ann\0pen", b"n,,n=ann,r=x", b"c=biws,r=x,p=AAAA", b"n,,\1auth=Bearer e30.e30.e30\1\1", b"\1"]
        ),
        max_size=3,
    ),
)
def test_any_bytes_are_an_outcome(mechanism: str, messages: list[bytes]) -> None:
    exchange = EXCHANGES.node.logins.exchange(EXCHANGES.connect().session, mechanism)
    for message in messages:
        outcome = exchange.step(message, EXCHANGES.now)
        if isinstance(outcome, Waiting):
            outcome = outcome.then(bytes(64), EXCHANGES.now)
        if not isinstance(outcome, Challenge):
            assert isinstance(outcome, Rejected), "nobody guesses the password"
            break


EXCHANGES = secured(
    sasl_enabled_mechanisms="PLAIN,SCRAM-SHA-256,OAUTHBEARER", sasl_oauthbearer_jwks_endpoint_url="file:///dev/null",
    sasl_oauthbearer_jwks_endpoint_retry_backoff_ms="1000000",
)  # fmt: skip
