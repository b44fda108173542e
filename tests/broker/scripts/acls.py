"""Access rules: CreateAcls, DescribeAcls, DeleteAcls, with an authoriser and without one."""

from __future__ import annotations

from neuraxis.wire.messages import create_acls as create
from neuraxis.wire.messages import delete_acls as delete
from neuraxis.wire.messages import describe_acls as describe
from tests.broker.scripts.player import Script, Step

TOPIC, GROUP, CLUSTER, TRANSACTIONAL_ID, TOKEN, USER = 2, 3, 4, 5, 6, 7
ANY, ALL, READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE = range(1, 9)
UNKNOWN_PATTERN, ANY_PATTERN, MATCH, LITERAL, PREFIXED = range(5)
DENY, ALLOW = 2, 3


def rule(
    resource: int = TOPIC,
    name: str = "t",
    pattern: int = LITERAL,
    principal: str = "User:ann",
    host: str = "*",
    operation: int = READ,
    permission: int = ALLOW,
) -> create.AclCreation:
    return create.AclCreation(
        resource_type=resource,
        resource_name=name,
        resource_pattern_type=pattern,
        principal=principal,
        host=host,
        operation=operation,
        permission_type=permission,
    )


def make(*rules: create.AclCreation) -> create.CreateAclsRequest:
    return create.CreateAclsRequest(creations=list(rules))


def find(
    resource: int = ANY,
    name: str | None = None,
    pattern: int = ANY_PATTERN,
    principal: str | None = None,
    host: str | None = None,
    operation: int = ANY,
    permission: int = 1,
) -> describe.DescribeAclsRequest:
    return describe.DescribeAclsRequest(
        resource_type_filter=resource,
        resource_name_filter=name,
        pattern_type_filter=pattern,
        principal_filter=principal,
        host_filter=host,
        operation=operation,
        permission_type=permission,
    )


def drop(*filters: describe.DescribeAclsRequest) -> delete.DeleteAclsRequest:
    names = [name for name in delete.DeleteAclsFilter.__slots__ if hasattr(find(), name)]
    return delete.DeleteAclsRequest(
        filters=[delete.DeleteAclsFilter(**{name: getattr(each, name) for name in names}) for each in filters]
    )


NAMES = {CLUSTER: "kafka-cluster", USER: "User:x"}
"""Names where the resource type wants a certain one."""
BAD = (
    "resource -1",
    "resource 0",
    "pattern 0",
    "pattern 5",
    "operation 16",
    "permission 0",
    "permission 4",
    "empty",
)
"""Beginnings of the names of filters that are tried for deletion too."""
CREATIONS = [
    ("plain", rule()),
    ("again", rule()),
    ("prefixed", rule(name="t", pattern=PREFIXED)),
    ("prefixed other", rule(name="te", pattern=PREFIXED, operation=WRITE)),
    ("wildcard", rule(name="*")),
    ("wildcard prefixed", rule(name="*", pattern=PREFIXED)),
    ("deny", rule(permission=DENY, host="10.0.0.7")),
    ("group", rule(GROUP, "g")),
    ("cluster", rule(CLUSTER, "kafka-cluster", operation=CREATE)),
    ("cluster other name", rule(CLUSTER, "c", operation=CREATE)),
    ("transactional id", rule(TRANSACTIONAL_ID, "tx", operation=WRITE)),
    ("token", rule(TOKEN, "tok", operation=DESCRIBE)),
    ("user", rule(USER, "User:bob", operation=13)),
    ("user without a type", rule(USER, "bob", operation=13)),
    ("everybody", rule(principal="User:*")),
    ("empty principal name", rule(principal="User:")),
    ("principal without a type", rule(principal="ann")),
    ("empty principal", rule(principal="")),
    ("principal of another type", rule(principal="Group:staff")),
    ("principal with a colon", rule(principal="User:a:b")),
    ("principal without a type name", rule(principal=":a")),
    ("empty name", rule(name="")),
    ("empty host", rule(host="")),
    ("host name", rule(host="host.example")),
    ("bad address", rule(host="999.1.1.1")),
    ("network", rule(host="10.0.0.0/8")),
    ("network too wide", rule(host="10.0.0.0/99")),
    ("network with bits", rule(host="10.0.0.1/8")),
    ("network v6", rule(host="fe80::/10")),
    ("network of a name", rule(host="host/8")),
    ("address v6", rule(host="::1")),
    ("name of 300", rule(name="n" * 300)),
    ("invalid topic name", rule(name="a b")),
    *((f"resource {kind}", rule(kind)) for kind in (0, 1, 8, -1, 99)),
    *((f"pattern {kind}", rule(pattern=kind)) for kind in (0, 1, 2, 5, -1)),
    *((f"permission {kind}", rule(permission=kind)) for kind in (0, 1, 4)),
    *(
        (f"resource {kind} operation {operation}", rule(kind, NAMES.get(kind, "op"), operation=operation))
        for kind in (2, 3, 4, 5, 6, 7)
        for operation in (-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
    ),
]  # fmt: skip
FILTERS = [
    ("all", find()),
    ("topics", find(TOPIC)),
    ("topic", find(TOPIC, "t")),
    ("topic literal", find(TOPIC, "t", LITERAL)),
    ("topic prefixed", find(TOPIC, "t", PREFIXED)),
    ("topic match", find(TOPIC, "t", MATCH)),
    ("topic match test", find(TOPIC, "test", MATCH)),
    ("topic match *", find(TOPIC, "*", MATCH)),
    ("topic literal *", find(TOPIC, "*", LITERAL)),
    ("match without a name", find(TOPIC, None, MATCH)),
    ("literal without a name", find(TOPIC, None, LITERAL)),
    ("any resource by name", find(ANY, "t")),
    ("any resource match", find(ANY, "op", MATCH)),
    ("cluster", find(CLUSTER, "kafka-cluster")),
    ("cluster other name", find(CLUSTER, "c")),
    ("principal", find(principal="User:ann")),
    ("principal everybody", find(principal="User:*")),
    ("principal unknown", find(principal="User:nobody")),
    ("principal without a type", find(principal="ann")),
    ("empty principal", find(principal="")),
    ("host", find(host="10.0.0.7")),
    ("host *", find(host="*")),
    ("host network", find(host="10.0.0.0/8")),
    ("host bad", find(host="what ever")),
    ("empty host", find(host="")),
    ("empty name", find(name="")),
    *((f"operation {operation}", find(operation=operation)) for operation in (-1, 0, 2, 3, 4, 15, 16)),
    *((f"permission {kind}", find(permission=kind)) for kind in (0, 2, 3, 4)),
    *((f"resource {kind}", find(kind)) for kind in (-1, 0, 3, 5, 6, 7, 8)),
    *((f"pattern {kind}", find(pattern=kind)) for kind in (-1, 0, 3, 4, 5)),
    ("unknown of all kinds", find(0, None, 0, None, None, 0, 0)),
]
DELETABLE = [
    rule(name="d1"),
    rule(name="d1", operation=WRITE),
    rule(name="d2"),
    rule(name="d", pattern=PREFIXED),
    rule(GROUP, "d1"),
]
STEPS = [
    Step("none", find(), 3),
    *(Step(f"create: {name}", make(one), 3) for name, one in CREATIONS),
    *(Step(f"create v{version}", make(rule(name=f"v{version}")), version) for version in (1, 2, 3)),
    *(Step(f"create v{version}: user", make(rule(USER, "User:v", operation=13)), version) for version in (1, 2)),
    Step("create: several", make(rule(name="s1"), rule(name=""), rule(name="s2"), rule(name="s2")), 3),
    Step("create: nothing", make(), 3),
    *(Step(f"find: {name}", one, 3) for name, one in FILTERS),
    *(Step(f"find v{version}: all", find(), version) for version in (1, 2)),
    *(Step(f"find v{version}: topics", find(TOPIC), version) for version in (1, 2)),
    *(Step(f"find v{version}: users", find(USER), version) for version in (1, 2)),
    Step("delete v1: user", drop(find(USER)), 1),
    Step("delete v1: all", drop(find()), 1),
    Step("find: left", find(), 3),
    Step("create: to delete", make(*DELETABLE), 3),
    Step("delete: no match", drop(find(TOPIC, "nope")), 3),
    Step("delete: one", drop(find(TOPIC, "d2", LITERAL)), 3),
    Step("delete: the same twice", drop(find(TOPIC, "d1", LITERAL), find(TOPIC, "d1", LITERAL)), 3),
    Step("delete: nothing", drop(), 3),
    *(Step(f"delete v{version}", drop(find(TOPIC, f"v{version}")), version) for version in (2, 3)),
    *(Step(f"delete: bad {name}", drop(one), 3) for name, one in FILTERS if name.startswith(BAD)),
    Step("find: at the end", find(), 3),
    Step("delete: a good and a bad filter", drop(find(GROUP, "d1"), find(operation=0), find(TOPIC, "d", MATCH)), 3),
]  # fmt: skip

SCRIPT = Script(
    STEPS,
    {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    },
)
SWITCHED_OFF = Script(
    [
        *(Step(f"find v{version}", find(), version) for version in (1, 2, 3)),
        *(Step(f"create v{version}", make(rule(), rule(name="")), version) for version in (1, 2, 3)),
        *(Step(f"delete v{version}", drop(find(), find(TOPIC)), version) for version in (1, 2, 3)),
        Step("find: bad", find(0), 3),
        Step("create: bad", make(rule(0)), 3),
        Step("delete: bad", drop(find(0)), 3),
        Step("create: nothing", make(), 3),
        Step("delete: nothing", drop(), 3),
    ]
)
