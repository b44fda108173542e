"""Flink's Kafka connector with exactly-once sinks: a count that is thrown out, killed and recovered."""
