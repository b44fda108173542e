"""Fixtures of these tests."""

import pytest

from neuraxis.client import Client
from tests.cluster import bootstrap, name

__all__ = ["bootstrap", "client", "name", "topic"]


@pytest.fixture
def client(bootstrap: str) -> Client:
    """A client of the test cluster."""
    return Client(bootstrap=bootstrap)


@pytest.fixture
def topic(client: Client, name: str) -> str:
    """A topic of three partitions."""
    client.admin().create_topic(name, partitions=3)
    return name
