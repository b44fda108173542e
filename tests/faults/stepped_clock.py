"""`neuraxis up` with clocks that a test can step: `python -m tests.faults.stepped_clock FILE up ...`.

FILE holds two signed 64-bit numbers, the nanoseconds that are added to the wall clock and to the monotonic one. No privilege is
needed, and no clock of the machine is touched.
"""

from __future__ import annotations

import mmap
import struct
import sys
import time
from pathlib import Path

STEPS = struct.Struct("<qq")


def write_steps(path: Path, wall_ms: int, mono_ms: int) -> None:
    """Step the clocks of the broker that was started with this file; counted from the machine's own."""
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(STEPS.pack(wall_ms * 1_000_000, mono_ms * 1_000_000))


def main() -> None:
    with Path(sys.argv.pop(1)).open("rb") as file:
        steps = mmap.mmap(file.fileno(), STEPS.size, access=mmap.ACCESS_READ)
    wall_ns, mono_ns = time.time_ns, time.monotonic_ns
    time.time_ns = lambda: wall_ns() + STEPS.unpack(steps)[0]
    time.monotonic_ns = lambda: mono_ns() + STEPS.unpack(steps)[1]
    from neuraxis.cli import main as run  # after the clocks: who imports a function keeps it

    run()


if __name__ == "__main__":
    main()
