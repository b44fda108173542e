"""The log: segments in Kafka's format, one journal for `sync`, recovery, retention. Pure but for `fs`."""
