"""DescribeConfigs (key 32), versions 1-4.

Every config of topics, this broker, all brokers (""), groups and client metrics, with its sources. v3 types and, when
asked, a few words on those we act on. Sensitive values are null. A broker's loggers: none (they are Python's).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.broker.config_changes import (
    BROKER,
    BROKER_LOGGER,
    CLIENT_METRICS,
    GROUP,
    TOPIC,
    broker_resource,
)
from neuraxis.broker.config_layers import layers_of
from neuraxis.broker.config_table import describe as shown
from neuraxis.broker.new_topics import check_name
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.describe_configs import (
    DescribeConfigsRequest,
    DescribeConfigsResource,
    DescribeConfigsResourceResult,
    DescribeConfigsResponse,
    DescribeConfigsResult,
    DescribeConfigsSynonym,
)

if TYPE_CHECKING:
    from neuraxis.broker.config_table.describe import Entry
    from neuraxis.broker.node import Node


@handles(DescribeConfigsRequest, versions="1-4", needs="DESCRIBE_CONFIGS of the resource")
def describe_configs(node: Node, call: Call, request: DescribeConfigsRequest) -> DescribeConfigsResponse:
    """The configs of each resource: those named, or all."""
    call.saw(node.catalogue.ticket)
    return DescribeConfigsResponse(
        results=[_result(node, request, resource) for resource in request.resources]
    )


def _result(
    node: Node, request: DescribeConfigsRequest, resource: DescribeConfigsResource
) -> DescribeConfigsResult:
    answer = DescribeConfigsResult(
        error_message="", resource_type=resource.resource_type, resource_name=resource.resource_name
    )
    try:
        entries = _entries(node, resource.resource_type, resource.resource_name)
    except Refused as refused:
        answer.error_code = refused.code
        answer.error_message = refused.message
        return answer
    keys = set(resource.configuration_keys or ())
    answer.configs = [
        _config(entry, request)
        for entry in sorted(entries, key=lambda entry: entry.key.name)
        if not keys or entry.key.name in keys
    ]
    return answer


def _entries(node: Node, kind: int, name: str) -> list[Entry]:
    layers = layers_of(node)
    if kind == TOPIC:
        check_name(name)
        fact = node.catalogue.state.topics.get(name)
        if fact is None:
            raise Refused(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "")
        return shown.describe_topic(fact.configs, node.settings, layers)
    if kind == BROKER:
        return (
            shown.describe_broker(layers)
            if broker_resource(node, name)
            else shown.describe_all_brokers(layers)
        )
    if kind == BROKER_LOGGER:
        if broker_resource(node, name):
            return []
        raise Refused(ErrorCode.INVALID_REQUEST, "Name the broker whose loggers you mean.")
    if kind not in (GROUP, CLIENT_METRICS):
        raise Refused(ErrorCode.INVALID_REQUEST, f"There is no resource type {kind}.")
    if not name:
        raise Refused(
            ErrorCode.INVALID_REQUEST, "The resource name is empty: groups and subscriptions have a name."
        )
    configs = node.catalogue.state.configs.get((kind, name), {})
    if kind == GROUP:
        return shown.describe_group(configs, node.settings, layers)
    return shown.describe_client_metrics(configs)


def _config(entry: Entry, request: DescribeConfigsRequest) -> DescribeConfigsResourceResult:
    return DescribeConfigsResourceResult(
        name=entry.key.name,
        value=entry.value,
        read_only=entry.read_only,
        config_source=entry.source,
        is_sensitive=entry.key.sensitive,
        synonyms=[DescribeConfigsSynonym(*synonym) for synonym in entry.synonyms]
        if request.include_synonyms
        else [],
        config_type=entry.key.type_code,
        documentation=entry.documentation if request.include_documentation else None,
    )
