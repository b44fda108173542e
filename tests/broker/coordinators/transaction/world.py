"""A transaction coordinator without a broker: commands in, answers and records out, and the log folded again at will.

Every step checks that `decide` and `expire` changed nothing, and that what is written reads back as what was meant.
"""

from __future__ import annotations

import pickle
from typing import Any, ClassVar

from neuraxis.broker.coordinators.machine import Outcome
from neuraxis.broker.coordinators.transaction import commands
from neuraxis.broker.coordinators.transaction.facts import Metadata, TransactionFact
from neuraxis.broker.coordinators.transaction.machine import TransactionMachine
from neuraxis.broker.coordinators.transaction.state import TransactionState
from neuraxis.broker.work import Now

NAME = "payments"
P0, P1 = ("t", 0), ("t", 1)


class FixedSettings:
    """Broker settings from a dict over Kafka's defaults."""

    defaults: ClassVar[dict[str, int]] = {
        "transaction.max.timeout.ms": 900_000,
        "transactional.id.expiration.ms": 604_800_000,
        "transaction.remove.expired.transaction.cleanup.interval.ms": 3_600_000,
    }

    def __init__(self, **overrides: int) -> None:
        self.values = self.defaults | {name.replace("_", "."): value for name, value in overrides.items()}

    def integer(self, name: str) -> int:
        return self.values[name]


class World:
    """One coordinator and its clock. Producer ids are 100, 101, ..."""

    def __init__(self, **overrides: int) -> None:
        self.machine = TransactionMachine(FixedSettings(**overrides))
        self.state: TransactionState = self.machine.new_state()
        self.log: list[tuple[bytes, bytes | None]] = []
        self.now = Now(1_000, 1_700_000_000_000)
        self.answers: dict[int, Any] = {}
        self._token = 0
        self._fresh = 99
        self._carry_out(self.machine.resume(self.state, self.now))

    # ---- running -----------------------------------------------------------------------------------------------

    def run(self, command: Any) -> Any:
        """Decide and carry out; the answer, if it is there."""
        before = pickle.dumps(self.state)
        outcome = self.machine.decide(self.state, command, self.now)
        assert pickle.dumps(self.state) == before, "decide changed the state"
        self._carry_out(outcome)
        return self.answers.get(command.token)

    def advance(self, ms: int, wall_ms: int | None = None) -> None:
        """Let time pass, ticking at every deadline on the way."""
        end = Now(self.now.mono_ms + ms, self.now.wall_ms + (ms if wall_ms is None else wall_ms))
        for _ in range(10_000):
            deadline = self.machine.deadline(self.state)
            if deadline is None or deadline > end.mono_ms:
                break
            at = max(deadline, self.now.mono_ms)
            self.now = Now(at, end.wall_ms - (end.mono_ms - at))
            before = pickle.dumps(self.state)
            outcome = self.machine.expire(self.state, self.now)
            assert pickle.dumps(self.state) == before, "expire changed the state"
            self._carry_out(outcome)
        else:
            raise AssertionError("expire does not move the deadline forward")
        self.now = end

    def _carry_out(self, outcome: Outcome[Any]) -> None:
        for fact in outcome.records:
            assert isinstance(fact, TransactionFact), "a note among the records"
            key, value = self.machine.encode(fact)
            assert self.machine.decode(key, value) == fact
            self.log.append((key, value))
        for fact in (*outcome.records, *outcome.notes):
            self.machine.apply(self.state, fact, self.now)
        for token, body in outcome.replies:
            assert token not in self.answers, "answered twice"
            self.answers[token] = body

    def token(self) -> int:
        self._token += 1
        return self._token

    def fresh(self) -> int:
        self._fresh += 1
        return self._fresh

    # ---- restarts ----------------------------------------------------------------------------------------------

    def fold(self) -> TransactionState:
        """The state that the log alone gives."""
        state = self.machine.new_state()
        for key, value in self.log:
            fact = self.machine.decode(key, value)
            assert fact is not None
            self.machine.apply(state, fact, self.now)
        return state

    def restart(self) -> None:
        """Begin again from what the log holds."""
        assert self.fold().transactions == self.state.transactions
        self.state = self.fold()
        self._carry_out(self.machine.resume(self.state, self.now))

    # ---- commands, in short ------------------------------------------------------------------------------------

    def known(self, name: str = NAME) -> Metadata:
        return self.state.transactions[name]

    def init(self, name: str = NAME, **options: Any) -> Any:
        options = {
            "api_version": 4,
            "timeout_ms": 60_000,
            "expected": None,
            "connection": 1,
            "fresh_producer_id": self.fresh(),
        } | options
        return self.run(commands.InitProducer(token=self.token(), transactional_id=name, **options))

    def add(
        self, *partitions: Any, name: str = NAME, who: Any = None, version: int = 2, connection: Any = None
    ) -> Any:
        return self.run(
            commands.AddPartitions(
                self.token(), name, *(who or self.who(name)), partitions, version, connection
            )
        )

    def end(
        self,
        commit: bool = True,
        *,
        version: int = 5,
        name: str = NAME,
        who: Any = None,
        connection: Any = None,
    ) -> Any:
        """Ask for the end; the answer if it is there at once."""
        return self.run(
            commands.EndTransaction(
                self.token(), version, name, *(who or self.who(name)), commit, connection, self.fresh()
            )
        )

    def finish(self, name: str = NAME) -> Any:
        """What the broker does between the decision and its end; the answer to whoever asked for it."""
        reply = self.state.endings[name].reply
        if not self.known(name).phase.is_prepared:
            self.run(commands.Prepare(name))
        self.run(commands.Complete(name))
        return None if reply is None else reply[1]

    def who(self, name: str = NAME) -> tuple[int, int]:
        known = self.state.transactions.get(name)
        return (known.producer_id, known.producer_epoch) if known is not None else (100, 0)
