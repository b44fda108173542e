"""Which body of tests/integration/clients shows which feature, for the clients that CI runs.

The rule of the file: None means that the client does not have the feature; a name must be one that the suite reports.
"""

from __future__ import annotations

from collections.abc import Mapping

from compat.features import FEATURES

ROUND_TRIP = {
    codec: f"test_every_compression_round_trips[{codec}]" for codec in ("gzip", "snappy", "lz4", "zstd")
}
SHARED: Mapping[str, str] = ROUND_TRIP | {
    "produce": "test_what_is_produced_is_consumed_in_order",
    "consume": "test_what_is_produced_is_consumed_in_order",
    "offsets": "test_committed_offsets_survive_the_consumer",
    "group": "test_two_members_share_the_partitions",
    "rebalance": "test_when_a_member_leaves_the_other_takes_over",
}
PURE_PYTHON: Mapping[str, str] = {
    "headers": "test_keys_headers_timestamps_and_null_values_come_back_unchanged",
    "timestamps": "test_timestamps_find_offsets_and_seek_follows",
    "large": "test_a_record_that_the_broker_finds_too_large_is_refused",
}

# For each client: the module of the body unless the name says another one, then feature -> body.
BODIES: Mapping[str, tuple[str, Mapping[str, str | None]]] = {
    "confluent_kafka": (
        "test_confluent_kafka",
        {
            **SHARED,
            "headers": "test_keys_headers_and_null_values_come_back_unchanged",
            "timestamps": "test_timestamps_are_kept_and_found",
            "large": "test_a_message_of_almost_a_megabyte_passes_and_a_larger_one_is_refused",
            "idempotence": "test_an_idempotent_producer_delivers_each_message_once",
            "group": "test_two_members_share_the_partitions[range]",
            "topics": "test_topics_are_created_described_grown_and_deleted",
            "configs": "test_configs_are_described_with_defaults_and_altered",
            "groups": "test_groups_are_listed_described_altered_and_deleted",
            "transactions": "test_transactions::test_transactions_of_confluent_kafka",
            "next-generation": "test_next_generation::test_two_members_of_confluent_kafka_share_the_partitions",
        },
    ),
    "kafka_python": (
        "test_kafka_python",
        {
            **SHARED,
            **PURE_PYTHON,
            "idempotence": "test_small_batches_keep_their_order[True]",
            "topics": "test_topics_configs_and_groups_are_administered",
            "configs": "test_configs_are_described_with_defaults_and_altered",
            "groups": "test_topics_configs_and_groups_are_administered",
            "transactions": "test_transactions::test_transactions_of_kafka_python",
            "next-generation": None,
        },
    ),
    "aiokafka": (
        "test_aiokafka",
        {
            **SHARED,
            **PURE_PYTHON,
            "idempotence": "test_an_idempotent_producer_delivers_each_record_once",
            "topics": "test_topics_and_groups_are_administered",
            "configs": "test_configs_are_described_with_defaults_and_altered",
            "groups": "test_topics_and_groups_are_administered",
            "transactions": "test_transactions::test_transactions_of_aiokafka",
            "next-generation": None,
        },
    ),
    "kcat": (
        "test_kcat",
        {
            **{codec: body.replace("every_compression_round_trips", "lines_produced_are_lines_consumed")
               for codec, body in ROUND_TRIP.items()},
            "produce": "test_lines_produced_are_lines_consumed[none]",
            "consume": "test_lines_produced_are_lines_consumed[none]",
            "headers": "test_keys_headers_and_an_idempotent_producer",
            "timestamps": "test_offsets_from_the_end_and_by_time",
            "large": "test_a_line_of_almost_a_megabyte_passes_and_a_larger_one_is_refused",
            "idempotence": "test_keys_headers_and_an_idempotent_producer",
            "group": "test_a_balanced_group_reads_everything_once",
            "rebalance": "test_two_runs_share_the_partitions_and_one_takes_over",
            "offsets": "test_a_balanced_group_reads_everything_once",
            "topics": None,
            "configs": None,
            "groups": None,
            "transactions": "test_transactions::test_a_transaction_of_kcat",
            "next-generation": None,
        },
    ),
}  # fmt: skip

assert all(set(bodies) == set(FEATURES) for _, bodies in BODIES.values()), (
    "a feature without a body or a None"
)


def features_of(client: str, outcomes: Mapping[str, str]) -> dict[str, str]:
    """Return feature -> passed, failed or absent, from the outcomes of the suite's cases by name."""
    module, bodies = BODIES[client]
    features = {}
    for feature in FEATURES:
        body = bodies[feature]
        if body is None:
            features[feature] = "absent"
        else:
            name = body if "::" in body else f"{module}::{body}"
            features[feature] = "passed" if outcomes.get(name) == "passed" else "failed"
    return features
