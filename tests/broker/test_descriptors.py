"""The shares of the descriptor limit; what a full process does is in tests/faults/test_descriptors.py."""

from __future__ import annotations

import resource

import pytest

from neuraxis.broker import descriptors


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A soft and a hard limit that stand for the process's own."""
    now = [1_024, 1_048_576]
    monkeypatch.setattr(resource, "getrlimit", lambda _: tuple(now))
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: now.__setitem__(slice(None), pair))
    return now


def test_a_low_soft_limit_is_raised_as_far_as_it_helps(limits: list[int]) -> None:
    assert descriptors.raise_limit() == descriptors.ENOUGH
    assert limits == [descriptors.ENOUGH, 1_048_576]


def test_a_soft_limit_is_raised_to_the_hard_one_at_most_and_never_lowered(limits: list[int]) -> None:
    limits[:] = [1_024, 4_096]
    assert descriptors.raise_limit() == 4_096
    limits[:] = [50_000, 50_000]
    assert descriptors.raise_limit() == 50_000
    limits[:] = [resource.RLIM_INFINITY, resource.RLIM_INFINITY]
    assert descriptors.raise_limit() == resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("soft", "logs", "room"),
    [(20_480, 4_096, 10_000), (4_096, 2_048, 1_920), (128, 64, 48), (32, 16, 12), (16, 16, 8)],
)
def test_the_share_of_the_logs_is_not_for_connections(
    limits: list[int], soft: int, logs: int, room: int
) -> None:
    limits[0] = soft
    assert descriptors.room_for_connections(10_000, logs) == room


def test_a_configured_number_below_the_least_counts(limits: list[int]) -> None:
    limits[0] = 16
    assert descriptors.room_for_connections(2, 16) == 2


def test_without_a_limit_the_configured_number_counts(limits: list[int]) -> None:
    limits[0] = resource.RLIM_INFINITY
    assert descriptors.room_for_connections(10_000, 4_096) == 10_000
