"""What a client can do, by name: the rows of the interop matrix and the words that every client program reports with.

The rule of the file: a program that is missing a feature its client has is a failure, so a new feature here is a line
in every program.
"""

from __future__ import annotations

from collections.abc import Mapping

# The name a program reports, and what it has to show. Order is the order of the page.
FEATURES: Mapping[str, str] = {
    "produce": "1,000 records to one partition, acknowledged at offsets 0 to 999",
    "consume": "1,000 records read back in order, each with its offset",
    "gzip": "500 records round trip with gzip",
    "snappy": "500 records round trip with snappy",
    "lz4": "500 records round trip with lz4",
    "zstd": "500 records round trip with zstd",
    "headers": "keys, headers, empty and null values come back unchanged",
    "timestamps": "the producer's times are kept, and a time finds its offset",
    "large": "a record of 1,000,000 bytes passes, one of 2,000,000 is refused with MESSAGE_TOO_LARGE",
    "idempotence": "an idempotent producer delivers 2,000 records once and in order",
    "group": "two members share four partitions and read every record once",
    "rebalance": "when a member leaves, the other takes over and reads on",
    "offsets": "a committed offset with metadata survives its consumer, and the next one resumes there",
    "topics": "create with configs, refuse a duplicate, grow, describe, delete",
    "configs": "a topic's configs are described with their defaults and altered; a broker's are described",
    "groups": "a group is listed and described, its offsets are listed, and it is deleted",
    "transactions": "commit, abort, offsets inside a transaction, read_committed, and a fenced producer",
    "next-generation": "two members share a topic by the protocol of KIP-848",
}
