"""Debezium's engine with PostgreSQL: every change in order, offsets in Kafka, killed and restarted."""
