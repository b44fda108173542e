"""kafka-python's own integration suite."""
