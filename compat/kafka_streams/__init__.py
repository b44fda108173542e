"""Kafka Streams with exactly_once_v2: the word count beside this file, killed and restarted."""
