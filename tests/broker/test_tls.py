"""TLS without a server: contexts from files, non-blocking sockets, whole records, farewells, and certificates that change."""

from __future__ import annotations

import datetime
import os
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from neuraxis.broker.security.listener import ListenerSecurity, TlsSettings
from neuraxis.broker.security.mapping import parse_rules
from neuraxis.broker.tls import RECORD_BYTES, TlsListener, TlsSocket, server_context
from neuraxis.cli.certificates import Pair, make_authority, make_certificate

NOW = datetime.datetime.now(datetime.UTC)
AUTHORITY = make_authority("test authority", NOW)
SERVER = make_certificate(AUTHORITY, "broker", ["broker.example"], NOW)
CLIENT = make_certificate(AUTHORITY, "duke", [], NOW)
PATIENCE_S = 10


def settings(directory: Path, pair: Pair = SERVER) -> TlsSettings:
    (directory / "server.pem").write_bytes(pair.key + pair.certificate)
    (directory / "ca.pem").write_bytes(AUTHORITY.certificate)
    return TlsSettings(keystore=str(directory / "server.pem"), truststore=str(directory / "ca.pem"))


def listener(found: TlsSettings, rules: str = "DEFAULT") -> TlsListener:
    return TlsListener(ListenerSecurity("SSL", found, principal_rules=parse_rules(rules)))


def connected(tls: TlsListener, client_file: Path | None = None) -> tuple[TlsSocket, ssl.SSLSocket]:
    """Both ends of a connection whose handshake is done."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.settimeout(PATIENCE_S)
    server = tls.wrap(ours)
    context = ssl.create_default_context(cadata=AUTHORITY.certificate.decode())
    if client_file is not None:
        context.load_cert_chain(client_file)
    found: list[ssl.SSLSocket] = []
    thread = threading.Thread(
        target=lambda: found.append(context.wrap_socket(theirs, server_hostname="broker.example"))
    )
    thread.start()
    patiently(server.shake_hands)
    thread.join()
    return server, found[0]


def patiently(action: Callable[[], object]) -> object:
    """Try until it does not want to wait."""
    pause = threading.Event()
    for _ in range(PATIENCE_S * 1000):
        try:
            return action()
        except BlockingIOError:
            pause.wait(0.001)
    raise AssertionError("it wanted to wait for ever")


def test_what_would_wait_is_a_blocking_io_error_and_bytes_pass_both_ways(tmp_path: Path) -> None:
    server, client = connected(listener(settings(tmp_path)))
    with server, client:
        assert server.established
        buffer = memoryview(bytearray(4 * RECORD_BYTES))
        with pytest.raises(BlockingIOError):
            server.take(buffer)
        client.sendall(b"x" * (RECORD_BYTES + 5))
        taken = b""
        while len(taken) < RECORD_BYTES + 5:
            count = patiently(lambda: server.take(buffer))
            assert isinstance(count, int)
            taken += bytes(buffer[:count])
        assert taken == b"x" * (RECORD_BYTES + 5)
        assert server.pending() == 0
        assert server.sendmsg([memoryview(b"ab"), memoryview(b"c")], (), 0) == 3
        assert client.recv(10) == b"abc"


def test_a_socket_that_takes_nothing_more_is_tried_again_with_the_same_bytes(tmp_path: Path) -> None:
    server, client = connected(listener(settings(tmp_path)))
    waiting = [memoryview(os.urandom(10)), memoryview(os.urandom(3_000_000))]
    expected = b"".join(waiting)
    received = bytearray()

    def read() -> None:
        while len(received) < len(expected):
            received.extend(client.recv(1 << 16))

    thread = threading.Thread(target=read)
    blocked = 0
    while waiting:
        try:
            count = server.sendmsg(waiting)
        except BlockingIOError:
            blocked += 1
            if not thread.is_alive():
                thread.start()
            threading.Event().wait(0.001)
            continue
        while count:
            size = min(count, len(waiting[0]))
            waiting[0] = waiting[0][size:]
            count -= size
            if not waiting[0]:
                waiting.pop(0)
    thread.join(PATIENCE_S)
    assert blocked
    assert received == expected
    server.close()
    client.close()


def test_the_end_is_told_and_seen(tmp_path: Path) -> None:
    server, client = connected(listener(settings(tmp_path)))
    server.close()
    assert client.recv(1) == b"", "a farewell, not a cut"
    client.close()
    server, client = connected(listener(settings(tmp_path)))
    client.close()
    assert patiently(lambda: server.take(memoryview(bytearray(RECORD_BYTES)))) == 0
    server.close()


def test_a_peer_that_leaves_during_the_handshake_is_a_connection_error(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with listener(settings(tmp_path)).wrap(ours) as server:
        with pytest.raises(BlockingIOError):
            server.shake_hands()
        theirs.close()
        with pytest.raises(ConnectionError):
            server.shake_hands()


@pytest.mark.parametrize(
    ("auth", "shown"), [("none", None), ("requested", "User:duke"), ("required", "User:duke")]
)
def test_a_certificate_that_was_asked_for_names_the_peer(
    tmp_path: Path, auth: str, shown: str | None
) -> None:
    mine = tmp_path / "client.pem"
    mine.write_bytes(CLIENT.key + CLIENT.certificate)
    tls = listener(replace(settings(tmp_path), client_auth=auth), "RULE:CN=(.*)/$1/")
    server, client = connected(tls, mine)
    with server, client:
        client.sendall(b"x")
        patiently(lambda: server.take(memoryview(bytearray(RECORD_BYTES))))
        assert tls.principal(server) == shown


def test_nobody_is_named_without_a_certificate_or_a_rule(tmp_path: Path) -> None:
    mine = tmp_path / "client.pem"
    mine.write_bytes(CLIENT.key + CLIENT.certificate)
    tls = listener(replace(settings(tmp_path), client_auth="requested"), "RULE:CN=queen/x/")
    server, client = connected(tls)
    with server, client:
        assert tls.principal(server) is None
    server, client = connected(tls, mine)
    with server, client, pytest.raises(ValueError, match="CN=duke"):
        tls.principal(server)


def test_changed_files_count_and_broken_ones_do_not(tmp_path: Path) -> None:
    found = settings(tmp_path)
    tls = listener(found)

    def served() -> bytes:
        server, client = connected(tls)
        with server, client:
            shown = client.getpeercert(binary_form=True)
            assert shown
            return shown

    first = served()
    assert not tls.reload()
    Path(found.keystore).write_bytes(b"broken")
    assert not tls.reload()
    assert served() == first
    Path(found.keystore).unlink()
    assert not tls.reload()
    settings(tmp_path, make_certificate(AUTHORITY, "broker", ["broker.example"], NOW))
    assert tls.reload()
    assert served() != first


def pkcs12_of(pair: Pair) -> bytes:
    key = serialization.load_pem_private_key(pair.key, None)
    return pkcs12.serialize_key_and_certificates(
        b"x", key, x509.load_pem_x509_certificate(pair.certificate), None,  # type: ignore[arg-type]  # an EC key is one
        serialization.BestAvailableEncryption(b"secret"),
    )  # fmt: skip


def test_keys_may_stand_in_the_configs_in_pkcs_12_and_behind_a_password(tmp_path: Path) -> None:
    inline = TlsSettings(key=SERVER.key.decode(), certificate_chain=SERVER.certificate.decode())
    store = tmp_path / "store.p12"
    store.write_bytes(pkcs12_of(SERVER))
    locked = serialization.load_pem_private_key(SERVER.key, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    encrypted = tmp_path / "locked.pem"
    encrypted.write_bytes(locked + SERVER.certificate)
    for one in (
        inline,
        TlsSettings(keystore=str(store), keystore_password="secret"),
        TlsSettings(keystore=str(encrypted), key_password="secret"),
        TlsSettings(
            key=inline.key,
            certificate_chain=inline.certificate_chain,
            client_auth="required",
            trusted=AUTHORITY.certificate.decode(),
        ),
    ):
        server, client = connected(listener(replace(one, client_auth="none")))
        server_context(one)
        server.close()
        client.close()


def test_what_cannot_be_used_is_named_with_the_next_step(tmp_path: Path) -> None:
    good = settings(tmp_path)
    locked = tmp_path / "locked.p12"
    locked.write_bytes(pkcs12_of(SERVER))
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")
    for bad, why in (
        (replace(good, keystore=str(tmp_path / "none.pem")), "cannot read"),
        (replace(good, keystore=str(locked), keystore_password="wrong"), "keytool"),
        (replace(good, keystore=str(tmp_path / "ca.pem")), "private key"),
        (replace(good, keystore=str(broken)), "private key"),
        (replace(good, cipher_suites=("NONSENSE",)), "OpenSSL"),
        (replace(good, client_auth="required", truststore=str(broken)), "no certificates"),
    ):
        with pytest.raises(ValueError, match=why):
            server_context(bad)


def test_versions_and_suites_are_those_that_were_set(tmp_path: Path) -> None:
    suite = "ECDHE-ECDSA-AES256-GCM-SHA384"
    found = replace(
        settings(tmp_path), versions=("TLSv1.2",), cipher_suites=(suite, "TLS_AES_256_GCM_SHA384")
    )
    server, client = connected(listener(found))
    with server, client:
        assert client.version() == "TLSv1.2"
        chosen = client.cipher()
        assert chosen is not None
        assert chosen[0] == suite
