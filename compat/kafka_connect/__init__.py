"""Kafka Connect in distributed mode with exactly-once sources: file to topic to file, workers and broker killed."""
