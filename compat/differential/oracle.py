"""Apache Kafka as the differential test asks it: one partition for each topic of its own, and somebody who wants telemetry."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from compat.brokers import REPOSITORY
from compat.kafka import CACHE, ApacheKafka, broker_libs

SETTINGS: dict[str, str] = {
    # What Neuraxis has of its own accord: one partition for each topic of the broker's own.
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.num.partitions": "1",
    "num.partitions": "1",
}
KAFKA_ONLY = {
    "share.coordinator.state.topic.num.partitions": "1",
    "metric.reporters": "Receiver",  # without a plug-in that wants them Kafka takes no metrics of clients
}
CLASSES = CACHE / "receiver"
RECEIVER = REPOSITORY / "tests" / "broker" / "scripts" / "Receiver.java"


class Oracle(ApacheKafka):
    """A node with our telemetry receiver (`Receiver.java`) on its class path."""

    def __init__(self) -> None:
        super().__init__(SETTINGS | KAFKA_ONLY)
        CLASSES.mkdir(parents=True, exist_ok=True)
        command = ["javac", "-nowarn", "-cp", f"{broker_libs()}/*", "-d", str(CLASSES), str(RECEIVER)]
        subprocess.run(command, check=True)

    def command(self) -> Sequence[str]:
        """Return Kafka's own command line with the receiver's class."""
        jars = f"{broker_libs()}/*"
        return [word.replace(jars, f"{jars}:{CLASSES}") for word in super().command()]
