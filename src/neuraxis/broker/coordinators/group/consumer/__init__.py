"""Consumer groups of the newer protocol (KIP-848), kept by the same machine and log as classic groups."""
