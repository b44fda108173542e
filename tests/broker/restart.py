"""Stop a broker of the tests and start the next one on what it left."""

from __future__ import annotations

from tests.broker.harness import CoreHarness


def restarted(harness: CoreHarness, *, clean: bool = True, **kafka: str) -> CoreHarness:
    """A new broker on the files of this one, which is stopped cleanly or is just gone; `kafka` as for the harness."""
    if clean:
        harness.fs.close = lambda: None  # type: ignore[method-assign]  # closing a MemoryFs would forget its files
        harness.core.close(harness.now)
    return CoreHarness(fs=harness.fs, **kafka)
