"""What requests about the cluster, configs and tokens are asked, and refusals that need more than the general way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker import tokens
from neuraxis.broker.authorisation.authoriser import (
    CLUSTER,
    CLUSTER_NAME,
    DELEGATION_TOKEN,
    GROUP,
    TOPIC,
    USER,
)
from neuraxis.broker.authorisation.steps import CODES, Asked, Proceed, merged, part, refuse_whole
from neuraxis.broker.operations import (
    ALTER_CONFIGS,
    CREATE_TOKENS,
    DESCRIBE,
    DESCRIBE_CONFIGS,
    DESCRIBE_TOKENS,
)
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.alter_client_quotas import AlterClientQuotasResponseEntryData
from neuraxis.wire.messages.alter_client_quotas import EntityData as QuotaEntity
from neuraxis.wire.messages.alter_replica_log_dirs import (
    AlterReplicaLogDirPartitionResult,
    AlterReplicaLogDirTopicResult,
)
from neuraxis.wire.messages.alter_user_scram_credentials import AlterUserScramCredentialsResult
from neuraxis.wire.schema import fields_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuraxis.broker.call import Body, Handled

TOPIC_CONFIG, GROUP_CONFIG = 2, 32
"""The kinds of config resources that are not the cluster's own."""


def cluster_operations(asked: Asked, answer: Body) -> None:
    """Leave of the cluster's operations those that the caller may do; none without DESCRIBE."""
    allowed = 0
    if asked.would_allow(DESCRIBE, CLUSTER):
        allowed = asked.those_of(answer.cluster_authorized_operations, CLUSTER, CLUSTER_NAME)
    answer.cluster_authorized_operations = allowed


def describe_cluster(asked: Asked, request: Body, proceed: Proceed) -> Handled:
    """DescribeCluster: everybody may ask; the operations are those of the caller."""
    answer = proceed(request)
    if answer.cluster_authorized_operations > 0:
        cluster_operations(asked, answer)
    return answer


def config_resources(operation: int) -> Callable[[Asked, Body, Proceed], Handled]:
    """Describing or altering configs: the operation on the topic, on the group, or on the cluster for all others."""

    def step(asked: Asked, request: Body, proceed: Proceed) -> Handled:
        codes: dict[int, list[Body]] = {}
        kept = []
        for resource in request.resources:
            kind = {TOPIC_CONFIG: TOPIC, GROUP_CONFIG: GROUP}.get(resource.resource_type, CLUSTER)
            name = CLUSTER_NAME if kind == CLUSTER else resource.resource_name
            if asked.allows(operation, kind, name):
                kept.append(resource)
            else:
                codes.setdefault(CODES[kind], []).append(resource)
        if not codes:
            return proceed(request)
        answer = proceed(part(request, "resources", kept)) if kept else asked.api.response()
        for code, resources in codes.items():
            answer = merged(answer, asked.refused(part(request, "resources", resources), code))
        return answer

    return step


describe_configs = config_resources(DESCRIBE_CONFIGS)
alter_configs = config_resources(ALTER_CONFIGS)


def create_token(asked: Asked, request: Body, proceed: Proceed) -> Handled:
    """CreateDelegationToken: one's own for nothing, another's with CREATE_TOKENS on that user."""
    name = request.owner_principal_name
    owner = tokens.principal(request.owner_principal_type or "", name) if name else None
    requester = asked.call.session.principal
    if owner in (None, requester) or asked.allows(CREATE_TOKENS, USER, str(owner)):
        return proceed(request)
    answer = asked.refused(request, CODES[USER])
    (answer.principal_type, answer.principal_name) = tokens.split(str(owner))
    (answer.token_requester_principal_type, answer.token_requester_principal_name) = tokens.split(requester)
    answer.issue_timestamp_ms = answer.expiry_timestamp_ms = answer.max_timestamp_ms = -1
    return answer


def show_tokens(asked: Asked, request: Body, proceed: Proceed) -> Handled:
    """DescribeDelegationToken: those one owns, asked for or may renew, or with DESCRIBE (DESCRIBE_TOKENS on the owner)."""
    answer = proceed(request)
    me = asked.call.session.principal

    def shown(token: Body) -> bool:
        owner = tokens.principal(token.principal_type, token.principal_name)
        requester = tokens.principal(
            token.token_requester_principal_type, token.token_requester_principal_name
        )
        renewers = [tokens.principal(each.principal_type, each.principal_name) for each in token.renewers]
        return (
            me in (owner, requester, *renewers)
            or asked.would_allow(DESCRIBE, DELEGATION_TOKEN, token.token_id)
            or asked.would_allow(DESCRIBE_TOKENS, USER, owner)
        )

    answer.tokens = [token for token in answer.tokens if shown(token)]
    return answer


def nameless(array: str, results: str) -> Callable[[Asked, Body, int], Body]:
    """A refusal with one result for each element of a request's array: results that name nothing, but keep the order."""

    def refuse(asked: Asked, request: Body, code: int) -> Body:
        answer = asked.api.response()
        item: Body = dict(fields_of(asked.api.response))[results].item
        found = [item() for _ in getattr(request, array)]
        for result in found:
            result.error_code, result.error_message = code, ErrorCode(code).message
        setattr(answer, results, found)
        return answer

    return refuse


def refuse_entities(asked: Asked, request: Body, code: int) -> Body:
    """DescribeClientQuotas: no entities (null), not an empty list of them."""
    answer = refuse_whole(asked, request, code)
    answer.entries = None
    return answer


def refuse_quotas(asked: Asked, request: Body, code: int) -> Body:
    """AlterClientQuotas: the code for each entity."""
    message = ErrorCode(code).message
    return asked.api.response(
        entries=[
            AlterClientQuotasResponseEntryData(
                code, message, [QuotaEntity(part.entity_type, part.entity_name) for part in entry.entity]
            )
            for entry in request.entries
        ]
    )


def refuse_credentials(asked: Asked, request: Body, code: int) -> Body:
    """AlterUserScramCredentials: the code for each user."""
    users = dict.fromkeys(one.name for one in [*request.deletions, *request.upsertions])
    message = ErrorCode(code).message
    return asked.api.response(
        results=[AlterUserScramCredentialsResult(user, code, message) for user in users]
    )


def refuse_moves(asked: Asked, request: Body, code: int) -> Body:
    """AlterReplicaLogDirs: the code for each partition."""
    return asked.api.response(
        results=[
            AlterReplicaLogDirTopicResult(
                topic.name, [AlterReplicaLogDirPartitionResult(index, code) for index in topic.partitions]
            )
            for directory in request.dirs
            for topic in directory.topics
        ]
    )
