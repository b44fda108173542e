"""compat/front.py: a connection made while the broker is away waits for it, and ends with it."""

from __future__ import annotations

import contextlib
import socket

from compat.brokers import free_port
from compat.front import Front


def listener(port: int) -> socket.socket:
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", port))
    server.listen()
    server.settimeout(20)
    return server


def test_a_connection_waits_for_the_broker_and_ends_with_it() -> None:
    first = free_port(2)
    with Front(first, first + 1) as front, contextlib.ExitStack() as held:
        client = held.enter_context(socket.create_connection(("127.0.0.1", front.port), timeout=20))
        client.sendall(b"early")
        server = held.enter_context(listener(front.broker_port))
        broker, _ = server.accept()
        assert broker.recv(5) == b"early"
        broker.sendall(b"answer")
        assert client.recv(6) == b"answer"
        broker.close()
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(1) == b""
