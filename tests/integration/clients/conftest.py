"""One broker for all client tests: the one NEURAXIS_TEST_BOOTSTRAP names, or the one TARGET says (neuraxis, kafka).

The bodies know nothing but a bootstrap string, so that a difference between the two brokers is ours to explain.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator

import pytest

from compat.brokers import SUITE_SETTINGS, start_target

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def bootstrap() -> Iterator[str]:
    """The bootstrap string of a broker with Kafka's suite settings (four partitions for a topic made by itself)."""
    given = os.environ.get("NEURAXIS_TEST_BOOTSTRAP")
    if given:
        yield given
        return
    with start_target(os.environ.get("TARGET", "neuraxis"), SUITE_SETTINGS) as broker:
        yield broker.bootstrap


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Makes names that no other test of this run or of an earlier one against the same broker uses."""

    def name(stem: str) -> str:
        return f"{stem}-{os.getpid()}-{next(_numbers)}"

    return name


@pytest.fixture
def topic(bootstrap: str, unique: Callable[[str], str]) -> str:
    """The name of a fresh topic of one partition."""
    return make_topic(bootstrap, unique("records"), partitions=1)


@pytest.fixture
def wide_topic(bootstrap: str, unique: Callable[[str], str]) -> str:
    """The name of a fresh topic of four partitions."""
    return make_topic(bootstrap, unique("wide"), partitions=4)


def make_topic(bootstrap: str, name: str, *, partitions: int) -> str:
    """Create a topic with librdkafka's admin client and return its name once it is there."""
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics([NewTopic(name, num_partitions=partitions)]).values():
        future.result(timeout=20)
    return name
