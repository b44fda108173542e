"""Client telemetry: GetTelemetrySubscriptions, PushTelemetry and the subscriptions as configs."""

from __future__ import annotations

import zlib
from typing import Any

from neuraxis.wire.messages.get_telemetry_subscriptions import GetTelemetrySubscriptionsRequest
from neuraxis.wire.messages.push_telemetry import PushTelemetryRequest
from tests.broker.admin_script import DELETE, METRICS, SET, change
from tests.broker.scripts.player import Answers, Script, Step

SOME = bytes(range(16))
OTHER = bytes(range(100, 116))
SOME_TEXT = "AAECAwQFBgcICQoLDA0ODw"
NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
INTERVAL_MS = 1_000
MAX_BYTES = 2_000
LATER_MS = 1_200
CLIENTS = "org.apache.kafka.producer.,org.apache.kafka.consumer."
PAYLOAD = b"\x0a\x00"


def subscribe(name: str, **configs: str) -> Any:
    return change((METRICS, name, [(SET, key.replace("_", "."), value) for key, value in configs.items()]))


def unsubscribe(name: str, *keys: str) -> Any:
    return change((METRICS, name, [(DELETE, key, None) for key in keys]))


def ask(instance: bytes | str = bytes(16)) -> Any:
    """A request of this instance, or of that which the step of this name was given."""
    if isinstance(instance, bytes):
        return GetTelemetrySubscriptionsRequest(client_instance_id=instance)
    return lambda answers: GetTelemetrySubscriptionsRequest(
        client_instance_id=answers[instance].client_instance_id
    )


def push(
    of: str,
    data: bytes = PAYLOAD,
    *,
    compression: int = NONE,
    terminating: bool = False,
    instance: bytes | None = None,
    off_by: int = 0,
) -> Any:
    """A push under the subscription that the step `of` got."""

    def request(answers: Answers) -> Any:
        got = answers[of]
        return PushTelemetryRequest(
            client_instance_id=got.client_instance_id if instance is None else instance,
            subscription_id=got.subscription_id + off_by,
            terminating=terminating,
            compression_type=compression,
            metrics=data,
        )

    return request


def gzip(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=31)
    return packer.compress(data) + packer.flush()


STEPS = [
    Step("nothing subscribed", ask(), 0),
    Step("nothing subscribed: again at once", ask("nothing subscribed"), 0),
    Step("nothing subscribed: push", push("nothing subscribed"), 0),
    Step("own id", ask(SOME), 0),
    Step("own id: again at once", ask(SOME), 0),
    Step("subscribe", subscribe("m1", metrics=CLIENTS, interval_ms=str(INTERVAL_MS), match="client_id=scr.*"), 1, 300),
    Step("subscribed", ask("nothing subscribed"), 0),
    Step("subscribed: again at once", ask("nothing subscribed"), 0),
    Step("push: old subscription", push("nothing subscribed"), 0),
    Step("subscribed: after an unknown subscription", ask("nothing subscribed"), 0),
    Step("push", push("subscribed"), 0),
    Step("push: at once again", push("subscribed"), 0, LATER_MS),
    Step("push: later", push("subscribed"), 0, LATER_MS),
    Step("push: gzip", push("subscribed", gzip(PAYLOAD), compression=GZIP), 0, LATER_MS),
    Step("push: not gzip at all", push("subscribed", b"xyz", compression=GZIP), 0, LATER_MS),
    Step("push: rubbish", push("subscribed", b"\xff\xff\xff"), 0, LATER_MS),
    Step("push: nothing", push("subscribed", b""), 0, LATER_MS),
    Step("push: compression 9", push("subscribed", compression=9), 0, LATER_MS),
    Step("push: after compression 9 at once", push("subscribed"), 0, LATER_MS),
    Step("push: compression -1", push("subscribed", compression=-1), 0, LATER_MS),
    Step("push: too large", push("subscribed", b"x" * (MAX_BYTES + 1)), 0, LATER_MS),
    Step("push: as large as may be", push("subscribed", b"x" * MAX_BYTES), 0, LATER_MS),
    Step("push: another subscription", push("subscribed", off_by=1), 0, LATER_MS),
    Step("push: another subscription at once", push("subscribed", off_by=1), 0),
    Step("push: good at once after", push("subscribed"), 0, LATER_MS),
    Step("push: no instance", push("subscribed", instance=bytes(16)), 0),
    Step("push: unknown instance", push("subscribed", instance=OTHER), 0),
    Step("unknown instance: asks", ask(OTHER), 0),
    Step("unknown instance: pushes", push("unknown instance: asks"), 0),
    # Subscriptions that change
    Step("subscribe to more", subscribe("m2", metrics="org.apache.kafka.admin.", interval_ms="500", match=""), 1, 300),
    Step("push: subscription has changed", push("subscribed"), 0),
    Step("two subscriptions", ask("nothing subscribed"), 0),
    Step("push under two", push("two subscriptions"), 0, LATER_MS),
    Step("subscribe to all", subscribe("m3", metrics="*", interval_ms="2000"), 1, 300),
    Step("all", ask("nothing subscribed"), 0),
    Step("no longer all", unsubscribe("m3", "metrics", "interval.ms"), 1, 300),
    Step("two again", ask("nothing subscribed"), 0),
    Step("overlapping", subscribe("m4", metrics="org.apache.kafka.admin.,org.apache.kafka.producer.node"), 1, 300),
    Step("overlapped", ask("nothing subscribed"), 0),
    Step("empty metrics", subscribe("m4", metrics=""), 1, 300),
    Step("empty: asked", ask("nothing subscribed"), 0, LATER_MS),
    # Matches
    *(
        step
        for number, (match, _) in enumerate([
            ("client_id=script", True), ("client_id=scrip", False), ("client_id=.*ript", True), ("client_id=other", False),
            ("client_software_name=unknown", True), ("client_software_version=unknown", True),
            ("client_source_address=127\\.0\\.0\\.1|10\\.0\\.0\\.7", True), ("client_source_port=[0-9]+", True),
            (f"client_instance_id={SOME_TEXT}", False), ("client_id=script,client_source_port=1", False),
            ("client_id=script,client_software_name=unk.*", True),
        ])
        for step in (
            Step(f"match {number}: {match}", subscribe("m4", metrics=f"metric{number}", match=match), 1, 300),
            Step(f"match {number}: asked", ask("nothing subscribed"), 0),
            Step(f"match {number}: asked by some", ask(SOME), 0, LATER_MS),
        )
    ),
    # The end
    Step("asked before the end", ask("nothing subscribed"), 0, LATER_MS),
    Step("terminating", push("asked before the end", terminating=True), 0),
    Step("terminating again", push("asked before the end", terminating=True), 0),
    Step("push after the end", push("asked before the end"), 0),
    Step("ask after the end", ask("nothing subscribed"), 0, LATER_MS),
    Step("ask later after the end", ask("nothing subscribed"), 0, LATER_MS),
    Step("terminating at once: asked", ask(bytes(range(50, 66))), 0),
    Step("terminating at once: push", push("terminating at once: asked"), 0),
    Step("terminating at once", push("terminating at once: asked", terminating=True), 0),
    Step("terminating unknown: asked", ask(bytes(range(60, 76))), 0),
    Step("terminating with a wrong subscription", push("terminating unknown: asked", terminating=True, off_by=1), 0),
]  # fmt: skip

SCRIPT = Script(STEPS, {"telemetry.max.bytes": str(MAX_BYTES)}, {"metric.reporters": "Receiver"})
FREE = frozenset({"subscription_id"})
