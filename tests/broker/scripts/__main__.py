"""Records the answers of Apache Kafka 4.4.0: one fresh node per script."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from compat.kafka import ApacheKafka, broker_libs
from tests.broker.admin_script import write
from tests.broker.scripts.catalogue import FREE, KNOWN, SCRIPTS
from tests.broker.scripts.player import DATA, KafkaPlayer, run


class KafkaWithReceiver(ApacheKafka):
    """A node that finds our telemetry receiver (`Receiver.java`) on its class path."""

    classes = Path(tempfile.mkdtemp(prefix="receiver-"))

    def command(self) -> Sequence[str]:
        return [
            word.replace(f"{broker_libs()}/*", f"{broker_libs()}/*:{self.classes}")
            for word in super().command()
        ]


source = Path(__file__).parent / "Receiver.java"
subprocess.run(
    ["javac", "-nowarn", "-cp", f"{broker_libs()}/*", "-d", KafkaWithReceiver.classes, source], check=True
)
for name in sys.argv[1:] or list(SCRIPTS):
    script = SCRIPTS[name]
    with KafkaWithReceiver(
        {"offsets.topic.num.partitions": "1", **script.settings, **script.kafka_only}
    ) as kafka:
        player = KafkaPlayer(kafka.bootstrap)
        answers = run(script, player.ask, player.wait, FREE.get(name, frozenset()), KNOWN)
    write(DATA / f"answers_{name}.json", answers)
    print(name, len(answers))
