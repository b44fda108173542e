"""Seeded worlds: the real core and the real log on a simulated disk, clock and network."""
