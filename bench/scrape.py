"""What does a scrape of the metrics cost the broker's loop, with 1,000 partitions?

`python -m bench.scrape` asks a core in memory for all its numbers as the server does, slice by slice, and prints the median and
the longest slice of each round (the time for which a request may have to wait), and how long the page takes to write (on a
thread that pauses). Budget: the median slice at most 0.2 ms. Needs no other broker.
"""

from __future__ import annotations

import statistics
import time

from neuraxis.broker.metrics.exporter import Inquiry
from neuraxis.broker.metrics.survey import Shell, survey
from neuraxis.broker.metrics.text import exposition
from tests.broker.harness import CoreHarness

TOPICS, PARTITIONS, ROUNDS = 10, 100, 7
BUDGET_MS = 0.2


def main() -> None:
    broker = CoreHarness("os")
    for number in range(TOPICS):
        broker.create_topic(f"topic-{number}", partitions=PARTITIONS)
    medians = []
    for _ in range(ROUNDS):
        inquiry = Inquiry(survey(broker.core, Shell(0, 0, 0, {}), "bench"))
        slices_ms, done = [], False
        while not done:
            began_s = time.perf_counter()
            done = inquiry.step()
            slices_ms.append(1000 * (time.perf_counter() - began_s))
        began_s = time.perf_counter()
        size = len("".join(exposition(inquiry.result())))
        render_ms = 1000 * (time.perf_counter() - began_s)
        medians.append(statistics.median(slices_ms))
        print(
            f"{len(slices_ms)} slices, median {medians[-1]:.3f} ms, longest {max(slices_ms):.3f} ms; "
            f"{size} bytes written in {render_ms:.1f} ms"
        )
    met = "met" if statistics.median(medians) <= BUDGET_MS else "missed"
    print(f"median slice {statistics.median(medians):.3f} ms; the budget of {BUDGET_MS} ms is {met}")


if __name__ == "__main__":
    main()
