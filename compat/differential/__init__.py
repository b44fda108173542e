"""The same requests to Neuraxis and to Apache Kafka, and their answers compared field by field."""
