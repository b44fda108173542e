"""DeleteAcls (key 31), versions 1-3: delete the access rules that filters mean, and show them. 54 without an authoriser.

Every filter sees the rules as they were before. One with an enumeration value of 0 is refused (42), where Kafka closes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker import acls
from neuraxis.broker.call import Call, handles
from neuraxis.broker.coordinators.topics.cluster_facts import AclFact, AclRule
from neuraxis.broker.coordinators.topics.machine import ChangeCluster
from neuraxis.wire.errors import Refused
from neuraxis.wire.messages.delete_acls import (
    DeleteAclsFilterResult,
    DeleteAclsMatchingAcl,
    DeleteAclsRequest,
    DeleteAclsResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(DeleteAclsRequest, versions="1-3", needs="ALTER cluster")
def delete_acls(node: Node, call: Call, request: DeleteAclsRequest) -> DeleteAclsResponse:
    """Delete what the good filters mean."""
    results = []
    gone: dict[AclRule, AclFact] = {}
    known = node.catalogue.read(call).cluster.acls
    for one in request.filters:
        wanted = acls.AclFilter(
            one.resource_type_filter,
            one.resource_name_filter,
            one.pattern_type_filter,
            one.principal_filter,
            one.host_filter,
            one.operation,
            one.permission_type,
        )
        try:
            acls.check_switched_on(node)
            acls.check_filter(wanted, deletes=True)
        except Refused as refused:
            results.append(DeleteAclsFilterResult(error_code=refused.code, error_message=refused.message))
            continue
        found = [rule for rule in known if acls.matches(wanted, rule)]
        gone.update({rule: AclFact(rule, exists=False) for rule in found})
        shown = [
            DeleteAclsMatchingAcl(
                error_message=None,
                resource_type=rule.resource_type,
                resource_name=rule.resource_name,
                pattern_type=rule.pattern_type,
                principal=rule.principal,
                host=rule.host,
                operation=rule.operation,
                permission_type=rule.permission_type,
            )
            for rule in found
        ]
        results.append(DeleteAclsFilterResult(error_message=None, matching_acls=shown))
    node.change_catalogue(ChangeCluster(tuple(gone.values())), call, call.now)
    node.refresh_rules()
    return DeleteAclsResponse(filter_results=results)
