"""One request in progress, and how a handler declares what it serves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from neuraxis.wire import messages
from neuraxis.wire.schema import schema_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuraxis.broker.metrics.counters import Timing
    from neuraxis.broker.session import Session
    from neuraxis.broker.work import Now


class Completion(Protocol):
    """Where an answered call goes: the core's list of calls to send."""

    def append(self, call: Call, /) -> None: ...


@dataclass(slots=True, eq=False)
class Call:
    """A request being served.

    `ticket` is the newest write this call made or saw: its reply leaves only when the store is durable up to it.
    `holds` says that later calls of the same connection wait for this one (it is parked for bytes, a group or time).
    `timing` is there once the call was handled without being answered.
    """

    session: Session
    api_key: int
    api_version: int
    correlation_id: int
    client_id: str | None
    token: int
    now: Now
    completion: Completion
    ticket: int = 0
    response: Any = None  # Any: every response class of the wire; encoded by its key and version
    answered: bool = False
    holds: bool = False
    abandon: Callable[[], None] | None = field(default=None)
    timing: Timing | None = None

    def saw(self, ticket: int) -> None:
        """Remember that this call saw or made the write with this ticket."""
        if ticket > self.ticket:
            self.ticket = ticket

    def answer(self, response: Any) -> None:  # Any: see `response`
        """Answer a parked call, once; a call already answered or abandoned ignores it."""
        if self.answered:
            return
        self.answered = True
        self.response = response
        self.abandon = None
        self.completion.append(self)


class _Marker:
    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


PARKED: Final = _Marker("PARKED")
"""A handler returns this when `Call.answer` will answer later; set `call.abandon` for clean-up."""

NO_REPLY: Final = _Marker("NO_REPLY")
"""A handler returns this when the protocol wants no answer (Produce with acks=0)."""

CLOSE: Final = _Marker("CLOSE")
"""A handler returns this when the connection must be closed without an answer."""

Body = Any  # Any: request and response objects of every API, seen through their declared fields

Handled = Any  # Any: a response object of the wire, or one of the markers above


@dataclass(frozen=True, slots=True)
class Api:
    """One row of the API table."""

    key: int
    name: str
    minimum: int
    maximum: int
    advertised_minimum: int
    request: type
    response: type
    handler: Callable[[Any, Call, Any], Handled]  # Any: Node, and the request class of the key
    needs: str
    anonymous: bool
    advertised: bool = True


HANDLERS: dict[int, Api] = {}
"""Filled by the `handles` decorator when the handler modules are imported; read through `registry.py` only."""


def handles(
    request: type,
    *,
    versions: str,
    needs: str,
    advertised_minimum: int | None = None,
    anonymous: bool = False,
    advertised: bool = True,
) -> Callable[[Callable[..., Handled]], Callable[..., Handled]]:
    """Register a handler for the request class.

    Args:
        request: the request class; its key and response class come from `wire.messages`.
        versions: the versions served, `"3-13"` or `"0"`.
        needs: the authorisation the API asks for, in words the table shows (`"WRITE topic"`).
        advertised_minimum: the lowest version shown in ApiVersions when it differs from the lowest one served.
        anonymous: may be called before authentication.
        advertised: shown in ApiVersions; our own APIs are not, so that the table is Kafka's.
    """
    low, _, high = versions.partition("-")
    schema = schema_of(request)
    key = schema.key
    assert schema.kind == "request", f"{request.__name__} is not a request"
    assert key is not None, f"{request.__name__} has no key"

    def register(handler: Callable[..., Handled]) -> Callable[..., Handled]:
        assert key not in HANDLERS, f"two handlers for key {key}"
        HANDLERS[key] = Api(
            key=key,
            name=messages.API_NAMES[key],
            minimum=int(low),
            maximum=int(high or low),
            advertised_minimum=int(low) if advertised_minimum is None else advertised_minimum,
            request=request,
            response=messages.response_class(key),
            handler=handler,
            needs=needs,
            anonymous=anonymous,
            advertised=advertised,
        )
        return handler

    return register
