"""Kafka Streams with `group.protocol=streams` (KIP-1071): the word count of `compat.kafka_streams`, shared by two programs."""
