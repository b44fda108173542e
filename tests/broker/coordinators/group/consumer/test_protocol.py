from __future__ import annotations

import pytest

from neuraxis.broker.coordinators.group.consumer.protocol import (
    Subscription,
    read_assignment,
    read_subscription,
    version_of,
    write_assignment,
)
from neuraxis.wire import codec
from tests.broker.coordinators.group.consumer.world import Topics848, read_share, subscribing

VIEW = Topics848(t4=4, t2=2)
T4 = VIEW.topics["t4"].topic_id


@pytest.mark.parametrize("version", range(4))
def test_a_subscription_is_read_in_every_version(version: int) -> None:
    data = subscribing(["t4", "t2", "t4"], {"t4": [1], "gone": [0]}, version)
    owned = {T4: (1,)} if version else {}
    assert read_subscription(data, VIEW) == Subscription(("t2", "t4"), None, owned)


def test_a_version_of_the_future_is_read_as_the_newest() -> None:
    data = b"\0\x09" + subscribing(["t4"], {"t4": [0]}, 3)[2:]
    assert version_of(data) == 3
    assert read_subscription(data, VIEW).owned == {T4: (0,)}


def test_an_assignment_is_written_and_read() -> None:
    data = write_assignment({T4: {2: 5, 0: 5}, b"?" * 16: {0: 1}}, 1, VIEW)
    assert read_share(data) == {"t4": [0, 2]}
    assert read_assignment(data, VIEW) == {T4: (0, 2)}
    assert read_assignment(b"", VIEW) == {}


def test_partitions_that_do_not_exist_are_left_out() -> None:
    small = Topics848(t4=1)
    assert read_assignment(write_assignment({T4: {0: 1, 3: 1}}, 0, VIEW), small) == {
        small.topics["t4"].topic_id: (0,)
    }


@pytest.mark.parametrize("data", [b"", b"\0", b"\xff\xff", b"\0\1\0\0\0\7"])
def test_what_is_malformed_is_told(data: bytes) -> None:
    with pytest.raises(codec.Malformed):
        read_subscription(data, VIEW)
