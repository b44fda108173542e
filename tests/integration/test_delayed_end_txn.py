"""An EndTxn that is delayed on the way until the next transaction is open: it must end nothing.

The clients here speak the old protocol, in which every transaction of a producer has the same epoch.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from compat.brokers import Neuraxis, free_port

END_TXN = 26
DEADLINE_S = 30.0


class DelayingProxy:
    """Stands before the broker; takes the first EndTxn off the wire and drops its client's connection, as a network may."""

    def __init__(self, port: int, target: int) -> None:
        self.target = target
        self.delayed: tuple[socket.socket, bytes] | None = None
        self.caught = threading.Event()
        self._armed = False
        self._said = b""
        self._over = threading.Event()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", port))
        self._start(self._accept)

    def arm(self) -> None:
        """Catch the next EndTxn."""
        self._armed = True

    def release(self) -> bytes:
        """Let the delayed request go on; what the broker says to it, until it closes the connection."""
        assert self.delayed is not None
        upstream, frame = self.delayed
        upstream.sendall(frame)
        assert self._over.wait(DEADLINE_S), "the broker keeps the connection open"
        return self._said

    def close(self) -> None:
        """Stop forwarding."""
        self._listener.close()
        for each in self._sockets:
            each.close()

    def _start(self, run: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=run, args=arguments, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            upstream = socket.create_connection(("127.0.0.1", self.target))
            self._sockets += [client, upstream]
            self._start(self._requests, client, upstream)
            self._start(self._answers, client, upstream)

    def _requests(self, client: socket.socket, upstream: socket.socket) -> None:
        reader = client.makefile("rb")
        try:
            while len(head := reader.read(4)) == 4:
                frame = head + reader.read(struct.unpack(">i", head)[0])
                if self._armed and struct.unpack_from(">h", frame, 4)[0] == END_TXN:
                    self._armed = False
                    self.delayed = (upstream, frame)
                    client.shutdown(socket.SHUT_RDWR)
                    self.caught.set()
                    return
                upstream.sendall(frame)
            upstream.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def _answers(self, client: socket.socket, upstream: socket.socket) -> None:
        try:
            while part := upstream.recv(65_536):
                if self.delayed and self.delayed[0] is upstream:
                    self._said += part
                else:
                    client.sendall(part)
        except OSError:
            return
        if self.delayed and self.delayed[0] is upstream:
            self._over.set()


class BehindProxy(Neuraxis):
    """A broker that tells its clients the proxy's address."""

    def __init__(self, advertised: int) -> None:
        super().__init__({"group.initial.rebalance.delay.ms": "0"}, durability="sync")
        self.advertised = advertised

    def command(self) -> Sequence[str]:
        return [*super().command(), "--advertised", f"127.0.0.1:{self.advertised}"]


@pytest.fixture
def proxy() -> Iterator[tuple[DelayingProxy, str]]:
    port = free_port()
    with BehindProxy(port) as broker:
        standing = DelayingProxy(port, broker.port)
        try:
            yield standing, f"127.0.0.1:{port}"
        finally:
            standing.close()


def test_a_delayed_abort_does_not_touch_the_next_transaction(proxy: tuple[DelayingProxy, str]) -> None:
    standing, bootstrap = proxy
    admin = AdminClient({"bootstrap.servers": bootstrap})
    (made,) = admin.create_topics([NewTopic("t", 1)]).values()
    made.result(timeout=DEADLINE_S)
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "payments"})
    producer.init_transactions(DEADLINE_S)
    producer.begin_transaction()
    producer.produce("t", b"dropped", partition=0)
    producer.flush(DEADLINE_S)
    standing.arm()
    producer.abort_transaction(DEADLINE_S)
    assert standing.caught.is_set(), "the client's request was not delayed"
    producer.begin_transaction()
    producer.produce("t", b"kept-0", partition=0)
    producer.flush(DEADLINE_S)
    assert standing.release() == b"", "whoever is delayed is not answered, its connection is closed"
    producer.produce("t", b"kept-1", partition=0)
    producer.commit_transaction(DEADLINE_S)
    assert committed_values(bootstrap) == [b"kept-0", b"kept-1"]


def committed_values(bootstrap: str) -> list[bytes | None]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "enable.partition.eof": True})
    consumer.assign([TopicPartition("t", 0, 0)])
    values = []
    while (message := consumer.poll(DEADLINE_S)) is not None and message.error() is None:
        values.append(message.value())
    consumer.close()
    return values
