"""CreateAcls (key 30), versions 1-3: add access rules; one that exists is taken as made. 54 without an authoriser.

A rule with an enumeration value of "any" or "match" is refused (42), where Kafka fails (-1); with one of 0 Kafka closes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker import acls
from neuraxis.broker.call import Call, handles
from neuraxis.broker.coordinators.topics.cluster_facts import AclFact, AclRule
from neuraxis.broker.coordinators.topics.machine import ChangeCluster
from neuraxis.wire.errors import Refused
from neuraxis.wire.messages.create_acls import AclCreationResult, CreateAclsRequest, CreateAclsResponse

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(CreateAclsRequest, versions="1-3", needs="ALTER cluster")
def create_acls(node: Node, call: Call, request: CreateAclsRequest) -> CreateAclsResponse:
    """Make the good rules."""
    results, facts = [], {}
    for one in request.creations:
        rule = AclRule(
            one.resource_type,
            one.resource_name,
            one.resource_pattern_type,
            one.principal,
            one.host,
            one.operation,
            one.permission_type,
        )
        try:
            acls.check_switched_on(node)
            acls.check_rule(rule)
            facts[rule] = AclFact(rule)
            results.append(AclCreationResult(error_message=""))
        except Refused as refused:
            results.append(AclCreationResult(error_code=refused.code, error_message=refused.message))
    node.change_catalogue(ChangeCluster(tuple(facts.values())), call, call.now)
    node.refresh_rules()
    return CreateAclsResponse(results=results)
