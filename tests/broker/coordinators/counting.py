"""A coordinator small enough to see through: it counts, remembers parked calls, and lives on a real log in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from neuraxis.broker.call import Call
from neuraxis.broker.coordinators.machine import Outcome, Reply
from neuraxis.broker.coordinators.runtime import Shard
from neuraxis.broker.log.memory import MemoryFs
from neuraxis.broker.log.settings import LogSettings, StoreOptions
from neuraxis.broker.log.store import LogStore
from neuraxis.broker.partition import Partition, Writes
from neuraxis.broker.session import Session
from neuraxis.broker.work import Now, perform
from neuraxis.wire.errors import ErrorCode, Refused

NOW = Now(1_000, 1_700_000_000_000)
TOPIC_ID = b"counting-topic--"


@dataclass
class Counts:
    """Hard: values by name. Soft: tokens that wait, and when they are answered anyway."""

    values: dict[str, int] = field(default_factory=dict)
    waiting: list[int] = field(default_factory=list)
    due_ms: int | None = None
    resumed: int = 0


class Counting:
    """Commands: ("add", name, token), ("wait", token), ("refuse",), ("break",)."""

    def new_state(self) -> Counts:
        return Counts()

    def decide(self, state: Counts, command: Any, now: Now) -> Outcome[Any]:
        match command:
            case ("add", name, token):
                value = state.values.get(name, 0) + 1
                replies = [Reply(token, value), *(Reply(each, "woken") for each in state.waiting)]
                return Outcome((("is", name, value),), (("waiting", ()),), tuple(replies))
            case ("wait", token):
                return Outcome(notes=(("waiting", (*state.waiting, token)),))
            case ("refuse",):
                raise Refused(ErrorCode.INVALID_REQUEST)
            case ("break",):
                return Outcome((("broken",),))
        raise AssertionError(command)

    def apply(self, state: Counts, fact: Any, now: Now) -> None:
        match fact:
            case ("is", name, None):
                state.values.pop(name, None)
            case ("is", name, value):
                state.values[name] = value
            case ("waiting", tokens):
                state.waiting = list(tokens)
                state.due_ms = now.mono_ms + 50 if tokens else None
            case ("resumed",):
                state.resumed += 1
            case _:
                raise ValueError("cannot take this fact")

    def resume(self, state: Counts, now: Now) -> Outcome[Any]:
        return Outcome(notes=(("resumed",),))

    def expire(self, state: Counts, now: Now) -> Outcome[Any]:
        return Outcome(notes=(("waiting", ()),), replies=tuple(Reply(each, "late") for each in state.waiting))

    def deadline(self, state: Counts) -> int | None:
        return state.due_ms

    def encode(self, fact: Any) -> tuple[bytes, bytes | None]:
        if fact == ("broken",):
            return b"broken", b""
        return fact[1].encode(), b"%d" % fact[2]

    def decode(self, key: bytes, value: bytes | None) -> Any:
        if key == b"other":
            return None
        if key == b"broken":
            return ("broken",)
        return ("is", key.decode(), None if value is None else int(value))

    def facts(self, state: Counts) -> Iterator[Any]:
        for name, value in state.values.items():
            yield ("is", name, value)


class KeptFs(MemoryFs):
    """Files in memory that outlive the store."""

    def close(self) -> None:
        pass


class Bench:
    """A store in memory with one log and one coordinator over it."""

    def __init__(self, fs: KeptFs | None = None) -> None:
        self.fs = fs or KeptFs()
        self.store = LogStore(self.fs, StoreOptions())
        self.store.recover(NOW)
        log = self.store.logs.get((TOPIC_ID, 0))
        if log is None:
            log = self.store.create_log("counts", TOPIC_ID, 0, LogSettings(delete=False))
        self.partition = Partition(log, Writes())
        self.machine = Counting()
        self.shard: Shard[Counts, Any] = Shard(self.machine, self.partition, self.store)
        self.loaded = self.shard.load(NOW)
        self.completed: list[Call] = []
        self._token = 0

    def call(self) -> Call:
        self._token += 1
        session = Session(1, "PLAINTEXT", "127.0.0.1", 5)
        return Call(session, 0, 0, self._token, "client", self._token, NOW, self.completed)

    def add(self, name: str) -> Any:
        call = self.call()
        return self.shard.execute(("add", name, call.token), call, NOW)

    def work(self) -> list[str]:
        """Perform all works there are; their kinds."""
        kinds = []
        for _ in range(100):
            works = self.store.take_work()
            if not works:
                return kinds
            for each in works:
                kinds.append(each.kind)
                self.store.done(each.id, perform(self.fs, each), None, NOW)
        raise AssertionError("the works do not end")

    def restart(self) -> Bench:
        self.work()
        self.store.close(NOW)
        return Bench(self.fs)
