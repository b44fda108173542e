"""The testing package as a whole."""

from __future__ import annotations

import pytest

import neuraxis.testing
from neuraxis.broker.embedded import Broker


def test_the_broker_is_there_under_its_name_and_nothing_else_is() -> None:
    assert neuraxis.testing.Broker is Broker
    with pytest.raises(AttributeError, match="no attribute 'Cluster'"):
        _ = neuraxis.testing.Cluster
