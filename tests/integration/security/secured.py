"""A server with a listener of every security protocol, its certificates and its tokens; and a peer that logs in by hand."""

from __future__ import annotations

import datetime
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from neuraxis.broker.config import BrokerConfig, Listener
from neuraxis.broker.log.memory import MemoryFs
from neuraxis.broker.server import Server
from neuraxis.cli.certificates import Pair, make_authority, make_certificate
from neuraxis.cli.secure import credentials
from neuraxis.client import sasl
from neuraxis.wire.messages.sasl_authenticate import SaslAuthenticateRequest, SaslAuthenticateResponse
from neuraxis.wire.messages.sasl_handshake import SaslHandshakeRequest
from tests.broker.security.tokens import jwk, key_set, token
from tests.broker.sockets import PATIENCE_S, RawPeer, RunningServer

HOST = "127.0.0.1"
USER, PASSWORD = "ann", "a secret, with = and ,"
ISSUER, AUDIENCE = "https://id.example", "kafka"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")
PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
NOW = datetime.datetime.now(datetime.UTC)
AUTHORITY = make_authority("test authority", NOW)


class Files:
    """Certificates and keys in a directory."""

    def __init__(self, directory: Path) -> None:
        self.authority = directory / "ca.pem"
        self.server = directory / "server.pem"
        self.client = directory / "client.pem"
        self.key_set = directory / "keys.json"
        self.authority.write_bytes(AUTHORITY.certificate)
        self.give_server(make_certificate(AUTHORITY, "broker", [HOST, "localhost"], NOW))
        mine = make_certificate(AUTHORITY, "Duke", [], NOW)
        self.client.write_bytes(mine.key + mine.certificate)
        self.key_set.write_bytes(key_set(jwk("RS256", "one"), jwk("ES256", "two")))

    def give_server(self, pair: Pair) -> None:
        new = self.server.with_suffix(".new")
        new.write_bytes(pair.key + pair.certificate)
        new.replace(self.server)

    @property
    def configs(self) -> dict[str, str]:
        """The broker configs that name them."""
        return {
            "ssl.keystore.location": str(self.server),
            "ssl.truststore.location": str(self.authority),
            "sasl.enabled.mechanisms": ",".join(MECHANISMS),
            "sasl.oauthbearer.jwks.endpoint.url": self.key_set.as_uri(),
            "sasl.oauthbearer.expected.issuer": ISSUER,
            "sasl.oauthbearer.expected.audience": AUDIENCE,
            "listener.name.mutual.ssl.client.auth": "required",
            "listener.name.mutual.ssl.principal.mapping.rules": "RULE:^CN=(.*?)(,.*)?$/$1/L",
        }


def bearer(subject: str = USER, seconds: float = 300, **claims: Any) -> str:
    """A token that the server takes."""
    now = time.time()
    return token({"sub": subject, "iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + seconds, **claims})


class SecuredServer(RunningServer):
    """A server in memory with the listeners PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL, and MUTUAL (mTLS)."""

    def __init__(self, files: Files, configs: Mapping[str, str] | None = None, **options: Any) -> None:
        super().__init__(MemoryFs())
        protocols = {**{name: name for name in PROTOCOLS}, "MUTUAL": "SSL"}
        listeners = tuple(Listener(name, protocol, HOST, 0, HOST, 0) for name, protocol in protocols.items())
        self.files = files
        config = BrokerConfig(
            listeners=listeners,
            durability="os",
            kafka={**files.configs, **(configs or {})},
            first_users=credentials(USER, PASSWORD),
            **options,
        )
        config.check()
        self.server = Server(config, self.fs)

    def port_of(self, name: str) -> int:
        return next(one.port for one in self.server.config.listeners if one.name == name)

    def principals(self) -> set[str]:
        """Who is connected now."""
        return {session.principal for session in list(self.server.core.node.sessions.values())}

    def peer(self, name: str = "SASL_PLAINTEXT") -> LoginPeer:
        """A raw connection to a listener, encrypted if it asks for it."""
        peer = LoginPeer(self.port_of(name))
        if name in ("SSL", "SASL_SSL", "MUTUAL"):
            context = ssl.create_default_context(cafile=str(self.files.authority))
            if name == "MUTUAL":
                context.load_cert_chain(self.files.client)
            peer.sock = context.wrap_socket(peer.sock, server_hostname=HOST)
        return peer


class LoginPeer(RawPeer):
    """A raw peer that can log in."""

    def handshake(self, mechanism: str, version: int = 1) -> Any:
        return self.request(SaslHandshakeRequest(mechanism=mechanism), version)

    def authenticate(self, data: bytes, version: int = 2) -> SaslAuthenticateResponse:
        answer = self.request(SaslAuthenticateRequest(auth_bytes=data), version)
        assert isinstance(answer, SaslAuthenticateResponse)
        return answer

    def log_in(
        self,
        mechanism: str = "SCRAM-SHA-256",
        user: str = USER,
        password: str = PASSWORD,
        *,
        by_token: bool = False,
    ) -> SaslAuthenticateResponse:
        """A whole login; the last answer, of the first step that fails or of the last one."""
        shaken = self.handshake(mechanism)
        assert shaken.error_code == 0, shaken
        if mechanism == "OAUTHBEARER" and password == PASSWORD:
            password = bearer(user)
        client = sasl.exchange(mechanism, user, password, "nonce-of-the-test", by_token=by_token)
        message = next(client)
        while True:
            answer = self.authenticate(message)
            if answer.error_code:
                return answer
            try:
                message = client.send(bytes(answer.auth_bytes))
            except StopIteration:
                return answer

    def ends_within(self, patience_s: float = PATIENCE_S) -> bool:
        """Whether the broker closes this connection in time."""
        self.sock.settimeout(patience_s)
        try:
            return self.is_closed_by_the_broker()
        except TimeoutError:
            return False


@contextmanager
def secured(
    directory: Path, configs: Mapping[str, str] | None = None, **options: Any
) -> Iterator[SecuredServer]:
    """A running server with everything."""
    with SecuredServer(Files(directory), configs, **options) as running:
        yield running


def plain_socket(port: int) -> socket.socket:
    """A connection that says nothing."""
    sock = socket.create_connection((HOST, port), PATIENCE_S)
    sock.settimeout(PATIENCE_S)
    return sock
