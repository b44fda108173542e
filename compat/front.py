"""A port that stays open while the broker behind it is away: what a service proxy or a supervisor that holds the socket is.

A connection is accepted at once and waits until the broker takes it; when the broker dies, its connections end. Bytes pass
unread. The rule of the file: a client may be made to wait, it is never answered by anybody but the broker.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from types import TracebackType
from typing import Self

RETRY_S = 0.02
PATIENCE_S = 60.0  # as long as a broker may take to start
CHUNK = 1 << 18


class Front:
    """Listens on `port` and forwards to `broker_port`, both on loopback; a context manager with a thread of its own."""

    def __init__(self, port: int, broker_port: int) -> None:
        self.port = port
        self.broker_port = broker_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="front", daemon=True)
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def bootstrap(self) -> str:
        """Where clients connect."""
        return f"127.0.0.1:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            with contextlib.suppress(
                asyncio.CancelledError
            ):  # by `_close`, which waits for it: nothing comes after
                upstream = await self._connect()
                if upstream is not None:
                    await _join((reader, writer), upstream)
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        deadline = self._loop.time() + PATIENCE_S
        while self._loop.time() < deadline:
            try:
                return await asyncio.open_connection("127.0.0.1", self.broker_port, limit=CHUNK)
            except OSError:
                await asyncio.sleep(RETRY_S)
        return None

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=CHUNK)

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _join(client: Stream, broker: Stream) -> None:
    """Pass bytes both ways until one side ends; then end the other."""
    pumps = {
        asyncio.create_task(_pump(client[0], broker[1])),
        asyncio.create_task(_pump(broker[0], client[1])),
    }
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        broker[1].transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
