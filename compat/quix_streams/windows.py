"""The program under test: one-minute windows over drives with Quix Streams, exactly once. It runs in an environment of its own.

Usage: python windows.py BOOTSTRAP GROUP INPUT OUTPUT STATE_DIRECTORY current|final. With `current` every update of a window
goes out, with `final` each window once, when it is closed.
"""

from __future__ import annotations

import signal
import sys

from quixstreams import Application
from quixstreams.dataframe.windows import Count, Max, Sum

WINDOW_MS = 60_000


def main() -> None:
    """Run until SIGTERM."""
    bootstrap, group, source, target, state, emit = sys.argv[1:]
    application = Application(
        broker_address=bootstrap,
        consumer_group=group,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=1.0,  # transactions large enough to be found open
        state_dir=state,
        # A killed member is missed soon; the least that a broker allows.
        consumer_extra_config={"session.timeout.ms": 6000, "heartbeat.interval.ms": 1000},
        # Its transactional id is another one in every process: what a killed one left open has to time out.
        producer_extra_config={"transaction.timeout.ms": 10000},
    )
    drives = application.topic(source, key_deserializer="str", value_deserializer="json")
    frame = application.dataframe(drives)
    window = frame.tumbling_window(WINDOW_MS).agg(
        rows=Count(), total=Sum("speed_mph"), highest=Max("speed_mph")
    )
    frame = window.current() if emit == "current" else window.final()
    frame.to_topic(application.topic(target, key_serializer="str", value_serializer="json"))
    signal.signal(signal.SIGTERM, lambda *_: application.stop())
    application.run()


if __name__ == "__main__":
    main()
