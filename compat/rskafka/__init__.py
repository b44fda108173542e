"""rskafka (Rust): the program beside this file."""
