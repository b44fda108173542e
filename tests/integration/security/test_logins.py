"""Logging in over real sockets: every protocol and mechanism, what strangers may do, delays, ends, and logging in again."""

from __future__ import annotations

import base64
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from neuraxis.cli.certificates import make_certificate
from neuraxis.wire.messages.api_versions import ApiVersionsRequest
from neuraxis.wire.messages.create_delegation_token import CreateDelegationTokenRequest
from neuraxis.wire.messages.metadata import MetadataRequest
from tests.broker.security.tokens import jwk, key_set
from tests.broker.sockets import eventually
from tests.integration.security.secured import (
    AUTHORITY,
    HOST,
    MECHANISMS,
    NOW,
    PASSWORD,
    SecuredServer,
    bearer,
    plain_socket,
    secured,
)

SASL_LISTENERS = ("SASL_PLAINTEXT", "SASL_SSL")
DELAY_MS = "connection.failed.authentication.delay.ms"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredServer]:
    configs = {DELAY_MS: "30", "delegation.token.secret.key": "secret"}
    with secured(tmp_path_factory.mktemp("secured"), configs) as running:
        yield running


@pytest.mark.parametrize("listener", SASL_LISTENERS)
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_who_logs_in_is_served_as_that_user_at_its_listeners_address(
    server: SecuredServer, listener: str, mechanism: str
) -> None:
    with server.peer(listener) as peer:
        assert peer.request(ApiVersionsRequest(), 2).error_code == 0
        assert peer.log_in(mechanism).error_code == 0
        assert "User:ann" in server.principals()
        (broker,) = peer.request(MetadataRequest(topics=[]), 9).brokers
        assert broker.port == server.port_of(listener)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_wrong_password_is_told_and_closes_the_connection(server: SecuredServer, mechanism: str) -> None:
    with server.peer() as peer:
        if mechanism == "OAUTHBEARER":
            peer.handshake(mechanism)
            refused = peer.authenticate(b"n,,\1auth=Bearer " + bearer(seconds=-100).encode() + b"\1\1")
            assert b"invalid_token" in bytes(refused.auth_bytes)
            answer = peer.authenticate(b"\1")
        else:
            answer = peer.log_in(mechanism, password="wrong")
        assert answer.error_code == 58
        assert answer.error_message
        assert peer.ends_within()


def test_a_mechanism_that_is_not_offered_is_answered_with_those_that_are(server: SecuredServer) -> None:
    with server.peer() as peer:
        answer = peer.handshake("GSSAPI")
        assert (answer.error_code, answer.mechanisms) == (33, list(MECHANISMS))
        assert peer.ends_within()


@pytest.mark.parametrize("before", ["nothing", "versions", "handshake"])
def test_nothing_else_is_reachable_before_a_login(server: SecuredServer, before: str) -> None:
    with server.peer() as peer:
        if before == "versions":
            peer.request(ApiVersionsRequest(), 2)
        if before == "handshake":
            peer.handshake("PLAIN")
        peer.send(MetadataRequest(topics=[]), 9)
        assert peer.ends_within()


def test_authenticating_without_a_handshake_is_refused(server: SecuredServer) -> None:
    with server.peer() as peer:
        peer.send_bytes(b"\0\0\0\x10" + bytes(16))
        assert peer.ends_within()


def test_frames_of_strangers_are_small(server: SecuredServer) -> None:
    with server.peer() as peer:
        peer.send_bytes((600_000).to_bytes(4, "big"))
        assert peer.ends_within()
    with server.peer() as peer:
        assert peer.log_in("PLAIN").error_code == 0
        peer.send_bytes((600_000).to_bytes(4, "big") + bytes(1_000))
        assert not peer.ends_within(0.05)


@pytest.mark.parametrize("listener", SASL_LISTENERS)
def test_the_old_handshake_takes_tokens_without_headers(server: SecuredServer, listener: str) -> None:
    with server.peer(listener) as peer:
        assert peer.handshake("PLAIN", 0).error_code == 0
        message = f"\0ann\0{PASSWORD}".encode()
        peer.send_bytes(len(message).to_bytes(4, "big") + message)
        assert peer.receive_exactly(4) == bytes(4)
        assert peer.request(MetadataRequest(topics=[]), 9).brokers
    with server.peer(listener) as peer:
        peer.handshake("PLAIN", 0)
        peer.send_bytes(b"\0\0\0\x06\0ann\0x")
        assert peer.ends_within()


def test_a_pipelined_request_behind_the_login_is_served(server: SecuredServer) -> None:
    with server.peer() as peer:
        peer.handshake("PLAIN")
        login = f"\0ann\0{PASSWORD}".encode()
        from neuraxis.wire.messages.sasl_authenticate import SaslAuthenticateRequest

        both = peer.encode(SaslAuthenticateRequest(auth_bytes=login), 2) + peer.encode(
            MetadataRequest(topics=[]), 9
        )
        peer.send_bytes(both)
        assert peer.receive().error_code == 0
        assert peer.receive().brokers


def test_a_token_logs_in_as_its_owner_and_may_make_no_other(server: SecuredServer) -> None:
    with server.peer() as owner:
        owner.log_in()
        made = owner.request(CreateDelegationTokenRequest(renewers=[], max_lifetime_ms=-1), 2)
        assert made.error_code == 0
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
        with server.peer() as peer:
            hmac = base64.b64encode(bytes(made.hmac)).decode()
            answer = peer.log_in(mechanism, made.token_id, hmac, by_token=True)
            assert answer.error_code == 0
            assert 0 < answer.session_lifetime_ms <= 86_400_000
            assert "User:ann" in server.principals()
            assert (
                peer.request(CreateDelegationTokenRequest(renewers=[], max_lifetime_ms=-1), 2).error_code
                == 64
            )


def test_a_plain_client_at_a_tls_port_and_the_other_way_round_are_closed(server: SecuredServer) -> None:
    with plain_socket(server.port_of("SSL")) as sock:
        sock.sendall(b"\0\0\0\x10\0\x12\0\0" + bytes(12))
        with suppress(ConnectionResetError):
            assert sock.recv(100)[:1] in (b"", b"\x15")  # nothing, or an alert
    context = ssl.create_default_context(cafile=str(server.files.authority))
    with plain_socket(server.port_of("SASL_PLAINTEXT")) as sock, pytest.raises(OSError):
        context.wrap_socket(sock, server_hostname=HOST)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_of_tls_are_spoken(server: SecuredServer, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context(cafile=str(server.files.authority))
    context.minimum_version = context.maximum_version = version
    with context.wrap_socket(plain_socket(server.port_of("SSL")), server_hostname=HOST) as sock:
        assert sock.version() == version.name.replace("_", ".")


def test_a_certificate_names_the_user_by_the_rules(server: SecuredServer) -> None:
    with server.peer("MUTUAL") as peer:
        assert peer.request(MetadataRequest(topics=[]), 9).brokers[0].port == server.port_of("MUTUAL")
        assert "User:duke" in server.principals()
    with server.peer("SSL") as peer:
        peer.request(MetadataRequest(topics=[]), 9)
        assert "User:ANONYMOUS" in server.principals()


def test_without_a_certificate_nobody_comes_in_where_one_is_asked_for(server: SecuredServer) -> None:
    context = ssl.create_default_context(cafile=str(server.files.authority))

    def come_in() -> None:
        with context.wrap_socket(plain_socket(server.port_of("MUTUAL")), server_hostname=HOST) as sock:
            sock.sendall(b"\0")
            if sock.recv(1) == b"":
                raise ConnectionResetError

    with pytest.raises(OSError):  # an alert, with the handshake or with the first byte
        come_in()


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[SecuredServer]:
    """A server whose sessions end soon and whose patience is short."""
    configs = {
        DELAY_MS: "0",
        "listener.name.sasl_plaintext.plain.connections.max.reauth.ms": "1100",
        "connections.max.reauth.ms": "60000",
    }
    with secured(tmp_path, configs, login_timeout_ms=200) as running:
        yield running


def test_a_session_logs_in_again_before_it_ends_and_is_closed_when_it_does_not(strict: SecuredServer) -> None:
    with strict.peer() as peer, strict.peer() as idle:
        assert idle.log_in("PLAIN").session_lifetime_ms == 1_100
        assert peer.log_in("PLAIN").session_lifetime_ms == 1_100
        assert peer.log_in("PLAIN").error_code == 0  # at once, for the first time
        assert peer.handshake("PLAIN").error_code == 34  # within the same second
        ended = time.monotonic() + 1.11
        eventually(lambda: time.monotonic() > ended, "the sessions ended")
        assert peer.log_in("PLAIN").error_code == 0
        assert peer.request(MetadataRequest(topics=[]), 9).brokers
        idle.send(MetadataRequest(topics=[]), 9)
        assert idle.ends_within()
    with strict.peer() as peer:
        assert peer.log_in("SCRAM-SHA-512").session_lifetime_ms == 60_000


def test_a_session_keeps_its_user_and_its_mechanism(strict: SecuredServer) -> None:
    with strict.peer() as peer:
        assert peer.log_in("OAUTHBEARER").error_code == 0
        assert peer.log_in("OAUTHBEARER", user="bob").error_code == 58
        assert peer.ends_within()
    with strict.peer() as peer:
        assert peer.log_in("SCRAM-SHA-512").error_code == 0
        assert peer.handshake("SCRAM-SHA-256").error_code == 33
        assert peer.ends_within()


def test_the_shorter_of_token_and_listener_ends_a_session(strict: SecuredServer) -> None:
    with strict.peer() as peer:
        assert 25_000 < peer.log_in("OAUTHBEARER", password=bearer(seconds=30)).session_lifetime_ms <= 30_000
    with strict.peer() as peer:
        assert peer.log_in("OAUTHBEARER", password=bearer(seconds=300)).session_lifetime_ms == 60_000


@pytest.mark.parametrize("listener", ["SSL", "SASL_PLAINTEXT", "SASL_SSL", "MUTUAL"])
def test_who_says_nothing_or_too_little_is_closed(strict: SecuredServer, listener: str) -> None:
    silent, slow = plain_socket(strict.port_of(listener)), plain_socket(strict.port_of(listener))
    slow.sendall(b"\x16\3\1" if "SSL" in listener or listener == "MUTUAL" else b"\0\0")
    for sock in (silent, slow):
        with sock:
            assert sock.recv(1) == b""


def test_who_does_not_finish_the_login_is_closed(strict: SecuredServer) -> None:
    with strict.peer() as peer:
        peer.handshake("SCRAM-SHA-256")
        assert peer.ends_within()
    with strict.peer("SASL_SSL") as peer:
        assert peer.ends_within()


def test_who_is_inside_stays(strict: SecuredServer) -> None:
    with strict.peer() as peer, strict.peer("SSL") as encrypted:
        peer.log_in("SCRAM-SHA-512")
        encrypted.request(ApiVersionsRequest(), 2)
        eventually(lambda: not strict.server._strangers, "the server looked at its strangers")
        assert peer.request(MetadataRequest(topics=[]), 9).brokers
        assert encrypted.request(MetadataRequest(topics=[]), 9).brokers


def test_a_new_certificate_is_used_without_a_restart_and_a_broken_one_is_not(strict: SecuredServer) -> None:
    def served() -> bytes:
        with strict.peer("SSL") as peer:
            assert isinstance(peer.sock, ssl.SSLSocket)
            found = peer.sock.getpeercert(binary_form=True)
            assert found
            return found

    first = served()
    with strict.peer("SSL") as before:
        before.request(ApiVersionsRequest(), 2)
        strict.files.give_server(make_certificate(AUTHORITY, "broker", [HOST], NOW))
        eventually(lambda: served() != first, "the server took its new certificate")
        assert before.request(ApiVersionsRequest(), 2).error_code == 0
    second = served()
    strict.files.server.write_bytes(b"broken")
    assert served() == second


def test_a_token_of_a_new_key_is_taken_when_the_key_set_has_it(strict: SecuredServer) -> None:
    from tests.broker.security.tokens import token

    now = time.time()
    claims = {"sub": "ann", "iss": "https://id.example", "aud": "kafka", "exp": now + 60}
    new = token(claims, key_id="new")
    with strict.peer() as peer:
        peer.handshake("OAUTHBEARER")
        assert b"invalid" in bytes(
            peer.authenticate(b"n,,\1auth=Bearer " + new.encode() + b"\1\1").auth_bytes
        )
    strict.files.key_set.write_bytes(key_set(jwk("RS256", "new")))

    def taken() -> bool:
        with strict.peer() as peer:
            peer.handshake("OAUTHBEARER")
            return not peer.authenticate(b"n,,\1auth=Bearer " + new.encode() + b"\1\1").auth_bytes

    eventually(taken, "the broker fetched the new key set")


def test_many_records_pass_through_tls_whole(server: SecuredServer) -> None:
    from tests.integration.security.traffic import round_trip

    round_trip(server)


def test_a_listener_whose_certificate_cannot_be_used_does_not_start(tmp_path: Path) -> None:
    from tests.integration.security.secured import Files

    files = Files(tmp_path)
    files.server.write_bytes(b"broken")
    with pytest.raises(ValueError, match="keytool"):
        SecuredServer(files).server.open()
    assert socket.socket  # the sockets were closed again: a warning would fail this test
