"""Share groups (KIP-932): the share partition, its state in the log, and the sessions of its members."""
