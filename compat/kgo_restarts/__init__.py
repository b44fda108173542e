"""franz-go's kgo tests while the broker is killed and restarted."""
