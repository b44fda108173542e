"""Backups of a running broker: `taking` makes one, `restoring` brings it back, `manifest` says what it consists of."""
