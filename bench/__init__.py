"""What Neuraxis costs and gives, beside Apache Kafka in the same run: one file per question, its budget written in it."""
