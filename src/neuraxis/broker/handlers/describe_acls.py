"""DescribeAcls (key 29), versions 1-3: the access rules that a filter means, by resource. 54 without an authoriser.

A filter with an enumeration value of 0 is refused (42), where Kafka closes the connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker import acls
from neuraxis.broker.call import Call, handles
from neuraxis.wire.errors import Refused
from neuraxis.wire.messages.describe_acls import (
    AclDescription,
    DescribeAclsRequest,
    DescribeAclsResource,
    DescribeAclsResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(DescribeAclsRequest, versions="1-3", needs="DESCRIBE cluster")
def describe_acls(node: Node, call: Call, request: DescribeAclsRequest) -> DescribeAclsResponse:
    """Find the rules."""
    wanted = acls.AclFilter(
        request.resource_type_filter,
        request.resource_name_filter,
        request.pattern_type_filter,
        request.principal_filter,
        request.host_filter,
        request.operation,
        request.permission_type,
    )
    try:
        acls.check_switched_on(node)
        acls.check_filter(wanted, deletes=False)
    except Refused as refused:
        return DescribeAclsResponse(error_code=refused.code, error_message=refused.message)
    resources: dict[tuple[int, str, int], DescribeAclsResource] = {}
    for rule in node.catalogue.read(call).cluster.acls:
        if acls.matches(wanted, rule):
            key = (rule.resource_type, rule.resource_name, rule.pattern_type)
            resources.setdefault(key, DescribeAclsResource(*key, [])).acls.append(
                AclDescription(rule.principal, rule.host, rule.operation, rule.permission_type)
            )
    return DescribeAclsResponse(error_message="", resources=list(resources.values()))
