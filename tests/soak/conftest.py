"""A scene without a broker."""

from __future__ import annotations

import pytest

from neuraxis.client import Settings
from neuraxis.testing.verify import Plan, Recorder
from neuraxis.testing.verify.plan import Stage
from tests.soak.scene import Scene


@pytest.fixture
def scene() -> Scene:
    stage = Stage(Settings(bootstrap="127.0.0.1:1"), Plan(), ("t",), Recorder(), "prefix")
    return Scene(stage, "127.0.0.1", 1, seed=1)
