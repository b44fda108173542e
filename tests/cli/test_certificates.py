from __future__ import annotations

import datetime
import socket
import ssl
import threading
from pathlib import Path

import pytest

from neuraxis.cli.certificates import Pair, fingerprint, make_authority, make_certificate, serves

NOW = datetime.datetime.now(datetime.UTC)
AUTHORITY = make_authority("test authority", NOW)


def talk(tmp_path: Path, pair: Pair, host: str) -> None:
    """A TLS handshake with the pair as the server, checked by a client that trusts the authority."""
    (tmp_path / "ca.pem").write_bytes(AUTHORITY.certificate)
    (tmp_path / "server.pem").write_bytes(pair.key + pair.certificate)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "server.pem")
    client = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            with server.wrap_socket(theirs, server_side=True) as peer:
                peer.send(b"x")
        except (ssl.SSLError, OSError):
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(ours, server_hostname=host) as peer:
            assert peer.recv(1) == b"x"
    finally:
        ours.close()
        thread.join()


@pytest.mark.parametrize("host", ["broker.example", "127.0.0.1", "::1"])
def test_clients_that_trust_the_authority_trust_its_servers(tmp_path: Path, host: str) -> None:
    talk(tmp_path, make_certificate(AUTHORITY, "broker", ["broker.example", "127.0.0.1", "::1"], NOW), host)


def test_another_name_is_not_trusted(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        talk(tmp_path, make_certificate(AUTHORITY, "broker", ["broker.example"], NOW), "127.0.0.1")


def test_a_certificate_serves_its_hosts_until_it_ends_soon() -> None:
    made = make_certificate(AUTHORITY, "broker", ["broker.example", "127.0.0.1"], NOW).certificate
    assert serves(made, ["127.0.0.1"], NOW)
    assert not serves(made, ["127.0.0.1", "other.example"], NOW)
    assert not serves(made, ["127.0.0.1"], NOW + datetime.timedelta(days=380))


def test_a_fingerprint_is_pairs_of_hexadecimal_digits() -> None:
    assert len(fingerprint(AUTHORITY.certificate).split(":")) == 32
