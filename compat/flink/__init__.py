"""Flink's Kafka connector with exactly-once sinks: the count beside this file, thrown out, killed and recovered."""
