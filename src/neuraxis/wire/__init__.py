"""Bytes to objects and back: the Kafka wire format. Pure, and imports nothing else of Neuraxis.

Import the module you need (`wire.codec`, `wire.frames`, `wire.messages.produce`, ...): nothing is loaded here.
"""
