"""The vocabulary of the scripts: a step is one request, a scenario is steps of which one may be varied, a case is played.

The rule of the file: nothing here knows a broker. Requests are functions of the world, so that one script serves both.
"""

from __future__ import annotations

import copy
import fnmatch
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from compat.differential.world import World
from neuraxis.wire import messages
from neuraxis.wire.schema import Message, schema_of

Build = Callable[[World], Message]
Learn = Callable[[World, Message], None]
Value = object  # what a field takes, or a function of the world that gives it


@dataclass(frozen=True)
class Step:
    """One request on one connection of the case.

    build: the request; None takes the answer of an earlier step on this connection that did not wait.
    learn: what to keep of the answer. until: ask again (for 5 s) until it holds. wait: take the answer at once.
    settle: a change that Kafka's controller passes on to its broker a moment after the answer.
    """

    build: Build | None
    version: int = 0
    peer: str = "a"
    learn: Learn | None = None
    until: Callable[[Message], bool] | None = None
    wait: bool = True
    settle: bool = False
    frame: Callable[[bytes], bytes] | None = None  # what to do to the bytes of the frame before they are sent


@dataclass(frozen=True)
class Scenario:
    """A request in every version, and each of its fields varied.

    build(world) is the valid request; given brings the world there and is not compared, after looks at what the
    request did and is. values: more values for fields, by name. skip: variations (globs) that are not sent.
    """

    request: type[Message]
    build: Build
    name: str = ""
    versions: str = "0-99"
    given: Sequence[Step] = ()
    after: Sequence[Step] = ()
    values: Mapping[str, Sequence[Value]] = field(default_factory=dict)
    skip: Sequence[str] = ()
    vary: bool = True
    settle: bool = False


@dataclass(frozen=True)
class Story:
    """Steps by hand, whose answers are all compared; steps(version) gives them for each version of the key's request."""

    request: type[Message]
    name: str
    steps: Callable[[int], Sequence[Step]]
    versions: str = "0-99"


@dataclass(frozen=True)
class Case:
    """What is played: given (not compared), then steps (compared)."""

    key: int
    version: int
    name: str
    given: Sequence[Step]
    steps: Sequence[Step]

    @property
    def full_name(self) -> str:
        """Unique among all cases, and stable while scripts grow."""
        return f"{api_name(self.key)} v{self.version} {self.name}"


def api_name(key: int) -> str:
    """The name of a key: "Produce"."""
    return messages.APIS[key][0]


def key_of(request: type[Message]) -> int:
    """The key of a request class."""
    key = schema_of(request).key
    assert key is not None, f"{request.__name__} is no request"
    return key


def within(version: int, versions: str) -> bool:
    """Whether a version lies in a range such as "3-7" or "4"."""
    low, _, high = versions.partition("-")
    return int(low) <= version <= int(high or low)


def matches(name: str, globs: Sequence[str]) -> bool:
    """Whether any glob matches; brackets in globs are plain, since paths have them."""
    return any(fnmatch.fnmatchcase(name, glob.replace("[", "[[]")) for glob in globs)


def fixed(request: Message) -> Build:
    """A request that is the same everywhere; each caller gets a copy, because variations write into it."""
    return partial(_copy, request)


def _copy(request: Message, _: World) -> Message:
    return copy.deepcopy(request)
