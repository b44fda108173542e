"""franz-go (Go): the program beside this file."""
