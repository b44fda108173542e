"""What an actor is; and an actor as a script: a generator that yields what it waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.simulation.network import Client

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any  # Any: requests and responses of every API

    from tests.simulation.world import World


class Actor:
    """Somebody with a name, luck of its own and a connection."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.rng = world.fork(name)
        self.client = Client(world, name)

    def start(self) -> None:
        """Begin."""

    def heal(self) -> None:
        """Nothing goes wrong from here on: come to an end."""

    def content(self) -> bool:
        """Whether everything it waits for has come."""
        return True

    def complaint(self) -> str:
        """What it waits for."""
        return ""


class Pause(NamedTuple):
    """A script waits."""

    delay_ms: int


class Ask(NamedTuple):
    """A script asks the broker; it goes on with the response, or with None when the outcome is unknown."""

    message: Any
    version: int
    timeout_ms: int = 4_000


Script = "Generator[Pause | Ask, Any, Any]"


class ScriptedActor(Actor):
    """An actor whose life is a generator."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self.asked_at = 0
        self._script: Generator[Pause | Ask, Any, None] = self.live()

    def live(self) -> Generator[Pause | Ask, Any, None]:
        """The script."""
        raise NotImplementedError

    def start(self) -> None:
        self._go_on(None)

    def _go_on(self, value: Any) -> None:
        try:
            step = self._script.send(value)
        except StopIteration:
            return
        if isinstance(step, Pause):
            self.world.after(step.delay_ms, self._go_on, None)
        else:
            self.asked_at = self.world.events
            self.client.call(step.message, step.version, self._go_on, step.timeout_ms)
