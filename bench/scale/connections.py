"""10,000 connections, each after ApiVersions and Metadata: what one costs in memory, in plain text and with TLS.

Kernel buffers are not in it: they are not the broker's to choose. The 10,001st connection must be refused.
"""

from __future__ import annotations

import datetime
import resource
import ssl
import tempfile
from pathlib import Path

from bench.scale.broker import Measured, settled
from bench.scale.client import Peer, cost_us
from bench.scale.figures import Curve, Figures, Say
from bench.scale.questions import create_topics, in_turn, list_offsets, metadata, produce
from neuraxis.cli.certificates import make_authority, make_certificate
from neuraxis.wire.messages.api_versions import ApiVersionsRequest

MOST = 10_000
"""The broker's default; the connection that asks is one of them."""
STEPS = (10, 100, 1000, MOST)
PLAIN_LIMIT_KB, TLS_LIMIT_KB = 10.0, 64.0
TOPIC = "telemetry"
WARM = 200
PORTS_OF_AN_ADDRESS = 5000
REQUESTS = 2000


def measure(say: Say) -> Figures:
    """Measure both kinds."""
    figures = Figures()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory(prefix="scale-") as directory:
        context = certify(Path(directory))
        for name, limit_kb in (("plain text", PLAIN_LIMIT_KB), ("TLS", TLS_LIMIT_KB)):
            with Measured(keystore=Path(directory) / "server.pem") as broker:
                _one_kind(broker, name, context if name == "TLS" else None, limit_kb, figures, say)
    return figures


def certify(directory: Path) -> ssl.SSLContext:
    """Make a certificate for a broker, and a context that trusts it."""
    now = datetime.datetime.now(datetime.UTC)
    authority = make_authority("scale", now)
    pair = make_certificate(authority, "broker", ["127.0.0.1"], now)
    (directory / "server.pem").write_bytes(pair.key + pair.certificate)
    return ssl.create_default_context(cadata=authority.certificate.decode())


def greet(broker: Measured, context: ssl.SSLContext | None, number: int) -> Peer:
    """Connect as a client does: which versions, which partitions."""
    source = f"127.0.0.{1 + number // PORTS_OF_AN_ADDRESS}"
    peer = Peer(broker.port if context is None else broker.tls_port, source=source, context=context)
    peer.ask(ApiVersionsRequest(client_software_name="scale", client_software_version="1.0"), 3)
    peer.ask(*metadata(TOPIC))
    return peer


def _one_kind(
    broker: Measured,
    name: str,
    context: ssl.SSLContext | None,
    limit_kb: float,
    figures: Figures,
    say: Say,
) -> None:
    asking = Peer(broker.port)
    create_topics(asking, [TOPIC])
    for peer in [greet(broker, context, number) for number in range(WARM)]:
        peer.close()
    settled(broker)
    before, used_ns = broker.memory_bytes(), broker.cpu_ns()
    curve = Curve(f"Idle connections, {name}", "connections", STEPS)
    peers: list[Peer] = []
    for count in STEPS:
        while len(peers) < count - 1:
            peers.append(greet(broker, context, len(peers)))
        if count == MOST:
            per_connection_us = (broker.cpu_ns() - used_ns) / len(peers) / 1000
            settled(broker)
            each_kb = (broker.memory_bytes() - before) / len(peers) / 1000
        for question, make in (("Produce", produce), ("ListOffsets", list_offsets)):
            curve.add(question, cost_us(broker, asking, [make((TOPIC, 0))] * REQUESTS))
        curve.add(
            "Metadata", cost_us(broker, asking, [metadata(each) for each in in_turn([TOPIC], REQUESTS)])
        )
        say(f"{count} connections, {name}")
    figures.must(f"memory of an idle connection, {name}, {MOST:,} of them", each_kb, limit_kb, "kB")
    figures.draw(curve)
    figures.tell(f"CPU of the broker to let one in, {name}", per_connection_us, "µs")
    figures.tell(f"CPU with {MOST:,} idle connections, {name}", broker.idle_share(10), "% of a core")
    figures.tell(f"descriptors of the broker, {name}", broker.descriptors(), "")
    if not is_refused(broker):
        raise RuntimeError(f"connection {MOST + 1} was not refused")
    for peer in (*peers, asking):
        peer.close()


def is_refused(broker: Measured) -> bool:
    """Whether one more connection is closed at once."""
    try:
        Peer(broker.port).ask(*metadata(TOPIC))
    except ConnectionError:
        return True
    return False
