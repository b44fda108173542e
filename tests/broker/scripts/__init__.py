"""Scripts of requests whose answers Apache Kafka 4.4.0 gave, and the same played against our handlers.

`python -m tests.broker.scripts [NAME...]` starts one fresh Apache Kafka per script and writes `data/answers_NAME.json`.
"""
