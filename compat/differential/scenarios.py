"""All scenarios, and the cases they give for the keys and versions that both brokers advertise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from compat.differential.cases import Case, Scenario, Story, key_of
from compat.differential.families import (
    admin,
    configs,
    consumer_groups,
    groups_classic,
    idempotence,
    metadata_topics,
    offsets,
    one_node,
    produce_fetch,
    security,
    share_groups,
    telemetry,
    transactions,
)
from compat.differential.generator import cases_of
from compat.differential.runner import Peer
from neuraxis.wire.messages.api_versions import ApiVersionsRequest
from neuraxis.wire.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
)
from neuraxis.wire.schema import Message

SCENARIOS: list[Scenario | Story] = [
    *metadata_topics.SCENARIOS,
    *produce_fetch.SCENARIOS,
    *idempotence.SCENARIOS,
    *offsets.SCENARIOS,
    *groups_classic.SCENARIOS,
    *telemetry.SCENARIOS,  # before the configs: those of client metrics are for every client
    *admin.SCENARIOS,
    *configs.SCENARIOS,
    *security.SCENARIOS,
    *one_node.SCENARIOS,
    *consumer_groups.SCENARIOS,
    *share_groups.SCENARIOS,
    *transactions.SCENARIOS,
]

Ranges = Mapping[int, tuple[int, int]]


def all_cases(advertised: Ranges) -> Iterator[Case]:
    """Every case for these keys and versions; names are unique."""
    names: set[str] = set()
    for scenario in SCENARIOS:
        if key_of(scenario.request) not in advertised:
            continue
        for case in cases_of(scenario, advertised[key_of(scenario.request)]):
            assert case.full_name not in names, f"two cases are called {case.full_name!r}"
            names.add(case.full_name)
            yield case


WANTED = IncrementalAlterConfigsRequest(
    [
        AlterConfigsResource(
            telemetry.CLIENT_METRICS,
            "everybody-00000000",  # named as if it belonged to a case, so that no other sees it
            [
                AlterableConfig("metrics", telemetry.SET, "none"),
                AlterableConfig("match", telemetry.SET, "client_id=nobody"),
            ],
        )
    ]
)
"""A subscription for nobody: a Neuraxis that has one advertises telemetry (decision 0009)."""


def advertised_by(bootstrap: str) -> dict[int, tuple[int, int]]:
    """Lowest and highest version of every key that a broker advertises to whom it wants metrics of."""
    peer = Peer(bootstrap, 10.0)
    try:
        peer.send(WANTED, 1)
        peer.receive()
        peer.send(ApiVersionsRequest("differential", "1"), 4)
        answer = peer.receive()
        assert isinstance(answer, Message), f"ApiVersions was answered with {answer}"
        return {each.api_key: (each.min_version, each.max_version) for each in answer.api_keys}  # type: ignore[attr-defined]  # it is an ApiVersionsResponse
    finally:
        peer.close()


def common(ours: Ranges, kafka: Ranges) -> dict[int, tuple[int, int]]:
    """What both advertise."""
    both = {
        key: (max(ours[key][0], kafka[key][0]), min(ours[key][1], kafka[key][1]))
        for key in sorted(ours.keys() & kafka.keys())
    }
    return {key: versions for key, versions in both.items() if versions[0] <= versions[1]}
