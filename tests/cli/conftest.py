"""Fixtures of these tests."""

import pytest

from tests.cli.support import Run, runner
from tests.cluster import bootstrap, name

__all__ = ["bootstrap", "name", "run"]


@pytest.fixture
def run(bootstrap: str) -> Run:
    """Run a command on the test cluster."""
    return runner(bootstrap)
