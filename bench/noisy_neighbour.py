"""Does a client above its quota disturb its neighbour? `python -m bench.noisy_neighbour [--rounds 24] [--target kafka]`.

A neighbour has one 1,000-byte record in flight (librdkafka in C, acks=all, closed loop) while a noisy client tries to send ten
times its `producer_byte_rate` of 1 MB/s. Short turns of the neighbour alone (the noisy one is stopped by SIGSTOP) and with the
noise alternate, so that a drift of the machine touches both; then the same without a quota, to see what there is to protect
from. Client, noise and broker share the cores. Budget: held by its quota, the noisy client changes the neighbour's p99 by at
most 20 %, by the median of the ratios of all rounds. Told beside it: the ratio of the lower quartiles, for a busy machine
(other work only ever adds to a p99), and the share of a core that the broker spends on the noise alone.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from bench.common import RESULTS, cpu_s, load
from compat.brokers import BrokerProcess, start_target
from tests.broker.admin_script import ask
from tests.broker.scripts.quotas import change, entry

QUOTA = 1_000_000
TIMES = 10
BUDGET = 1.2
SAMPLES = 5_000
"""Of the neighbour in each turn: fifty are above the p99, half a second and more."""
RECORD_BYTES = 10_000
TICK_S = 0.01
ALONE_S = 8.0
"""How long the noise is alone with the broker: several of its throttle times."""
NOISY = "noisy"
HELD, FREE = "held by the quota", "without a quota"


def make_noise(bootstrap: str, topic: str) -> None:
    """Try to send `TIMES` the quota until this process is ended; what does not fit the buffer is left out."""
    from confluent_kafka import Producer

    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "client.id": NOISY,
            "linger.ms": 5,
            "queue.buffering.max.kbytes": 20_000,
            "message.timeout.ms": 60_000,
        }
    )
    due = time.monotonic()
    while True:
        for _ in range(round(QUOTA * TIMES * TICK_S / RECORD_BYTES)):
            with contextlib.suppress(BufferError):
                producer.produce(topic, bytes(RECORD_BYTES))
        producer.poll(0)
        due += TICK_S
        time.sleep(max(0.0, due - time.monotonic()))


@contextlib.contextmanager
def noise(broker: BrokerProcess, topic: str) -> Iterator[subprocess.Popen[bytes]]:
    """The noisy client in a process of its own, in its stride."""
    command = [sys.executable, "-m", "bench.noisy_neighbour", "--noise", broker.bootstrap, topic]
    process = subprocess.Popen(command)
    try:
        time.sleep(12)  # a quota looks back on eleven seconds: the burst it allows is over
        yield process
    finally:
        process.kill()
        process.wait()


def set_quota(broker: BrokerProcess, rate: float | None) -> None:
    """Give the noisy client its quota, or take it away."""
    with socket.create_connection(("127.0.0.1", broker.port), timeout=10) as connection:
        (answer,) = ask(
            connection, change(entry({"client-id": NOISY}, {"producer_byte_rate": rate})), 1
        ).entries
    if answer.error_code:
        raise RuntimeError(f"the quota is refused: {answer.error_message}")


def measure(
    broker: BrokerProcess, rounds: int, shares: dict[str, float]
) -> dict[str, list[tuple[float, float]]]:
    """The neighbour's p99 in milliseconds, alone and with the noise, of each round; with and without the quota.

    `shares` takes the cores that the noise alone costs the broker.
    """
    found: dict[str, list[tuple[float, float]]] = {}

    def p99_ms() -> float:
        return load("ack", broker.bootstrap, "neighbour", SAMPLES, 1000)["p99_ms"]

    p99_ms()  # warm
    for name, rate in ((HELD, QUOTA), (FREE, None)):
        set_quota(broker, rate)
        found[name] = []
        with noise(broker, "noise") as process:
            began, used = time.monotonic(), cpu_s(broker.pid)
            time.sleep(ALONE_S)
            shares[name] = (cpu_s(broker.pid) - used) / (time.monotonic() - began)
            for _ in range(rounds):
                process.send_signal(signal.SIGSTOP)
                alone = p99_ms()
                process.send_signal(signal.SIGCONT)
                found[name].append((alone, p99_ms()))
                print(f"{name}: p99 {alone:.3f} ms alone, {found[name][-1][1]:.3f} ms beside it", flush=True)
    return found


def main() -> None:
    """Entry point of `python -m bench.noisy_neighbour`."""
    parser = argparse.ArgumentParser(prog="python -m bench.noisy_neighbour", description=__doc__)
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--target", default="neuraxis", choices=["neuraxis", "kafka"])
    parser.add_argument("--noise", nargs=2, metavar=("BOOTSTRAP", "TOPIC"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.noise:
        make_noise(*arguments.noise)
    load_before = round(os.getloadavg()[0], 2)
    with start_target(arguments.target, {"auto.create.topics.enable": "true"}) as broker:
        shares: dict[str, float] = {}
        found = measure(broker, arguments.rounds, shares)
    quartiles = {
        name: [statistics.quantiles(each, n=4)[0] for each in zip(*pairs, strict=True)]
        for name, pairs in found.items()
    }
    ratios = {
        name: statistics.median(beside / alone for alone, beside in pairs) for name, pairs in found.items()
    }
    quartiles = {
        name: [statistics.quantiles(each, n=4)[0] for each in zip(*pairs, strict=True)]
        for name, pairs in found.items()
    }
    document = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "target": arguments.target,
        "quota_bytes_per_s": QUOTA,
        "times": TIMES,
        "load_before": load_before,
        "rounds": arguments.rounds,
        "p99_ms_alone_and_beside": found,
        "lower_quartiles": quartiles,
        "cores_spent_on_the_noise": shares,
        "ratios": ratios,
        "met": ratios[HELD] <= BUDGET,
    }
    path = RESULTS / f"noisy_neighbour_{arguments.target}.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    for name in (HELD, FREE):
        alone, beside = quartiles[name]
        print(f"{name}: {ratios[name]:.2f} x the p99 alone")
        print(f"  lower quartiles: {alone:.3f} ms alone, {beside:.3f} ms beside it, {beside / alone:.2f} x")
        print(f"  the noise costs the broker {shares[name]:.3f} cores")
    print(f"budget {BUDGET} x, {'met' if document['met'] else 'MISSED'}; written: {path}")


if __name__ == "__main__":
    main()
