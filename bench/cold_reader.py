"""Does a consumer that reads cold data disturb the others? `python -m bench.cold_reader [--rounds 15] [--megabytes 2000]`.

A hot client has one 1,000-byte record in flight (librdkafka in C, acks=all, `os`, closed loop): acknowledgements, then end to
end through a waiting consumer. Beside it a cold reader fetches a topic of some gigabytes from its beginning, of which nothing
is in the page cache: it was evicted (POSIX_FADV_DONTNEED) just before, and the broker has just started: its indexes are cold.
The disk is made as slow for the broker's reads as a usual network disk (cgroup blkio throttle, --disk-megabytes per
second); else a fast one would hide what waits. Each round measures alone (the reader is stopped by SIGSTOP), beside the cold
reader, and beside the same reader at the same pace when all is in the page cache: what a second client costs anyway.
The same is done with a broker whose reads wait on the loop, as they would without parking: a control, which shows that the
measurement tells the two apart. Budget: beside the cold reader the hot client's p99 is at most 1.5 of that alone, by the
median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.common import RESULTS, load
from compat.brokers import Neuraxis
from neuraxis.wire import codec, frames
from neuraxis.wire.batch import scan_headers
from neuraxis.wire.messages.fetch import FetchPartition, FetchRequest, FetchResponse, FetchTopic

BUDGET = 1.5
SAMPLES = 5_000
"""Of the hot client in each turn: fifty are above the p99."""
COLD, HOT = "cold", "hot"
PARKED, WAITING = "reads are parked", "reads wait on the loop"
FETCH_VERSION = 12
FETCH_BYTES = 1 << 20
RECEIVED_BYTES = 64 << 10
"""At once, by the cold reader: the hot client shares its processor, and must not wait for it to copy a megabyte."""
BLKIO = Path("/sys/fs/cgroup/blkio")


class Waiting(Neuraxis):
    """The control: the same broker, but whatever it reads it reads on its loop, however long the disk takes."""

    def command(self) -> Sequence[str]:
        """The same arguments, for the program below."""
        return [sys.executable, "-m", "bench.cold_reader", "--waiting-broker", *super().command()[1:]]


def waiting_broker(arguments: list[str]) -> None:
    """Be a broker that takes everything to be in the page cache."""
    from neuraxis.broker.log.cold import Cold
    from neuraxis.broker.log.page_cache import PageCache
    from neuraxis.cli import main

    Cold.open = lambda self: None  # type: ignore[method-assign]  # nothing is parked
    PageCache.read = lambda self, fd, position, length: os.pread(fd, length, position)  # type: ignore[method-assign]  # it waits
    PageCache.holds = lambda self, fd, position, length: True  # type: ignore[method-assign]  # and so does sendfile
    sys.argv = ["neuraxis", *arguments]
    main()


# ---- the cold reader, in a process of its own ------------------------------------------------------------------------


def read_cold(port: int, megabytes_per_s: float) -> None:
    """Fetch the cold topic from its beginning to its end, for ever; 0: as fast as it comes."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        offset, due = 0, time.monotonic()
        while True:
            found = fetch(connection, offset)
            offset, count = found or (0, 0)
            if megabytes_per_s:
                due += count / 1e6 / megabytes_per_s
                time.sleep(max(0.0, due - time.monotonic()))


def fetch(connection: socket.socket, offset: int) -> tuple[int, int] | None:
    """The next offset and the bytes that came; None at the end of the topic."""
    asked = FetchPartition(partition=0, fetch_offset=offset, partition_max_bytes=FETCH_BYTES)
    request = FetchRequest(
        max_wait_ms=0, min_bytes=1, max_bytes=FETCH_BYTES, topics=[FetchTopic(COLD, bytes(16), [asked])]
    )
    connection.sendall(frames.encode_request(1, request, FETCH_VERSION, "cold"))
    answer = receive(connection, int.from_bytes(receive(connection, 4), "big"))
    _, position = frames.read_response_header(bytes(answer[:16]), True)
    response, _ = codec.decode(FetchResponse, FETCH_VERSION, answer, position)
    (data,) = response.responses[0].partitions
    if data.error_code:
        raise RuntimeError(f"the cold reader is refused: error {data.error_code}")
    if offset >= data.high_watermark:
        return None
    for _, header in scan_headers(memoryview(data.records or b"")):
        offset = header.next_offset
    return offset, len(data.records or b"")


def receive(connection: socket.socket, size: int) -> bytearray:
    """Exactly so many bytes."""
    data = bytearray(size)
    with memoryview(data) as view:
        got = 0
        while got < size:
            count = connection.recv_into(view[got : got + RECEIVED_BYTES])
            if not count:
                raise ConnectionError("the broker closed the cold reader's connection")
            got += count
    return data


@contextlib.contextmanager
def cold_reader(broker: Neuraxis, megabytes_per_s: float = 0) -> Iterator[subprocess.Popen[bytes]]:
    """A reader, which stands still at first."""
    command = [sys.executable, "-m", "bench.cold_reader", "--read", str(broker.port)]
    command += ["--disk-megabytes", str(megabytes_per_s)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    if os.sched_getscheduler(0) == os.SCHED_RR:
        os.sched_setscheduler(process.pid, os.SCHED_RR, os.sched_param(1))
    process.send_signal(signal.SIGSTOP)
    try:
        yield process
        if process.poll() is not None:
            raise RuntimeError("the cold reader ended by itself")
    finally:
        process.kill()
        process.wait()


# ---- the disk ----------------------------------------------------------------------------------------------------------


def evict(directory: Path) -> int:
    """Drop all of a directory's files from the page cache; how many bytes they have."""
    os.sync()
    size = 0
    for path in directory.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                size += os.fstat(descriptor).st_size
            finally:
                os.close(descriptor)
    return size


def load_pages(directory: Path) -> None:
    """Bring all of a directory's files into the page cache; this program is not slowed down."""
    buffer = bytearray(1 << 20)
    for path in sorted(directory.glob("*")):
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


@contextlib.contextmanager
def slow_disk(directory: Path, megabytes_per_s: float) -> Iterator[Path | None]:
    """A group of processes whose reads from the directory's disk are limited; None without a limit."""
    if not megabytes_per_s:
        yield None
        return
    group = BLKIO / f"bench-cold-reader-{os.getpid()}"
    group.mkdir()
    number = os.stat(directory).st_dev
    rule = f"{os.major(number)}:{os.minor(number)} {int(megabytes_per_s * 1e6)}"
    (group / "blkio.throttle.read_bps_device").write_text(rule)
    try:
        yield group
    finally:
        for _ in range(50):  # the kernel lets go of processes that have ended a moment later
            with contextlib.suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.1)


def read_bytes(pid: int) -> int:
    """What a process has caused to be read from the device so far."""
    for line in Path(f"/proc/{pid}/io").read_text().splitlines():
        if line.startswith("read_bytes:"):
            return int(line.split()[1])
    raise RuntimeError("no read_bytes: the kernel counts no I/O of processes")


# ---- the measurement -----------------------------------------------------------------------------------------------------


def p99s_ms(broker: Neuraxis) -> dict[str, float]:
    """The hot client's two p99, in milliseconds."""
    return {
        "acknowledgement": load("ack", broker.bootstrap, HOT, SAMPLES, 1000)["p99_ms"],
        "end to end": load("through", broker.bootstrap, HOT, SAMPLES, 1000)["p99_ms"],
    }


def one_round(
    kind: type[Neuraxis], directory: Path, port: int, group: Path | None
) -> dict[str, dict[str, float]]:
    """Start a broker on the directory, and measure alone and beside the cold reader."""
    broker = kind({"auto.create.topics.enable": "true"}, data_dir=directory, port=port)
    broker.start()
    try:
        if group is not None:
            (group / "cgroup.procs").write_text(str(broker.pid))
        load("ack", broker.bootstrap, HOT, 300, 1000)  # warm
        with cold_reader(broker) as reader:
            alone = p99s_ms(broker)
            evict(directory / "data" / f"{COLD}-0")
            before, began = read_bytes(broker.pid), time.monotonic()
            reader.send_signal(signal.SIGCONT)
            beside = p99s_ms(broker)
            seconds = time.monotonic() - began
            cold = (read_bytes(broker.pid) - before) / 1e6 / seconds
            reader.send_signal(signal.SIGSTOP)
        load_pages(directory / "data" / f"{COLD}-0")
        with cold_reader(broker, cold) as reader:
            reader.send_signal(signal.SIGCONT)
            warm = p99s_ms(broker)
        return {
            "alone_ms": alone,
            "beside_ms": beside,
            "beside_a_warm_one_ms": warm,
            "cold_megabytes_per_s": {"read from the device": round(cold, 1)},
        }
    finally:
        broker.stop()


def measure(arguments: argparse.Namespace) -> dict[str, list[dict[str, dict[str, float]]]]:
    """All rounds of both brokers, which take turns on the same data."""
    directory = Path(tempfile.mkdtemp(prefix="cold-reader-", dir=arguments.directory))
    found: dict[str, list[dict[str, dict[str, float]]]] = {PARKED: [], WAITING: []}
    try:
        with Neuraxis({"auto.create.topics.enable": "true"}, data_dir=directory) as broker:
            port = broker.port
            load("produce", broker.bootstrap, COLD, arguments.megabytes * 1000, 1000, 1)
        with slow_disk(directory, arguments.disk_megabytes) as group:
            for number in range(arguments.rounds):
                turns = [(PARKED, Neuraxis), (WAITING, Waiting)]
                for name, kind in turns if number % 2 else reversed(turns):
                    result = one_round(kind, directory, port, group)
                    found[name].append(result)
                    print(f"{name}: {json.dumps(result)}", flush=True)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return found


def summary(rounds: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Per figure of all rounds: the median of the ratios, and the medians and lower quartiles alone and beside.

    The lower quartiles are for a busy machine: other work only ever adds to a p99.
    """
    summed = {}
    for figure in rounds[0]["alone_ms"]:
        pairs = [(each["alone_ms"][figure], each["beside_ms"][figure]) for each in rounds]
        summed[figure] = {
            "alone_p99_ms": round(statistics.median(alone for alone, _ in pairs), 3),
            "beside_p99_ms": round(statistics.median(beside for _, beside in pairs), 3),
            "beside_a_warm_one_p99_ms": round(
                statistics.median(each["beside_a_warm_one_ms"][figure] for each in rounds), 3
            ),
            "ratio": round(statistics.median(beside / alone for alone, beside in pairs), 2),
            "alone_lower_quartile_ms": round(statistics.quantiles((alone for alone, _ in pairs), n=4)[0], 3),
            "beside_lower_quartile_ms": round(
                statistics.quantiles((beside for _, beside in pairs), n=4)[0], 3
            ),
        }
    rates = [each["cold_megabytes_per_s"]["read from the device"] for each in rounds]
    summed["cold reader"] = {"megabytes_per_s": round(statistics.median(rates), 1)}
    return summed


def main() -> None:
    """Entry point of `python -m bench.cold_reader`."""
    if sys.argv[1:2] == ["--waiting-broker"]:
        waiting_broker(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(prog="python -m bench.cold_reader", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--megabytes", type=int, default=2_000, help="of cold data")
    parser.add_argument(
        "--disk-megabytes", type=float, default=30, help="per second that the broker may read; 0: all"
    )
    parser.add_argument("--directory", default=None, help="on the disk to be read from")
    parser.add_argument(
        "--real-time",
        action="store_true",
        help="run before all other programs (SCHED_RR, as root; the cold reader just behind): for a busy machine",
    )
    parser.add_argument("--read", type=int, default=None, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read is not None:
        read_cold(arguments.read, arguments.disk_megabytes)
        return
    load_before = round(os.getloadavg()[0], 2)
    if arguments.real_time:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(2))  # whatever is started inherits it
    found = measure(arguments)
    figures = {name: summary(rounds) for name, rounds in found.items()}
    met = all(each.get("ratio", 0) <= BUDGET for each in figures[PARKED].values())
    document = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "cold_megabytes": arguments.megabytes,
        "disk_megabytes_per_s": arguments.disk_megabytes,
        "load_before": load_before,
        "real_time": arguments.real_time,
        "rounds": arguments.rounds,
        "samples_per_turn": SAMPLES,
        "figures": figures,
        "budget": BUDGET,
        "met": met,
        "all_rounds": found,
    }
    path = RESULTS / "cold_reader.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    print(json.dumps(figures, indent=1))
    print(f"budget {BUDGET} x, {'met' if met else 'MISSED'}; written: {path}")


if __name__ == "__main__":
    main()
