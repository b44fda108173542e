"""Apache Kafka's own command-line tools, run as a user runs them."""
