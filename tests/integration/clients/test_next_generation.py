"""Groups by the protocol of KIP-848, with the client of CI that speaks it: the broker assigns the partitions."""

from __future__ import annotations

from collections.abc import Callable

from confluent_kafka import ConsumerGroupType
from confluent_kafka.admin import AdminClient

from tests.integration.clients.test_confluent_kafka import DEADLINE_S, consumer_of, poll_until

Unique = Callable[[str], str]


def test_two_members_of_confluent_kafka_share_the_partitions(
    bootstrap: str, wide_topic: str, unique: Unique
) -> None:
    group, settings = unique("next"), {"group.protocol": "consumer"}
    admin = AdminClient({"bootstrap.servers": bootstrap})
    with consumer_of(bootstrap, group, **settings) as stays:
        with consumer_of(bootstrap, group, **settings) as leaves:
            stays.subscribe([wide_topic])
            leaves.subscribe([wide_topic])
            poll_until(lambda: len(stays.assignment()) == 2 and len(leaves.assignment()) == 2, stays, leaves)
            described = admin.describe_consumer_groups([group])[group].result(DEADLINE_S)
            assert (described.type, len(described.members)) == (ConsumerGroupType.CONSUMER, 2)
        poll_until(lambda: len(stays.assignment()) == 4, stays)
