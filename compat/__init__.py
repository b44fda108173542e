"""Other people's clients and suites, run against Neuraxis and against Apache Kafka with the same commands."""
