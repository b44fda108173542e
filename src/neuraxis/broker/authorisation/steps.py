"""The steps of which what an API asks of the authoriser is made, and how a refused part is answered.

The rule of the file: a step gets a request, takes out what is refused, lets the rest go on to the handler (`proceed`), and
answers the refused part as Kafka would. Nothing of an answer depends on whether a refused thing exists.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from neuraxis.broker.authorisation.authoriser import (
    CLUSTER,
    CLUSTER_NAME,
    DELEGATION_TOKEN,
    GROUP,
    TOPIC,
    TRANSACTIONAL_ID,
    USER,
)
from neuraxis.broker.call import CLOSE, NO_REPLY, PARKED
from neuraxis.broker.refusal import refusal
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.schema import fields_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from neuraxis.broker.authorisation.guard import Guard
    from neuraxis.broker.call import Api, Body, Call, Handled
    from neuraxis.broker.node import Node

CODES = {
    TOPIC: ErrorCode.TOPIC_AUTHORIZATION_FAILED,
    GROUP: ErrorCode.GROUP_AUTHORIZATION_FAILED,
    CLUSTER: ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
    TRANSACTIONAL_ID: ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    DELEGATION_TOKEN: ErrorCode.DELEGATION_TOKEN_AUTHORIZATION_FAILED,
    USER: ErrorCode.DELEGATION_TOKEN_AUTHORIZATION_FAILED,
}
"""What is answered when something may not be done to a resource of this kind."""

Proceed = Callable[["Body"], "Handled"]
Need = tuple[int, int]
"""An operation and a kind of resource."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request under way: who asks, and of which API."""

    guard: Guard
    node: Node
    api: Api
    call: Call

    def allows(self, operation: int, kind: int, name: str = CLUSTER_NAME) -> bool:
        """Whether the caller may do this; goes into the audit log."""
        return self.guard.allows(self.call, operation, kind, name)

    def would_allow(self, operation: int, kind: int, name: str = CLUSTER_NAME) -> bool:
        """The same where a no refuses nothing: it hides something, or another rule may still allow it."""
        return self.guard.would_allow(self.call, operation, kind, name)

    def those_of(self, field: int, kind: int, name: str = CLUSTER_NAME) -> int:
        """The operations of the bit field that the caller may do to the resource."""
        operations = [bit for bit in range(field.bit_length()) if field >> bit & 1]
        return sum(1 << each for each in operations if self.would_allow(each, kind, name))

    def topic_name(self, topic_id: bytes) -> str | None:
        """The name of the topic with this id, or None."""
        topic = self.node.topics_by_id.get(bytes(topic_id))
        return None if topic is None else topic.name

    def refused(self, request: Body, code: int) -> Body:
        """The answer that says this code to everything the request names; an empty one where it has no place for a code."""
        answer = refusal(request, self.api.response, code, self.call.api_version)
        if answer is None:
            return self.api.response()
        explain(answer, ErrorCode(code).message)
        return answer

    def has(self, field: str) -> bool:
        """Whether this version of the request has the field."""
        return dict(fields_of(self.api.request))[field].present(self.call.api_version)


UNKNOWN = {
    "base_offset": -1,
    "committed_offset": -1,
    "leader_epoch": -1,
    "low_watermark": -1,
    "num_partitions": -1,
    "replication_factor": -1,
    "start_offset": -1,
}
"""What stands in a refused part for numbers that nobody is told, where the message's own default is another."""


def explain(answer: Body, message: str) -> None:
    """Beside every error of an answer say the message, if there is a place for one, and nothing else that would mislead."""
    for name, field in fields_of(type(answer)):
        if field.kind == "array" and isinstance(field.item, type):
            for element in getattr(answer, name) or ():
                explain(element, message)
        elif getattr(answer, "error_code", 0):
            if name == "error_message":
                answer.error_message = message
            elif name in UNKNOWN:
                setattr(answer, name, UNKNOWN[name])


def refuse_whole(asked: Asked, request: Body, code: int) -> Body:
    """The answer that says the code once, if it has a place for it at the top, else to everything the request names."""
    version, fields = asked.call.api_version, dict(fields_of(asked.api.response))
    if "error_code" not in fields or not fields["error_code"].present(version):
        return asked.refused(request, code)
    answer = asked.api.response(error_code=code)
    for name, field in fields.items():
        if field.kind == "string" and field.is_nullable(version):
            setattr(answer, name, None)
    explain(answer, ErrorCode(code).message)
    return answer


@dataclass(frozen=True, slots=True)
class Whole:
    """The whole request needs the operation: on the resource that `field` names, or on the cluster.

    `instead`: another operation that will do as well. `refuse` builds the answer where the general way cannot.
    """

    operation: int
    kind: int
    field: str = ""
    instead: int = 0
    refuse: Callable[[Asked, Body, int], Body] = refuse_whole

    @property
    def needs(self) -> tuple[Need, ...]:
        """What is asked for."""
        return ((self.operation, self.kind),)

    def __call__(self, asked: Asked, request: Body, proceed: Proceed) -> Handled:
        """Refuse all, or go on."""
        name = getattr(request, self.field) or "" if self.field else CLUSTER_NAME
        if self.instead and asked.would_allow(self.instead, self.kind, name):
            return proceed(request)
        if asked.allows(self.operation, self.kind, name):
            return proceed(request)
        return self.refuse(asked, request, CODES[self.kind])


@dataclass(frozen=True, slots=True)
class Each:
    """Each element of an array of the request needs the operation on the resource that its `name` names.

    Without `name` the elements are the names. From version `ids_from` on topics are named by id. `unless`: an operation
    on the cluster that spares the question.
    """

    operation: int
    kind: int
    array: str
    name: str = "name"
    ids_from: int = 1 << 15
    unless: int = 0

    @property
    def needs(self) -> tuple[Need, ...]:
        """What is asked for."""
        return ((self.operation, self.kind),)

    def __call__(self, asked: Asked, request: Body, proceed: Proceed) -> Handled:
        """Refuse some, and go on with the others."""
        if self.unless and asked.would_allow(self.unless, CLUSTER):
            return proceed(request)
        by_id = asked.call.api_version >= self.ids_from

        def allowed(element: Body) -> bool:
            name = self._name(asked, element, by_id=by_id)
            return name is None or asked.allows(self.operation, self.kind, name)

        kept, denied = sorted_out(getattr(request, self.array) or (), allowed)
        return without(asked, request, Split(self.array, kept, denied), CODES[self.kind], proceed)

    def _name(self, asked: Asked, element: Body, *, by_id: bool) -> str | None:
        if by_id:
            return asked.topic_name(element.topic_id)
        found: str = getattr(element, self.name) if self.name else element
        return found


class Split(NamedTuple):
    """What of an array of a request is allowed, and what is not."""

    array: str
    kept: list[Body]
    denied: list[Body]


def without(asked: Asked, request: Body, split: Split, code: int, proceed: Proceed) -> Handled:
    """Go on with the elements kept, and add the answer to those denied. Nothing is done when none is kept."""
    if not split.denied:
        return proceed(request)
    refused = asked.refused(part(request, split.array, split.denied), code)
    if not split.kept:
        return CLOSE if getattr(request, "acks", 1) == 0 else refused
    answer = proceed(part(request, split.array, split.kept))
    if answer is NO_REPLY or answer is CLOSE:
        return CLOSE  # a producer that wants no answers learns of an error in this way, as from Kafka
    assert answer is not PARKED, f"{asked.api.name} has parts that can be refused, and is parked"
    return merged(answer, refused)


def sorted_out(elements: Iterable[Body], allowed: Callable[[Body], bool]) -> tuple[list[Body], list[Body]]:
    """The elements that are allowed, and the others."""
    kept: list[Body] = []
    denied: list[Body] = []
    for element in elements:
        (kept if allowed(element) else denied).append(element)
    return kept, denied


def part(request: Body, array: str, elements: list[Body]) -> Body:
    """The request with these elements alone."""
    changed = copy.copy(request)
    setattr(changed, array, elements)
    return changed


def merged(answer: Handled, refused: Body) -> Handled:
    """The answer with the refused elements of the other one at the end of its arrays; one that failed as a whole as it is."""
    if getattr(answer, "error_code", 0):
        return answer
    for name, field in fields_of(type(refused)):
        if field.kind == "array" and getattr(refused, name):
            setattr(answer, name, [*(getattr(answer, name) or ()), *getattr(refused, name)])
    return answer


@dataclass(frozen=True, slots=True)
class Shown:
    """Of the answer's array only those elements are shown with whose resource the caller may do the operation.

    `unless`: an operation on the cluster with which all of them are.
    """

    operation: int
    kind: int
    array: str
    name: str
    unless: int = 0

    @property
    def needs(self) -> tuple[Need, ...]:
        """What is asked for."""
        return ((self.operation, self.kind),)

    def __call__(self, asked: Asked, request: Body, proceed: Proceed) -> Handled:
        """Hide the others."""
        answer = proceed(request)
        if self.unless and asked.would_allow(self.unless, CLUSTER):
            return answer
        shown = [
            element
            for element in getattr(answer, self.array)
            if asked.would_allow(self.operation, self.kind, getattr(element, self.name))
        ]
        setattr(answer, self.array, shown)
        return answer


@dataclass(frozen=True, slots=True)
class Special:
    """What no other step can say: a function of `special.py`, and the needs it looks after."""

    function: Callable[[Asked, Body, Proceed], Handled]
    needs: tuple[Need, ...]

    def __call__(self, asked: Asked, request: Body, proceed: Proceed) -> Handled:
        """Let the function do it."""
        return self.function(asked, request, proceed)


@dataclass(frozen=True, slots=True)
class Within:
    """The handler asks by itself, since what it serves may be named in an earlier request (fetch sessions)."""

    operation: int
    kind: int

    @property
    def needs(self) -> tuple[Need, ...]:
        """What is asked for."""
        return ((self.operation, self.kind),)

    def __call__(self, asked: Asked, request: Body, proceed: Proceed) -> Handled:
        """Go on."""
        del asked
        return proceed(request)


Step = Whole | Each | Shown | Special | Within


def needs_of(steps: Iterable[Step]) -> list[Need]:
    """Everything that the steps ask for, in order."""
    return [need for step in steps for need in step.needs]
