"""Log in with Kafka's Java client: mechanisms over TLS, certificates, delegation tokens, wrong passwords, logging in again.

The rule of the file: the same cases run on both brokers; a case is judged by what the tool says and its exit code. Users
are made through the plain listener that the runner knows.
"""

from __future__ import annotations

import datetime
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from compat.brokers import BrokerProcess, free_port
from compat.kafka import TOOLS_VERSION
from compat.kafka_tools.suite import Tools
from compat.results import Case, SuiteResult
from neuraxis.cli.certificates import make_authority, make_certificate
from tests.broker.security.tokens import jwk, key_set, token

USERS = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_ann="pencil";'
OAUTH_CLASSES = "org.apache.kafka.common.security.oauthbearer."
SETTINGS: dict[str, str] = {"delegation.token.secret.key": "secret"}
PASSWORD = "pencil"


class Secured:
    """Where the listeners of this run are, and the files of its clients."""

    directory: Path
    ports: Mapping[str, int]

    def client(self, name: str, **lines: str) -> Path:
        """A client file with these lines (underscores are dots) beside the trust in our authority."""
        path = self.directory / f"{name}.properties"
        common = {"ssl.truststore.type": "PEM", "ssl.truststore.location": str(self.directory / "ca.pem")}
        pairs = common | {key.replace("_", "."): value for key, value in lines.items()}
        path.write_text("".join(f"{key}={value}\n" for key, value in pairs.items()))
        return path


SECURED = Secured()


def prepare(broker: BrokerProcess) -> None:
    """Give the broker two secured listeners, with certificates of an authority of this run."""
    directory = SECURED.directory = broker.directory
    now = datetime.datetime.now(datetime.UTC)
    authority = make_authority("compat authority", now)
    server = make_certificate(authority, "broker", ["127.0.0.1", "localhost"], now)
    mine = make_certificate(authority, "duke", [], now)
    (directory / "ca.pem").write_bytes(authority.certificate)
    (directory / "server.pem").write_bytes(server.key + server.certificate)
    (directory / "duke.pem").write_bytes(mine.key + mine.certificate)
    (directory / "keys.json").write_bytes(key_set(jwk("RS256", "one")))
    first = free_port(2)
    SECURED.ports = {"SASL_SSL": first, "SSL": first + 1}
    settings = dict(broker.settings) | {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(directory / "server.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(directory / "ca.pem"),
        "listener.name.ssl.ssl.client.auth": "required",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        "listener.name.sasl_ssl.plain.sasl.jaas.config": USERS,
        "listener.name.sasl_ssl.scram-sha-512.connections.max.reauth.ms": "3000",
    }
    secured = [f"{name}://127.0.0.1:{port}" for name, port in SECURED.ports.items()]
    if broker.name == "kafka":
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        told = [f"PLAINTEXT://127.0.0.1:{broker.port}", *secured]
        settings |= {
            "listeners": ",".join([*told, f"CONTROLLER://127.0.0.1:{broker.port + 1}"]),
            "advertised.listeners": ",".join(told),
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL",
            "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": scram,
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": scram,
        }
    else:
        settings["sasl.enabled.mechanisms"] += ",OAUTHBEARER"
        settings["sasl.oauthbearer.jwks.endpoint.url"] = (directory / "keys.json").as_uri()
        plain = broker.command
        options = [word for address in secured for word in ("--listener", address)]
        broker.command = lambda: [*plain(), *options]  # type: ignore[method-assign]  # this run alone has more listeners
    broker.settings = settings


def login(mechanism: str, user: str = "ann", password: str = PASSWORD, more: str = "") -> dict[str, str]:
    """Lines of a client file that log in."""
    module = "plain.PlainLoginModule" if mechanism == "PLAIN" else "scram.ScramLoginModule"
    return {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": mechanism,
        "sasl_jaas_config": f"org.apache.kafka.common.security.{module} required "
        f'username="{user}" password="{password}"{more};',
    }


def secured(tools: Tools, listener: str = "SASL_SSL") -> Tools:
    """The same tools at a secured listener."""
    del tools
    return Tools(f"127.0.0.1:{SECURED.ports[listener]}")


def round_trip(
    tools: Tools, listener: str, client: Path, *, records: int = 100, per_second: int = 100_000
) -> None:
    """Create a topic and write to it, as this client."""
    there, name = secured(tools, listener), tools.unique("secured")
    config = ("--command-config", str(client))
    assert "Created topic" in there.run("TopicCommand", *config, "--create", "--topic", name)
    count = ("--num-records", str(records), "--record-size", "100", "--throughput", str(per_second))
    assert f"{records} records sent" in there.run("ProducerPerformance", *config, "--topic", name, *count)


def users(tools: Tools) -> None:
    """kafka-configs makes a user for both SCRAM mechanisms."""
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
        change = f"{mechanism}=[iterations=4096,password={PASSWORD}]"
        entity = ("--entity-type", "users", "--entity-name", "ann")
        said = tools.run("kafka.admin.ConfigCommand", "--alter", "--add-config", change, *entity)
        assert "Completed updating config" in said, said


def plain(tools: Tools) -> None:
    """PLAIN over TLS."""
    round_trip(tools, "SASL_SSL", SECURED.client("plain", **login("PLAIN")))


def scram_sha_256(tools: Tools) -> None:
    """SCRAM-SHA-256 over TLS."""
    round_trip(tools, "SASL_SSL", SECURED.client("scram256", **login("SCRAM-SHA-256")))


def scram_sha_512_logging_in_again(tools: Tools) -> None:
    """SCRAM-SHA-512 over TLS; a producer of eight seconds outlives sessions of three."""
    client = SECURED.client("scram512", **login("SCRAM-SHA-512"))
    round_trip(tools, "SASL_SSL", client, records=400, per_second=50)


def certificate(tools: Tools) -> None:
    """A client certificate, asked for and given."""
    store = {"ssl_keystore_type": "PEM", "ssl_keystore_location": str(SECURED.directory / "duke.pem")}
    round_trip(tools, "SSL", SECURED.client("duke", security_protocol="SSL", **store))


def no_certificate(tools: Tools) -> None:
    """No client certificate where one is asked for."""
    client = SECURED.client("nobody", security_protocol="SSL")
    said = secured(tools, "SSL").run("TopicCommand", "--command-config", str(client), "--list", code=1)
    assert "SslAuthenticationException" in said or "SSL handshake failed" in said, said[-500:]


def wrong_password(tools: Tools) -> None:
    """A wrong password is an authentication error at once, not a timeout."""
    for mechanism in ("PLAIN", "SCRAM-SHA-512"):
        client = SECURED.client("wrong", **login(mechanism, password="pen"))
        said = secured(tools).run("TopicCommand", "--command-config", str(client), "--list", code=1)
        assert "SaslAuthenticationException" in said, said[-500:]


def delegation_token(tools: Tools) -> None:
    """kafka-delegation-tokens makes a token, and the token logs in."""
    there = secured(tools)
    owner = ("--command-config", str(SECURED.client("owner", **login("SCRAM-SHA-256"))))
    said = there.run("DelegationTokenCommand", *owner, "--create", "--max-life-time-period", "-1")
    found = re.search(r"^(\S+)\s+(\S+==)\s", said, re.MULTILINE)
    assert found, said
    lines = login("SCRAM-SHA-512", found.group(1), found.group(2), ' tokenauth="true"')
    time.sleep(1)  # Apache Kafka's brokers hear of a new token a moment later
    round_trip(tools, "SASL_SSL", SECURED.client("token", **lines))


def oauthbearer(tools: Tools) -> None:
    """A signed token from a file."""
    now = time.time()
    path = SECURED.directory / "token.jwt"
    path.write_text(token({"sub": "ann", "iat": now, "exp": now + 600, "scope": "kafka"}))
    client = SECURED.client(
        "oauth",
        security_protocol="SASL_SSL",
        sasl_mechanism="OAUTHBEARER",
        sasl_jaas_config=f"{OAUTH_CLASSES}OAuthBearerLoginModule required;",
        sasl_login_callback_handler_class=f"{OAUTH_CLASSES}OAuthBearerLoginCallbackHandler",
        sasl_oauthbearer_jwt_retriever_class=f"{OAUTH_CLASSES}FileJwtRetriever",
        sasl_oauthbearer_token_endpoint_url=path.as_uri(),
    )
    there = Allowing(f"127.0.0.1:{SECURED.ports['SASL_SSL']}", path.as_uri())
    there.run("TopicCommand", "--command-config", str(client), "--list")


class Allowing(Tools):
    """Tools that may read a token from a URL."""

    def __init__(self, bootstrap: str, url: str) -> None:
        super().__init__(bootstrap)
        self.environment = {"JDK_JAVA_OPTIONS": f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={url}"}

    def run(self, tool: str, *arguments: str, **options: object) -> str:
        """Run a tool with the property that Kafka's client asks for."""
        before = dict(os.environ)
        os.environ.update(self.environment)
        try:
            return super().run(tool, *arguments)
        finally:
            os.environ.clear()
            os.environ.update(before)


CASES: Mapping[str, Callable[[Tools], None]] = {
    case.__name__: case
    for case in (
        users,
        plain,
        scram_sha_256,
        scram_sha_512_logging_in_again,
        certificate,
        no_certificate,
        wrong_password,
        delegation_token,
        oauthbearer,
    )
}
NEURAXIS_ONLY = frozenset({"oauthbearer"})
"""Apache Kafka takes a key set from a file only with a property of its own process, which this runner does not set."""


def run(bootstrap: str, target: str, select: str | None, out: Path) -> SuiteResult:
    """Run the cases; `select` is a part of a case's name or None for all."""
    tools = Tools(bootstrap)
    result = SuiteResult("secured", target, TOOLS_VERSION)
    began = time.monotonic()
    for name, case in CASES.items():
        if (select and select not in name) or (target == "kafka" and name in NEURAXIS_ONLY):
            continue
        started, outcome, message = time.monotonic(), "passed", ""
        try:
            case(tools)
        except (AssertionError, ValueError, subprocess.TimeoutExpired) as error:
            outcome, message = "failed", str(error)[:600]
            with (out / "secured.log").open("a") as log:
                log.write(f"{name}: {error}\n")
        result.cases.append(Case(name, outcome, time.monotonic() - started, message))
    result.seconds = time.monotonic() - began
    return result
