"""A broker in a thread of your own process: for tests, notebooks and scripts."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from neuraxis.broker.config import BrokerConfig, Listener
from neuraxis.broker.log.fs import DiskFs
from neuraxis.broker.log.memory import MemoryFs
from neuraxis.broker.server import Server

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

STOP_TIMEOUT_S = 30.0


class BrokerNotRunning(RuntimeError):
    """The broker was not started, or it has stopped."""


class Broker:
    """A Kafka-compatible broker inside this process.

    Without `data_dir` everything is kept in memory and gone when it stops. With one, what was acknowledged is kept
    as the durability policy says (`sync`: on disk before the acknowledgement).

        with neuraxis.Broker() as broker:
            producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap})

    Args:
        data_dir: directory for the data; created if absent; None for memory.
        host: address to listen on and to advertise.
        port: port to listen on; 0 takes a free one.
        durability: `sync`, `interval` or `os`; the default is `sync` with a data directory.
        settings: broker configs by Kafka's name (`{"num.partitions": "3"}`); values are turned into text.

    Raises:
        OSError: the address cannot be bound.
        DirectoryInUse, FormatTooNew, StorageFailed: the data directory cannot be used; the message says what to do.
        ValueError: an unknown durability policy or setting.
    """

    def __init__(
        self,
        data_dir: str | Path | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        durability: str | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> None:
        texts = {name: _text(value) for name, value in (settings or {}).items()}
        self._config = BrokerConfig(
            data_dir=None if data_dir is None else str(data_dir),
            listeners=(Listener("PLAINTEXT", "PLAINTEXT", host, port, host, 0),),
            durability=durability or ("os" if data_dir is None else "sync"),
            kafka=texts,
        )
        self._config.check()
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None

    def start(self) -> Self:
        """Recover, listen, and serve from a thread. Returns when clients can connect."""
        if self._thread is not None:
            raise BrokerNotRunning("this broker was started already; make a new one to start again")
        data_dir = self._config.data_dir
        server = Server(self._config, MemoryFs() if data_dir is None else DiskFs(data_dir))
        server.open()
        self._server = server
        self._thread = threading.Thread(
            target=self._serve, args=(server,), name="neuraxis-broker", daemon=True
        )
        self._thread.start()
        return self

    def _serve(self, server: Server) -> None:
        try:
            server.serve()
        except BaseException as failure:  # noqa: BLE001 - handed to whoever calls stop()
            self._failure = failure

    def stop(self) -> None:
        """Stop cleanly: answer what waits for the disk, sync, close. Raises what made the broker fail, if it did."""
        if self._server is None or self._thread is None:
            return
        self._server.stop()
        self._thread.join(STOP_TIMEOUT_S)
        if self._thread.is_alive():
            raise TimeoutError(f"the broker did not stop within {STOP_TIMEOUT_S:.0f} s")
        self._server = None
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    @property
    def bootstrap(self) -> str:
        """What clients take as `bootstrap.servers`."""
        if self._server is None:
            raise BrokerNotRunning(
                "the broker is not running: use `with Broker() as broker:` or call start()"
            )
        listener = self._server.config.listeners[0]
        return f"{listener.advertised_host}:{listener.advertised_port}"

    @property
    def metrics_url(self) -> str | None:
        """Where Prometheus finds the metrics (`neuraxis.metrics.listener`); None: nowhere."""
        if self._server is None:
            raise BrokerNotRunning(
                "the broker is not running: use `with Broker() as broker:` or call start()"
            )
        return self._server.metrics_url

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
