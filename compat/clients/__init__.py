"""The real-client bodies of `tests/integration/clients`, run on either target."""
