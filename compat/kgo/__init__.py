"""franz-go's kgo test suite."""
