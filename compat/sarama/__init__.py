"""sarama (Go): the program beside this file."""
