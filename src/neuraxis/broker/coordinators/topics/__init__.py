"""The catalogue: which topics exist, how everything is configured, which producer ids are taken."""
