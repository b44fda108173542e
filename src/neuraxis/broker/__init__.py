"""The broker: a durable, Kafka-compatible log in one process."""
