"""GetTelemetrySubscriptions and PushTelemetry (KIP-714); how pushes are paced is another test's."""

from __future__ import annotations

from functools import partial

from compat.differential.cases import Scenario, Step
from compat.differential.world import World
from neuraxis.wire.messages.api_versions import ApiVersionsRequest
from neuraxis.wire.messages.get_telemetry_subscriptions import GetTelemetrySubscriptionsRequest
from neuraxis.wire.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
)
from neuraxis.wire.messages.push_telemetry import PushTelemetryRequest
from neuraxis.wire.schema import ZERO_UUID, Message

CLIENT_METRICS, SET = 16, 0
INTERVAL_MS = 3_600_000  # nobody here is to be told to wait, or not to, by the speed of a run
PAYLOAD = b"\x0a\x00"  # OTLP: one resource without metrics


def _subscribe(world: World) -> IncrementalAlterConfigsRequest:
    """A subscription to the clients of this case alone: they say its name as their software's."""
    configs = {
        "metrics": "org.apache.kafka.consumer.,org.apache.kafka.producer.",
        "interval.ms": str(INTERVAL_MS),
        "match": f"client_software_name={world.name('software')}",
    }
    changes = [AlterableConfig(name, SET, value) for name, value in configs.items()]
    return IncrementalAlterConfigsRequest(
        [AlterConfigsResource(CLIENT_METRICS, world.name("subscription"), changes)]
    )


def _introduce(world: World) -> ApiVersionsRequest:
    return ApiVersionsRequest(world.name("software"), "1")


def _ask(world: World) -> GetTelemetrySubscriptionsRequest:
    return GetTelemetrySubscriptionsRequest(ZERO_UUID)


def _learn(world: World, answer: Message) -> None:
    world.learn("instance", answer.client_instance_id)  # type: ignore[attr-defined]  # it is a GetTelemetrySubscriptionsResponse
    world.learn("subscription", answer.subscription_id)  # type: ignore[attr-defined]  # it is a GetTelemetrySubscriptionsResponse


def _subscribed(answer: Message) -> bool:
    return bool(answer.requested_metrics)  # type: ignore[attr-defined]  # it is a GetTelemetrySubscriptionsResponse


def _push(world: World, *, terminating: bool = False) -> PushTelemetryRequest:
    return PushTelemetryRequest(world.raw("instance"), world.number("subscription"), terminating, 0, PAYLOAD)


KNOWN = [Step(_introduce, 3), Step(_subscribe, 1, settle=True)]
# Asked as a new instance each time, until the controller has told the broker of the subscription.
ASKED = [*KNOWN, Step(_ask, 0, learn=_learn, until=_subscribed)]


GOOD_BYE = partial(_push, terminating=True)

SCENARIOS = [
    Scenario(GetTelemetrySubscriptionsRequest, _ask, given=ASKED),
    Scenario(GetTelemetrySubscriptionsRequest, _ask, "nothing is wanted", vary=False),
    Scenario(PushTelemetryRequest, _push, given=ASKED, values={"compression_type": (0, 3, 4, 5)}),
    # Too soon for the second time; a good-bye is never too soon, and then nobody listens any more.
    Scenario(
        PushTelemetryRequest,
        _push,
        "a life",
        given=ASKED,
        after=[Step(_push, 0), Step(GOOD_BYE, 0), Step(GOOD_BYE, 0), Step(_push, 0)],
        vary=False,
    ),
]
