"""The soak: a mixed load on a real broker for as long as you like, with faults, judged by what every client was told."""
