"""Quix Streams with exactly-once: windows over recorded drives, killed and recovered from the changelog."""
