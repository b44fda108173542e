"""What could the machine do at best, in the same run?

Sequential write and fdatasync of the bytes that produce.py writes (once at the end as `dd conv=fdatasync` does, and after
every megabyte), the latency of a 4 KiB append with fdatasync, and a loopback socket copied to the page cache.
"""

from __future__ import annotations

from pathlib import Path

from bench.common import Field, Plan, Samples, load
from bench.produce import RECORD_BYTES

MACHINE = "machine"
DISK = "sequential write, one fdatasync, MB/s"
DISK_EVERY_MB = "sequential write, fdatasync every MB, MB/s"
SYNC_P50, SYNC_P99 = "fdatasync of 4 KiB p50 ms", "fdatasync of 4 KiB p99 ms"
SOCKET = "socket to page cache MB/s"
SOCKET_PER_CPU = "socket to page cache MB per CPU-second"
CHUNK_BYTES = 1_000_000


def measure(field: Field, plan: Plan, samples: Samples, number: int) -> None:
    """Measure one round beside the data of the first contender: the same disk."""
    path = Path(field.contenders[0].broker.directory) / "limits.bin"
    total = plan.produce_records * RECORD_BYTES
    for metric, every in ((DISK, 0), (DISK_EVERY_MB, CHUNK_BYTES)):
        result = load("disk", path, total, CHUNK_BYTES, every)
        samples.add(metric, MACHINE, result["bytes"] / 1e6 / result["seconds"])
    result = load("sync", path, 500)
    samples.add(SYNC_P50, MACHINE, result["p50_ms"])
    samples.add(SYNC_P99, MACHINE, result["p99_ms"])
    result = load("socket", path, total)
    samples.add(SOCKET, MACHINE, result["bytes"] / 1e6 / result["seconds"])
    samples.add(SOCKET_PER_CPU, MACHINE, result["bytes"] / 1e6 / result["cpu_s"])
