"""Bytes to objects and back: the Kafka protocol and its record batches. Pure, and imports nothing of ours."""
