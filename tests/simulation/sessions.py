"""The client's side of every fetch session of a process, and the proof that it sees exactly what sessionless fetches see.

Rule of the file: what a session should know comes from the requests alone; what it should be told, from a sessionless read at
the moment of the answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from neuraxis.broker import fetch_reading
from neuraxis.broker.handlers import fetch
from neuraxis.wire.errors import ErrorCode
from tests.simulation.story import Violation

if TYPE_CHECKING:
    from typing import Any  # Any: the fetch handler's waiters, requests and answers

    from neuraxis.broker.core import Core
    from neuraxis.wire.messages.fetch import FetchPartition

Key = tuple[str | bytes, int]
PLENTY = 1 << 30


@dataclass(slots=True)
class Mirror:
    """One session as its client knows it: what it asks, and the (high watermark, log start) it was told last."""

    asked: dict[Key, FetchPartition] = field(default_factory=dict)
    told: dict[Key, tuple[int, int] | None] = field(default_factory=dict)


class Mirrors:
    """All sessions of the present process."""

    def __init__(self) -> None:
        self.by_id: dict[int, Mirror] = {}
        self._silent: list[tuple[Any, Key, str]] = []

    def listen(self, core: Core) -> None:
        """A process begins: there are no sessions."""
        self.by_id = {}
        self._silent = []
        sessions = core.node.fetch_sessions
        begin_or_go_on = sessions.open

        def opened(request: Any, *, by_id: bool, **rest: Any) -> Any:
            session = begin_or_go_on(request, by_id=by_id, **rest)
            if session is not None:
                self._asked(session.id, request, by_id=by_id)
            return session

        sessions.open = opened  # type: ignore[method-assign]  # one instance of it

    def _asked(self, session_id: int, request: Any, *, by_id: bool) -> None:
        mirror = self.by_id.setdefault(session_id, Mirror())
        if request.session_epoch == 0:
            mirror = self.by_id[session_id] = Mirror()
        for topic in request.topics:
            for asked in topic.partitions:
                mirror.asked[topic.topic_id if by_id else topic.topic, asked.partition] = asked
        if request.session_epoch > 0:
            for topic in request.forgotten_topics_data:
                for index in topic.partitions:
                    key = topic.topic_id if by_id else topic.topic, index
                    mirror.asked.pop(key, None)
                    mirror.told.pop(key, None)

    def answered(self, waiter: Any, wanted: list[Any], answers: list[Any]) -> None:
        """A session's fetch is answered with these."""
        mirror = self.by_id[waiter.session.id]
        shown = {(each.named, each.asked.partition): data for each, data in zip(wanted, answers, strict=True)}
        strangers = shown.keys() - mirror.asked.keys()
        if strangers:
            raise Violation(
                f"a fetch session was told of {sorted(map(str, strangers))}, which it does not read"
            )
        with_records = any(data.records for data in answers)
        for key, asked in mirror.asked.items():
            expected = sessionless(waiter, key, asked)
            data = shown.get(key)
            if data is None:
                self._check_silence(waiter.session, mirror, key, expected, with_records=with_records)
            else:
                self._check_answer(key, data, expected, with_records=with_records)
                marks = data.high_watermark, data.log_start_offset
                mirror.told[key] = None if data.error_code else marks

    def _check_answer(self, key: Key, data: Any, expected: Any, *, with_records: bool) -> None:
        if expected.error_code == ErrorCode.KAFKA_STORAGE_ERROR and with_records and not data.records:
            return  # nobody had a look: the others' records were enough
        for name in (
            "error_code",
            "high_watermark",
            "last_stable_offset",
            "log_start_offset",
            "diverging_epoch",
        ):
            if getattr(data, name) != getattr(expected, name):
                raise Violation(
                    f"in a session {name} of {key} is {getattr(data, name)}, without {getattr(expected, name)}"
                )
        if data.records:
            found, whole = data.records, expected.records
            if not whole or (found.file, found.position) != (whole.file, whole.position):
                raise Violation(f"in a session the records of {key} are {found}, without {whole}")
        elif expected.records and not with_records:
            raise Violation(f"in a session {key} has no records, without it has {expected.records}")

    def _check_silence(
        self, session: Any, mirror: Mirror, key: Key, expected: Any, *, with_records: bool
    ) -> None:
        marks = expected.high_watermark, expected.log_start_offset
        known = mirror.told.get(key)
        if expected.error_code or expected.diverging_epoch is not None:
            problem = f"a session is not told error {expected.error_code} of {key}"
            self._silent.append((session, key, problem))
        elif known != marks:
            self._silent.append((session, key, f"a session is not told that {key} is at {marks}: {known}"))
        elif expected.records and not with_records:
            self._silent.append((session, key, f"a session is not told the records of {key}"))

    def after_step(self) -> None:
        """News comes to a session's partitions one after the other: what it was not told yet is dirty by now."""
        silent, self._silent = self._silent, []
        for session, key, problem in silent:
            if not session.ended and key in session.entries and key not in session.dirty:
                raise Violation(problem)

    def check_waiting(self, core: Core) -> None:
        """No session's fetch waits for what is there."""
        for session in core.node.fetch_sessions.sessions.values():
            waiter = getattr(session.on_news, "__self__", None)
            if waiter is None or waiter.request.min_bytes > 1:
                continue
            for key, asked in self.by_id[session.id].asked.items():
                expected = sessionless(waiter, key, asked)
                # Who reads what was deleted meanwhile, or found rotten, learns it at the timeout; a topic that came or went
                # wakes its waiters.
                late = ErrorCode.OFFSET_OUT_OF_RANGE, ErrorCode.KAFKA_STORAGE_ERROR
                failed = expected.error_code not in (0, *late)
                if expected.records or expected.diverging_epoch is not None or failed:
                    client = waiter.call.session.client_id
                    raise Violation(f"a fetch of {client} in a session waits although {key} has {expected}")


def sessionless(waiter: Any, key: Key, asked: FetchPartition) -> Any:
    """What a fetch of this partition alone, without a session, would be told now."""
    alone = fetch._Waiter(waiter.node, waiter.call, waiter.request, None)
    committed = waiter.request.isolation_level == fetch.READ_COMMITTED
    wanted = alone.find(key[0], asked)
    fs = waiter.node.store.fs
    attempt, fs.attempt = fs.attempt, None  # a checker may wait for the disk
    try:
        data = fetch_reading.read_partition(wanted, PLENTY, [], committed=committed, first=True)
    finally:
        fs.attempt = attempt
    if data.records:
        data.records.release()  # type: ignore[union-attr]  # a Range, as `_read` puts it there
    return data
