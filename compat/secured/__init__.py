"""Kafka's Java client against secured listeners, by way of Kafka's own command-line tools."""
