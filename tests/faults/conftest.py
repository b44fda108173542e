"""A broker on the private disk that the test's own `disk` fixture makes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.harness import FaultyBroker
from tests.faults.private_disk import PrivateDisk


@pytest.fixture
def broker(tmp_path: Path, disk: PrivateDisk) -> Iterator[FaultyBroker]:
    found = FaultyBroker(tmp_path, disk)
    found.start()
    yield found
    found.kill()
