"""The numbers that the broker counts while it works: plain slots, written by the loop's thread alone, without a lock.

Rule of the file: what a request pays is an addition here and there. Whatever has to be looked for is looked for by who asks
(`survey.py`), and whatever a client can name is bounded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from neuraxis.wire.schema import Message, fields_of

if TYPE_CHECKING:
    from neuraxis.broker.call import Body, Call
    from neuraxis.broker.session import Session

BUCKETS = 64
"""Bucket n of a histogram holds the numbers of n binary digits: nanoseconds of three centuries have 63."""
MAX_SOFTWARE = 200
"""Names and versions of client software counted apart: an organisation has some dozens; what comes later is `OTHER`."""
MAX_CHARACTERS = 100
"""Characters kept of a software's name or version; KIP-511 sets no limit."""
OTHER = ("other", "")

Stopwatch = Callable[[], int]
"""Nanoseconds since some moment."""


def stopped() -> int:
    """A stopwatch that stands still, where nobody looks at times."""
    return 0


class Histogram:
    """How many numbers (0 and above) there were of each size, and their sum."""

    __slots__ = ("buckets", "total")

    def __init__(self) -> None:
        self.buckets = [0] * BUCKETS
        self.total = 0

    def add(self, value: int) -> None:
        """Count a number."""
        self.buckets[value.bit_length()] += 1
        self.total += value

    def take(self, other: Histogram) -> None:
        """Count all that another has counted."""
        self.buckets = [mine + its for mine, its in zip(self.buckets, other.buckets, strict=True)]
        self.total += other.total

    @property
    def count(self) -> int:
        """How many numbers were counted."""
        return sum(self.buckets)


class Waits:
    """The calls of one API and version that could not be answered at once, in nanoseconds.

    `handled` is the time in the handler, `parked` from there to the answer (bytes, a group or time were missing), `durable`
    from there until it left (the disk was), `total` all of it.
    """

    __slots__ = ("durable", "handled", "parked", "total")

    def __init__(self) -> None:
        self.handled = Histogram()
        self.parked = Histogram()
        self.durable = Histogram()
        self.total = Histogram()


class Software:
    """One version of a client software: what was asked by it, and how many connections it has."""

    __slots__ = ("connections", "requests")

    def __init__(self) -> None:
        self.connections = 0
        self.requests = 0


class Tally(Histogram):
    """The requests of one API and version.

    The histogram itself holds those answered at once: their time in the handler is their total.
    """

    __slots__ = ("gone", "key", "open", "version", "waits")

    def __init__(self, key: int, version: int) -> None:
        super().__init__()
        self.key = key
        self.version = version
        self.waits: Waits | None = None
        self.open = 0
        self.gone = 0  # of callers that left before they were answered

    @property
    def requests(self) -> int:
        """Requests so far, those that wait for their answer among them."""
        waited = 0 if self.waits is None else self.waits.total.count
        return self.open + self.gone + self.count + waited

    def waits_for(self, call: Call, began_ns: int, handled_ns: int) -> None:
        """A call was handled without being answered: remember when, and for how long."""
        self.open += 1
        call.timing = Timing(self, began_ns, handled_ns)

    def left(self, timing: Timing, now_ns: int) -> None:
        """The answer to a call that waited leaves."""
        self.open -= 1
        waits = self.waits
        if waits is None:
            waits = self.waits = Waits()
        waits.handled.add(timing.handled_ns)
        waits.total.add(now_ns - timing.began_ns)
        since = timing.began_ns + timing.handled_ns
        if timing.answered_ns:
            waits.parked.add(max(0, timing.answered_ns - since))
            since = max(since, timing.answered_ns)
        waits.durable.add(max(0, now_ns - since))


class Timing:
    """When a call that waits came, how long its handler took, and when it was answered (0: by the handler), in nanoseconds."""

    __slots__ = ("answered_ns", "began_ns", "handled_ns", "tally")

    def __init__(self, tally: Tally, began_ns: int, handled_ns: int) -> None:
        self.tally = tally
        self.began_ns = began_ns
        self.handled_ns = handled_ns
        self.answered_ns = 0


class Counters:
    """All that is counted. The dictionaries are keyed by what the broker knows, but `software`, which is bounded."""

    def __init__(self) -> None:
        self.tallies: dict[tuple[int, int], Tally] = {}
        self.errors: dict[tuple[int, int], int] = {}  # by API key and error code
        self.software: dict[tuple[str, str], Software] = {}
        self.released = Histogram()  # answers that one sync let go
        self.received_bytes = 0
        self.sent_bytes = 0
        self.cold_pieces = 0  # of answers, that a thread had to read
        self.idle_ns = 0
        self.turns = 0
        self.worked = Histogram()  # nanoseconds that a turn of the loop took, without its waiting
        self.throttled: dict[int, Histogram] = {}  # by API key, nanoseconds for which clients were muted
        self.accepted: dict[str, int] = {}  # connections by listener
        self.closed: dict[str, int] = {}
        self.refused = 0
        self.accept_failures = 0
        self.closed_for_cause = 0
        self.logins: dict[tuple[str, bool], int] = {}  # by mechanism, and whether they succeeded

    def tally(self, key: int, version: int) -> Tally:
        """The tally of an API that is served and a version of it."""
        found = self.tallies.get((key, version))
        if found is None:
            found = self.tallies[key, version] = Tally(key, version)
        return found

    def met(self, session: Session) -> None:
        """A connection was taken; what software speaks there it may say later."""
        listener = session.listener
        self.accepted[listener] = self.accepted.get(listener, 0) + 1
        session.software = self._software_of("", "")
        session.software.connections += 1

    def introduced(self, session: Session) -> None:
        """A session said what software speaks there: its requests count for that from now on."""
        session.software.connections -= 1
        session.software = self._software_of(session.software_name, session.software_version)
        session.software.connections += 1

    def parted(self, session: Session) -> None:
        """A connection has ended."""
        listener = session.listener
        self.closed[listener] = self.closed.get(listener, 0) + 1
        session.software.connections -= 1

    def _software_of(self, name: str, version: str) -> Software:
        key = (name[:MAX_CHARACTERS], version[:MAX_CHARACTERS])
        if key not in self.software and len(self.software) >= MAX_SOFTWARE:
            key = OTHER
        return self.software.setdefault(key, Software())

    def abandoned(self, call: Call) -> None:
        """A call will get no answer: its peer is gone."""
        if call.timing is not None:
            call.timing.tally.open -= 1
            call.timing.tally.gone += 1
            call.timing = None

    def logged_in(self, mechanism: str, *, succeeded: bool) -> None:
        """A login has ended, one way or the other."""
        key = (mechanism, succeeded)
        self.logins[key] = self.logins.get(key, 0) + 1

    def muted(self, key: int, throttle_ms: int) -> None:
        """A client is made to wait after an answer."""
        self.throttled.setdefault(key, Histogram()).add(throttle_ms * 1_000_000)

    def answered(self, key: int, response: Body) -> None:
        """Count the errors that an answer holds, wherever they stand in it."""
        for code in error_codes(response):
            self.errors[key, code] = self.errors.get((key, code), 0) + 1


_places: dict[type, tuple[bool, tuple[str, ...]]] = {}
# Whether a class has an error code, and its arrays in which there are more: one entry per class of the wire.


def error_codes(response: Body) -> list[int]:
    """The error codes in a response that are not 0."""
    if not isinstance(response, Message):
        return []
    found: list[int] = []
    _collect(response, _places_of(type(response)), found)
    return found


def _collect(part: Body, places: tuple[bool, tuple[str, ...]], found: list[int]) -> None:
    has_code, arrays = places
    if has_code and part.error_code:
        found.append(int(part.error_code))
    for name in arrays:
        elements = getattr(part, name)
        if elements:
            inner = _places_of(type(elements[0]))
            for element in elements:
                _collect(element, inner, found)


def _places_of(cls: type) -> tuple[bool, tuple[str, ...]]:
    known = _places.get(cls)
    if known is None:
        has_code, arrays = False, []
        for name, field in fields_of(cls):
            if name == "error_code":
                has_code = True
            elif field.kind == "array" and isinstance(field.item, type) and any(_places_of(field.item)):
                arrays.append(name)
        known = _places[cls] = has_code, tuple(arrays)
    return known
