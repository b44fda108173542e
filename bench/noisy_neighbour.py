"""Does a client above its quota disturb its neighbour? `python -m bench.noisy_neighbour [--rounds 40] [--target kafka]`.

A neighbour has one 1,000-byte record in flight (librdkafka in C, acks=all, closed loop) while a noisy client sends produce
requests of 64 KiB at ten times its `producer_byte_rate` of 5 MB/s, as far as its socket takes them: it heeds no throttle time,
and while the broker mutes it, it costs no time of its own. Short turns of the neighbour alone (the noisy one is stopped by
SIGSTOP) and with the noise alternate, so that a drift of the machine touches both; then the same without a quota, to see
what there is to protect from. Client, noise and broker share the cores. Budget: held by its quota, the noisy client changes
the neighbour's p99 by at most 20 %, by the median of the ratios of all rounds. Told beside it: the ratio of the lower
quartiles, for a busy machine (other work only ever adds to a p99), and the share of a core that the broker spends on the
noise alone.
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
import time
from collections.abc import Iterator

from bench.common import CACHE, RESULTS, cpu_s, load, load_binary
from bench.frames import CLIENT_ID, produce_frame
from compat.brokers import BrokerProcess, start_target
from tests.broker.admin_script import ask
from tests.broker.scripts.quotas import change, entry

QUOTA = 5_000_000
TIMES = 10
BUDGET = 1.2
SAMPLES = 5_000
"""Of the neighbour in each turn: fifty are above the p99, a second and more."""
VALUE_BYTES = 64 << 10
ALONE_S = 8.0
"""How long the noise is alone with the broker: several of its throttle times."""
NOISY = CLIENT_ID.decode()
HELD, FREE = "held by the quota", "without a quota"


@contextlib.contextmanager
def noise(broker: BrokerProcess, topic: str) -> Iterator[subprocess.Popen[bytes]]:
    """The noisy client in a process of its own, in its stride. Ends with an error if it ended by itself."""
    path = CACHE / "noise.bin"
    path.write_bytes(produce_frame(topic, bytes(i * 151 % 256 for i in range(VALUE_BYTES))))
    command = [str(load_binary()), "noise", "127.0.0.1", str(broker.port), str(path), str(QUOTA * TIMES)]
    process = subprocess.Popen(command)
    try:
        time.sleep(12)  # a quota looks back on eleven seconds: the burst it allows is over
        yield process
        if process.poll() is not None:
            raise RuntimeError("the noisy client ended by itself")
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
    load("produce", broker.bootstrap, "noise", 1, 1000, 1)  # makes the topic
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
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--target", default="neuraxis", choices=["neuraxis", "kafka"])
    arguments = parser.parse_args()
    load_before = round(os.getloadavg()[0], 2)
    with start_target(arguments.target, {"auto.create.topics.enable": "true"}) as broker:
        shares: dict[str, float] = {}
        found = measure(broker, arguments.rounds, shares)
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
