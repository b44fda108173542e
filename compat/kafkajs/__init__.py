"""kafkajs (npm): the program beside this file."""
