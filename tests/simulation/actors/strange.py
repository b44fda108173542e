"""Clients that nobody likes: one too old for everything, one that sends random bytes."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

from neuraxis.wire import messages
from neuraxis.wire.codec import encode
from neuraxis.wire.messages.api_versions import ApiVersionsRequest
from tests.simulation.actors.script import Actor, Ask, Pause, ScriptedActor
from tests.simulation.story import Violation

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any  # Any: responses


class OldClient(ScriptedActor):
    """Asks for versions that are not served: the connection closes, and ApiVersions alone answers."""

    def live(self) -> Generator[Pause | Ask, Any, None]:
        while not self.world.healed:
            reply = yield Ask(ApiVersionsRequest("old", "0.1"), self.rng.randint(0, 5))
            if reply is not None and (reply.error_code or not reply.api_keys):
                raise Violation(f"ApiVersions was answered with {reply.error_code}")
            if self.rng.random() < 0.5:
                key, version = self.rng.choice(
                    ((0, 2), (1, 3), (2, 0), (11, 99), (77, 0), (9_999, 0), (19, 0))
                )
                link = self.client.connect()
                link.send_to_host(pack(">ihhihi", 14, key, version, 1, -1, 0))
                self.world.injected["unknown API version"] += 1
                yield Pause(200)
            yield Pause(self.rng.randint(200, 1_500))


class Garbage(Actor):
    """Random bytes, random bodies behind good headers, frames of absurd sizes, and hanging up in the middle."""

    def start(self) -> None:
        if self.world.healed:
            return
        rng = self.rng
        self.client.deaf = True
        self.world.injected["random bytes"] += 1
        link = self.client.connect()
        kind = rng.randrange(5)
        if kind == 0:
            link.send_to_host(rng.randbytes(rng.randint(1, 60)))
        elif kind == 1:
            link.send_to_host(pack(">i", rng.choice((-1, 1 << 30, 0, 7))) + rng.randbytes(8))
        elif kind == 2:
            key = rng.choice((0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 18, 19, 20, 21, 22, 23, 37, 42, 44, 47))
            version = rng.choice(messages.versions(key))
            body = rng.randbytes(rng.randint(0, 80))
            frame = pack(">hhih", key, version, 5, -1) + b"\0" * rng.randint(0, 1) + body
            link.send_to_host(pack(">i", len(frame)) + frame)
        elif kind == 3:
            self._mutated(link)
        else:
            link.send_to_host(pack(">i", 500) + rng.randbytes(100))
        if rng.random() < 0.7:
            self.world.after(rng.randint(0, 100), self.client.hang_up)
        self.world.after(rng.randint(100, 1_200), self.start)

    def _mutated(self, link: Any) -> None:
        """A good request with a few bytes changed. Only reading requests: others would do what nobody remembers."""
        rng = self.rng
        key = rng.choice((1, 2, 9, 10, 12, 18, 23))
        version = rng.choice(messages.versions(key))
        body = bytearray(encode(messages.request_class(key)(), version))
        for _ in range(rng.randint(1, 4)):
            if body:
                body[rng.randrange(len(body))] = rng.randrange(256)
        frame = pack(">hhih", key, version, 6, -1) + (
            b"\0" if version >= messages.flexible_from(key) else b""
        )
        link.send_to_host(pack(">i", len(frame) + len(body)) + frame + body)
