"""DescribeConfigs, AlterConfigs, IncrementalAlterConfigs, ListConfigResources."""

from __future__ import annotations

from functools import partial

from compat.differential.cases import Scenario, Step, fixed
from compat.differential.families.common import ONE, topic_steps
from compat.differential.world import World
from neuraxis.wire.messages import alter_configs, incremental_alter_configs
from neuraxis.wire.messages.alter_configs import AlterConfigsRequest
from neuraxis.wire.messages.describe_configs import DescribeConfigsRequest, DescribeConfigsResource
from neuraxis.wire.messages.incremental_alter_configs import IncrementalAlterConfigsRequest
from neuraxis.wire.messages.list_config_resources import ListConfigResourcesRequest

TOPIC, BROKER, LOGGER, METRICS, GROUP = 2, 4, 8, 16, 32
KINDS = (TOPIC, BROKER, LOGGER, METRICS, GROUP)
SET, DELETE, APPEND, SUBTRACT = 0, 1, 2, 3
TOPIC_KEYS = ["retention.ms", "cleanup.policy", "segment.bytes", "no.such.config"]


def _describe(kind: int, name: str, keys: list[str] | None, world: World) -> DescribeConfigsRequest:
    return DescribeConfigsRequest([DescribeConfigsResource(kind, name, keys)], True, False)


def _describe_own(world: World) -> DescribeConfigsRequest:
    return _describe(TOPIC, world.name("set"), TOPIC_KEYS, world)


def _alter(kind: int, stem: str, configs: dict[str, str], world: World) -> AlterConfigsRequest:
    made = [alter_configs.AlterableConfig(name, value) for name, value in configs.items()]
    return AlterConfigsRequest([alter_configs.AlterConfigsResource(kind, world.name(stem), made)])


def _change(
    kind: int, stem: str, changes: list[tuple[str, int, str | None]], world: World
) -> IncrementalAlterConfigsRequest:
    made = [incremental_alter_configs.AlterableConfig(*change) for change in changes]
    resource = incremental_alter_configs.AlterConfigsResource(kind, world.name(stem), made)
    return IncrementalAlterConfigsRequest([resource])


def _look(kind: int, stem: str, keys: list[str] | None, world: World) -> DescribeConfigsRequest:
    return _describe(kind, world.name(stem), keys, world)


GIVEN = topic_steps("set", 1, {"retention.ms": "7000"})
AFTER = [Step(_describe_own, 4)]
VALUES = {
    "resource_type": KINDS,
    "value": ("1", "-1", "x", " 5 "),
    "name": ("cleanup.policy", "segment.bytes"),
}
# An unknown operation makes Kafka's controller give up its office for two seconds: asked once is enough.
RENOUNCES = [f"*config_operation={number}" for number in (-128, -2, -1, 77, 127)]
GROUP_KEYS = ["consumer.session.timeout.ms", "share.record.lock.duration.ms"]

SCENARIOS = [
    Scenario(
        DescribeConfigsRequest,
        partial(_describe, TOPIC, ONE, TOPIC_KEYS),
        values={"resource_type": KINDS, "resource_name": ("__consumer_offsets",)},
        # The whole table of a topic is held equal by another test.
        skip=["*include_documentation*"],
    ),
    Scenario(
        DescribeConfigsRequest,
        partial(
            _describe, BROKER, "1", ["background.threads", "log.retention.ms", "node.id", "ssl.key.password"]
        ),
        "broker",
        skip=[
            "*configuration_keys=null",
            "*configuration_keys=none",
        ],  # the whole table: another test holds it equal, but for addresses and directories
    ),
    Scenario(DescribeConfigsRequest, partial(_describe, GROUP, "any-group", GROUP_KEYS), "group"),
    Scenario(DescribeConfigsRequest, partial(_describe, METRICS, "any-metrics", None), "metrics"),
    Scenario(
        AlterConfigsRequest,
        partial(_alter, TOPIC, "set", {"retention.ms": "9000"}),
        given=GIVEN,
        after=AFTER,
        values=VALUES,
        settle=True,
    ),
    Scenario(
        AlterConfigsRequest,
        partial(_alter, GROUP, "group", {"consumer.session.timeout.ms": "50000"}),
        "group",
        after=[Step(partial(_look, GROUP, "group", GROUP_KEYS), 4)],
        settle=True,
        skip=["*resources=twice"],  # never answered; asked once is enough
    ),
    Scenario(
        IncrementalAlterConfigsRequest,
        partial(_change, TOPIC, "set", [("retention.ms", SET, "9000")]),
        given=GIVEN,
        after=AFTER,
        values=VALUES,
        settle=True,
    ),
    *(
        Scenario(
            IncrementalAlterConfigsRequest,
            partial(
                _change,
                TOPIC,
                "set",
                [("cleanup.policy", operation, "compact"), ("segment.bytes", DELETE, None)],
            ),
            title,
            given=GIVEN,
            after=AFTER,
            settle=True,
            skip=RENOUNCES,
        )
        for operation, title in ((APPEND, "append"), (SUBTRACT, "subtract"))
    ),
    Scenario(
        IncrementalAlterConfigsRequest,
        partial(_change, GROUP, "group", [("consumer.session.timeout.ms", SET, "50000")]),
        "group",
        after=[Step(partial(_look, GROUP, "group", GROUP_KEYS), 4)],
        settle=True,
        skip=RENOUNCES,
    ),
    Scenario(
        IncrementalAlterConfigsRequest,
        partial(_change, METRICS, "metrics", [("interval.ms", SET, "1000"), ("metrics", SET, "a.,b.")]),
        "metrics",
        after=[Step(partial(_look, METRICS, "metrics", None), 4)],
        settle=True,
        skip=RENOUNCES,
    ),
    Scenario(
        ListConfigResourcesRequest,
        fixed(ListConfigResourcesRequest([TOPIC, GROUP])),
        values={"resource_types": KINDS},
    ),
]
