"""Operations that can be allowed, and those authorised as the bit fields that clients may ask for."""

from __future__ import annotations

ALL = 2
READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE, CLUSTER_ACTION = 3, 4, 5, 6, 7, 8, 9
DESCRIBE_CONFIGS, ALTER_CONFIGS, IDEMPOTENT_WRITE, CREATE_TOKENS, DESCRIBE_TOKENS = 10, 11, 12, 13, 14
"""Kafka's numbers of the operations; bit `n` of a field stands for operation `n`."""

NOT_ASKED = -(1 << 31)
"""What stands in an answer when nobody asked."""


def bit_field(*operations: int) -> int:
    """The operations as one number."""
    return sum(1 << operation for operation in operations)


TOPIC_OPERATIONS = bit_field(READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS)
CLUSTER_OPERATIONS = bit_field(
    CREATE, ALTER, DESCRIBE, CLUSTER_ACTION, DESCRIBE_CONFIGS, ALTER_CONFIGS, IDEMPOTENT_WRITE
)
