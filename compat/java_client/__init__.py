"""The Java client (kafka-clients): the program beside this file."""
