from __future__ import annotations

from neuraxis.broker.operations import CLUSTER_OPERATIONS, DESCRIBE, READ, TOPIC_OPERATIONS, bit_field


def test_an_operation_is_the_bit_of_its_number() -> None:
    assert bit_field() == 0
    assert bit_field(READ, DESCRIBE) == 0b100001000


def test_everything_is_what_kafka_says_without_acls() -> None:
    assert TOPIC_OPERATIONS == 3576
    assert CLUSTER_OPERATIONS == 8096
