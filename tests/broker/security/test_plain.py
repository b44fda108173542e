from __future__ import annotations

import pytest

from neuraxis.broker.log.memory import MemoryFs
from neuraxis.broker.security.exchange import Accepted, Outcome, Rejected, Waiting
from neuraxis.broker.security.plain import PlainServer
from neuraxis.broker.security.scram import Directory
from neuraxis.broker.work import perform_step
from tests.broker.security.test_scram import NOW, credential


def log_in(message: bytes) -> Outcome:
    known = {("ann", 2): credential("pencil", "sha512"), ("bob", 1): credential("quill", "sha256")}
    directory = Directory(lambda user, number: known.get((user, number)), lambda *_: None, b"secret")
    outcome = PlainServer(directory, {"carl": "chalk"}).step(message, NOW)
    if isinstance(outcome, Waiting):
        outcome = outcome.then(perform_step(MemoryFs(), outcome.step), NOW)
    return outcome


@pytest.mark.parametrize(
    "message", [b"\0ann\0pencil", b"\0bob\0quill", b"\0carl\0chalk", b"ann\0ann\0pencil"]
)
def test_a_password_is_checked_against_its_scram_keys_or_the_given_one(message: bytes) -> None:
    outcome = log_in(message)
    assert isinstance(outcome, Accepted)
    assert outcome.identity.name == message.split(b"\0")[1].decode()


@pytest.mark.parametrize("message", [b"\0ann\0quill", b"\0nobody\0pencil", b"\0carl\0pencil"])
def test_wrong_passwords_and_unknown_users_are_told_the_same(message: bytes) -> None:
    outcome = log_in(message)
    assert isinstance(outcome, Rejected)
    other = log_in(b"\0ann\0x")
    assert isinstance(other, Rejected)
    assert outcome.told == other.told


@pytest.mark.parametrize(
    "message",
    [b"", b"ann\0pencil", b"\0\0pencil", b"\0ann\0", b"\0ann\0pencil\0", b"\0\xff\0x", b"bob\0ann\0pencil"],
)
def test_what_is_malformed_or_for_somebody_else_is_refused(message: bytes) -> None:
    assert isinstance(log_in(message), Rejected)


def test_an_unknown_user_costs_the_same_derivation_as_a_known_one() -> None:
    directory = Directory(lambda *_: None, lambda *_: None, b"secret")
    assert isinstance(PlainServer(directory, {}).step(b"\0nobody\0x", NOW), Waiting)


def test_a_derivation_that_failed_lets_nobody_in() -> None:
    directory = Directory(lambda *_: credential("p", "sha512"), lambda *_: None, b"secret")
    outcome = PlainServer(directory, {}).step(b"\0ann\0p", NOW)
    assert isinstance(outcome, Waiting)
    assert isinstance(outcome.then(None, NOW), Rejected)
