"""`neuraxis acl`: who may do what, as access rules (ACLs) on Neuraxis and on any Kafka cluster with an authoriser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

import click

from neuraxis.cli.output import plural, table
from neuraxis.cli.session import Session, connects

EXAMPLES = """
\b
Examples:
  neuraxis acl add User:ann --producer --topic drives
  neuraxis acl add User:bob --consumer --topic drives --group dashboard
  neuraxis acl add User:ops --operation all --topic car. --prefixed
  neuraxis acl add User:ann --deny --operation delete --topic '*'
  neuraxis acl list --topic drives                 every rule that counts for this topic
  neuraxis acl remove User:ann --topic drives

\b
How rules count:
  Without a rule nothing is allowed, but to super users (super.users). A rule that denies wins over
  all that allow. READ, WRITE, DELETE and ALTER imply DESCRIBE; ALTER_CONFIGS implies DESCRIBE_CONFIGS.
  The principal User:* is everybody, the name * every resource of its kind, --prefixed every name that
  begins so; a host is an address or (Kafka 4.3 and Neuraxis) a network such as 10.0.0.0/8.

\b
Rules count where an authoriser is configured:
  neuraxis up --set authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
              --set super.users=User:admin
"""

T = TypeVar("T")
VERSION = 3
"""Of the three APIs: Kafka 3.3 and later."""
OPERATIONS = {
    "all": 2,
    "read": 3,
    "write": 4,
    "create": 5,
    "delete": 6,
    "alter": 7,
    "describe": 8,
    "cluster-action": 9,
    "describe-configs": 10,
    "alter-configs": 11,
    "idempotent-write": 12,
    "create-tokens": 13,
    "describe-tokens": 14,
    "two-phase-commit": 15,
}
KINDS = {"topic": 2, "group": 3, "cluster": 4, "transactional-id": 5, "token": 6, "user": 7}
ANY, MATCH, LITERAL, PREFIXED = 1, 2, 3, 4
DENY, ALLOW = 2, 3
CLUSTER_NAME = "kafka-cluster"
PRODUCER = {"topic": ("write", "describe", "create"), "transactional-id": ("write", "describe")}
CONSUMER = {"topic": ("read", "describe"), "group": ("read",)}
"""What the usual clients need of each kind of resource."""


class Resource(NamedTuple):
    """A kind of resource and a name."""

    kind: str
    name: str


def _resources(function: click.decorators.FC) -> click.decorators.FC:
    for decorate in (
        click.option("--user", "user", multiple=True, help="User (as User:ann) whose tokens are meant."),
        click.option("--token", "token", multiple=True, help="Delegation token, by its id."),
        click.option("--transactional-id", "transactional_id", multiple=True, help="Transactional id, or *."),
        click.option("--cluster", "cluster", is_flag=True, help="The cluster as a whole."),
        click.option("--group", "group", multiple=True, help="Group, or *."),
        click.option("--topic", "topic", multiple=True, help="Topic, or *; all of these can be repeated."),
    ):
        function = decorate(function)
    return function


def _operations(function: click.decorators.FC) -> click.decorators.FC:
    return click.option(
        "--operation",
        "operations",
        type=click.Choice(list(OPERATIONS), case_sensitive=False),
        multiple=True,
        help="What may be done; can be repeated.",
    )(function)


@click.group(epilog=EXAMPLES)
def command() -> None:
    """Add, list and remove access rules: who may do what to which topic, group, transaction or cluster."""


@command.command()
@connects
@click.argument("principal")
@_resources
@_operations
@click.option("--producer", is_flag=True, help="What a producer needs of --topic and --transactional-id.")
@click.option("--consumer", is_flag=True, help="What a consumer needs of --topic and --group.")
@click.option("--deny", is_flag=True, help="Deny instead of allow; a denial wins over whatever allows.")
@click.option("--prefixed", is_flag=True, help="The names are beginnings of names.")
@click.option("--host", default="*", show_default=True, help="Only from this address or network.")
def add(
    session: Session,
    principal: str,
    operations: tuple[str, ...],
    producer: bool,
    consumer: bool,
    deny: bool,
    prefixed: bool,
    host: str,
    **resources: Any,  # Any: names by option, see `_resources`
) -> None:
    """Add rules for PRINCIPAL (User:ann; User:* is everybody)."""
    from neuraxis.client.direct import ask
    from neuraxis.wire.messages.create_acls import AclCreation, CreateAclsRequest

    named = _named(resources)
    if not named:
        raise click.UsageError("Name what the rule is about: --topic, --group, --cluster, ...")
    if not (operations or producer or consumer):
        raise click.UsageError("Say what is meant: --operation, --producer or --consumer.")
    wanted = dict.fromkeys(
        (resource, operation)
        for resource in named
        for operation in (
            *operations,
            *(PRODUCER.get(resource.kind, ()) if producer else ()),
            *(CONSUMER.get(resource.kind, ()) if consumer else ()),
        )
    )
    creations = [
        AclCreation(
            KINDS[resource.kind],
            resource.name,
            PREFIXED if prefixed and resource.kind != "cluster" else LITERAL,
            principal,
            host,
            OPERATIONS[operation.lower()],
            DENY if deny else ALLOW,
        )
        for resource, operation in wanted
    ]
    if not creations:
        raise click.UsageError("None of the resources is one that a producer or a consumer has rules for.")
    answer = ask(session.settings, CreateAclsRequest(creations=creations), VERSION)
    for result in answer.results:
        _check(result, f"add a rule for {principal}")
    added = [
        _shown(each.resource_type, each.resource_name, each.resource_pattern_type, each) for each in creations
    ]
    session.show({"added": added}, f"{plural(len(added), 'rule')} added:\n{_table(added)}")


@command.command("list")
@connects
@click.option("--principal", help="Only rules that name this principal (User:ann).")
@_resources
@_operations
def list_(
    session: Session,
    principal: str | None,
    operations: tuple[str, ...],
    **resources: Any,  # Any: as in `add`
) -> None:
    """List rules: all, or those that count for the resources named (also prefixes and *)."""
    from neuraxis.client.direct import ask
    from neuraxis.wire.messages.describe_acls import DescribeAclsRequest

    found: dict[tuple[object, ...], dict[str, str]] = {}
    for resource in _optional(_named(resources)):
        for operation in _optional(operations):
            kind, name = (ANY, None) if resource is None else (KINDS[resource.kind], resource.name)
            number = ANY if operation is None else OPERATIONS[operation.lower()]
            request = DescribeAclsRequest(
                kind, name, ANY if name is None else MATCH, principal, None, number, ANY
            )
            answer = ask(session.settings, request, VERSION)
            _check(answer, "list the rules")
            for each in answer.resources:
                for rule in each.acls:
                    shown = _shown(each.resource_type, each.resource_name, each.pattern_type, rule)
                    found[tuple(shown.values())] = shown
    rules = [found[key] for key in sorted(found, key=str)]
    session.show({"rules": rules}, _table(rules) if rules else "There is no such rule.")


@command.command()
@connects
@click.argument("principal")
@_resources
@_operations
@click.option("--deny/--allow", "deny", default=None, help="Only rules that deny, or that allow.")
@click.option("--prefixed", is_flag=True, help="Rules about beginnings of names.")
@click.option("--host", help="Only rules for this address or network.")
def remove(
    session: Session,
    principal: str,
    operations: tuple[str, ...],
    deny: bool | None,
    prefixed: bool,
    host: str | None,
    **resources: Any,  # Any: as in `add`
) -> None:
    """Remove the rules of PRINCIPAL: all about the resources named exactly so, or (none named) all it has."""
    from neuraxis.client.direct import ask
    from neuraxis.wire.messages.delete_acls import DeleteAclsFilter, DeleteAclsRequest

    permission = ANY if deny is None else DENY if deny else ALLOW
    filters = []
    for resource in _optional(_named(resources)):
        for operation in _optional(operations):
            kind, name = (ANY, None) if resource is None else (KINDS[resource.kind], resource.name)
            pattern = PREFIXED if prefixed else ANY if name is None else LITERAL
            number = ANY if operation is None else OPERATIONS[operation.lower()]
            filters.append(DeleteAclsFilter(kind, name, pattern, principal, host, number, permission))
    answer = ask(session.settings, DeleteAclsRequest(filters=filters), VERSION)
    removed: dict[tuple[object, ...], dict[str, str]] = {}
    for result in answer.filter_results:
        _check(result, f"remove rules of {principal}")
        for each in result.matching_acls:
            _check(each, f"remove a rule of {principal}")
            shown = _shown(each.resource_type, each.resource_name, each.pattern_type, each)
            removed[tuple(shown.values())] = shown
    rules = list(removed.values())
    said = f"{plural(len(rules), 'rule')} removed:\n{_table(rules)}" if rules else "There was no such rule."
    session.show({"removed": rules}, said)


def _optional(found: Sequence[T]) -> list[T | None]:
    """What was found; where nothing was, one None for "any"."""
    return list(found) or [None]


def _named(resources: dict[str, Any]) -> list[Resource]:  # Any: as in `add`
    found = [Resource("cluster", CLUSTER_NAME)] if resources["cluster"] else []
    for kind in KINDS:
        if kind != "cluster":
            found += [Resource(kind, name) for name in resources[kind.replace("-", "_")]]
    return found


def _shown(
    kind: int, name: str, pattern: int, rule: Any
) -> dict[str, str]:  # Any: a rule in any of three messages
    def word(table_of: dict[str, int], number: int) -> str:
        return next((each for each, known in table_of.items() if known == number), str(number))

    return {
        "principal": rule.principal,
        "permission": {DENY: "deny", ALLOW: "allow"}.get(rule.permission_type, str(rule.permission_type)),
        "operation": word(OPERATIONS, rule.operation),
        "kind": word(KINDS, kind),
        "pattern": {LITERAL: "literal", PREFIXED: "prefixed"}.get(pattern, str(pattern)),
        "name": name,
        "host": rule.host,
    }


def _table(rules: list[dict[str, str]]) -> str:
    heads = ("principal", "permission", "operation", "kind", "pattern", "name", "host")
    return table(heads, [[rule[head] for head in heads] for rule in rules])


def _check(result: Any, doing: str) -> None:  # Any: whatever holds an error code and a message
    from neuraxis.client import ClientError
    from neuraxis.wire.errors import ErrorCode

    if not result.error_code:
        return
    code = ErrorCode(result.error_code)
    steps = {
        ErrorCode.SECURITY_DISABLED: "configure an authoriser first: `neuraxis acl --help` says how",
        ErrorCode.CLUSTER_AUTHORIZATION_FAILED: "log in as a super user, or as who may ALTER (to list: DESCRIBE) the cluster",
    }
    step = steps.get(code, "see how rules are written with `neuraxis acl add --help`")
    raise ClientError(f"could not {doing}: {result.error_message or code.message}", step, code=code.name)
