"""A librdkafka configuration from our settings.

The rule of the file: librdkafka's own logging goes to Python's `logging` (silent unless configured), never to stderr.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from neuraxis.client.settings import Settings

_log = logging.getLogger("neuraxis.client")
_log.addHandler(logging.NullHandler())


def librdkafka(
    settings: Settings, own: Mapping[str, str | float | bool]
) -> dict[str, Any]:  # Any: librdkafka's own type
    """Return `own` defaults, then the connection, then what the user put into `extra`: later ones win."""
    return {**own, **settings.librdkafka(), "logger": _log}
