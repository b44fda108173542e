"""`neuraxis quota`: how much users, clients and addresses may send, read and change, on Neuraxis and on any Kafka cluster."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import click

from neuraxis.cli.output import table
from neuraxis.cli.session import Session, connects

EXAMPLES = """
\b
Examples:
  neuraxis quota set --user ann --producer-byte-rate 5MB --consumer-byte-rate 20MB
  neuraxis quota set --client-id loader --request-percentage 25
  neuraxis quota set --default-user --controller-mutation-rate 10
  neuraxis quota set --user ann --client-id loader --producer-byte-rate 1MB
  neuraxis quota set --default-ip --connection-creation-rate 20
  neuraxis quota list --user ann                   every quota that names this user
  neuraxis quota remove --user ann --producer-byte-rate
  neuraxis quota remove --user ann                 all that this user has by itself

\b
Which quota counts: of each kind one, the first that is there:
  user and client id, user and default client id, user,
  default user and client id, default of both, default user, client id, default client id.
  A default is for each one that has none of its own; they do not share it.

\b
What happens above it: the broker answers, says in throttle_time_ms for how long, and does not read
  from the connection until then. Clients wait by themselves; nothing is lost. A quota counts at once,
  also for who is connected, and on a cluster for each broker by itself.
"""

VERSION = 1
"""Of both APIs: Kafka 2.8 and later."""
BYTE_RATES = ("producer_byte_rate", "consumer_byte_rate")
NUMBERS = ("request_percentage", "controller_mutation_rate", "connection_creation_rate")
MEANINGS = {
    "producer_byte_rate": "Bytes a second that may be sent (5MB, 512KiB).",
    "consumer_byte_rate": "Bytes a second that may be read.",
    "request_percentage": "Share of the broker's time: 100 is all of one thread.",
    "controller_mutation_rate": "Partitions that may be created and deleted a second.",
    "connection_creation_rate": "Connections a second; only for addresses.",
}
EXACT, DEFAULT = 0, 1
KINDS = ("user", "client-id", "ip")
SHOWN_DEFAULT = "<default>"
_UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "ki": 1024, "mi": 1024**2, "gi": 1024**3}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]i?)?b?(?:/s)?", re.IGNORECASE)


def _byte_rate(context: click.Context, option: click.Parameter, text: str | None) -> float | None:
    """Bytes a second from `5MB`, `512KiB`, `1000`."""
    if text is None:
        return None
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise click.BadParameter(f"{text!r} is not a rate: write 1000000, 1MB or 1MiB", context, option)
    return float(round(float(found[1]) * _UNITS[(found[2] or "").lower()]))


def _entities(function: click.decorators.FC) -> click.decorators.FC:
    for decorate in (
        click.option("--default-ip", is_flag=True, help="Every address without a quota of its own."),
        click.option("--ip", help="Address clients connect from."),
        click.option("--default-client-id", is_flag=True, help="Every client id without one of its own."),
        click.option("--client-id", "client_id", help="Client id (client.id of the application)."),
        click.option("--default-user", is_flag=True, help="Every user without a quota of its own."),
        click.option("--user", help="User, by name (ann, not User:ann)."),
    ):
        function = decorate(function)
    return function


@click.group(epilog=EXAMPLES)
def command() -> None:
    """List, set and remove quotas: how fast a user, a client id or an address may go."""


@command.command("list")
@connects
@_entities
def list_(session: Session, **entity: Any) -> None:  # Any: names and switches, see `_entities`
    """List quotas: all, or those that name the user, client id or address given."""
    found = _find(session, _parts(entity))
    session.show({"quotas": found}, _table(found) if found else "There is no such quota.")


@command.command("set")
@connects
@_entities
@click.option(
    "--producer-byte-rate", callback=_byte_rate, metavar="BYTES", help=MEANINGS["producer_byte_rate"]
)
@click.option(
    "--consumer-byte-rate", callback=_byte_rate, metavar="BYTES", help=MEANINGS["consumer_byte_rate"]
)
@click.option("--request-percentage", type=float, help=MEANINGS["request_percentage"])
@click.option("--controller-mutation-rate", type=float, help=MEANINGS["controller_mutation_rate"])
@click.option("--connection-creation-rate", type=float, help=MEANINGS["connection_creation_rate"])
def set_(
    session: Session,
    producer_byte_rate: float | None,
    consumer_byte_rate: float | None,
    request_percentage: float | None,
    controller_mutation_rate: float | None,
    connection_creation_rate: float | None,
    **entity: Any,  # Any: as in `list`
) -> None:
    """Set quotas; those not named stay as they are."""
    wanted = {
        "producer_byte_rate": producer_byte_rate,
        "consumer_byte_rate": consumer_byte_rate,
        "request_percentage": request_percentage,
        "controller_mutation_rate": controller_mutation_rate,
        "connection_creation_rate": connection_creation_rate,
    }
    values = {key: value for key, value in wanted.items() if value is not None}
    if not values:
        raise click.UsageError("Say how much: --producer-byte-rate 5MB, --request-percentage 25, ...")
    parts = _named(entity)
    _alter(session, parts, values)
    found = _find(session, parts, strict=True)
    session.show({"quotas": found}, _table(found))


@command.command()
@connects
@_entities
@click.option("--producer-byte-rate", is_flag=True, help="Only this quota; all of these can be combined.")
@click.option("--consumer-byte-rate", is_flag=True)
@click.option("--request-percentage", is_flag=True)
@click.option("--controller-mutation-rate", is_flag=True)
@click.option("--connection-creation-rate", is_flag=True)
def remove(session: Session, **options: Any) -> None:  # Any: as in `list`, and switches
    """Remove quotas of exactly this entity: those named, or all it has."""
    keys = [key for key in (*BYTE_RATES, *NUMBERS) if options.pop(key)]
    parts = _named(options)
    before = _find(session, parts, strict=True)
    has = list(before[0]["values"]) if before else []
    removed = [key for key in has if key in keys] if keys else has
    if removed:
        _alter(session, parts, dict.fromkeys(removed))
    said = f"Removed {', '.join(removed)} of {_label(parts)}." if removed else "There was no such quota."
    session.show({"removed": removed}, said)


def _parts(entity: Mapping[str, Any]) -> dict[str, str | None]:  # Any: as in `list`
    """What the options name: names by kind, None for a default."""
    parts: dict[str, str | None] = {}
    for kind in KINDS:
        name = entity[kind.replace("-", "_")]
        if entity[f"default_{kind.replace('-', '_')}"]:
            if name is not None:
                raise click.UsageError(f"Give --{kind} or --default-{kind}, not both.")
            parts[kind] = None
        elif name is not None:
            parts[kind] = name
    if "ip" in parts and len(parts) > 1:
        raise click.UsageError("An address cannot be combined with a user or a client id.")
    return parts


def _named(entity: Mapping[str, Any]) -> dict[str, str | None]:  # Any: as in `list`
    parts = _parts(entity)
    if not parts:
        raise click.UsageError("Say whose quota: --user, --client-id, --ip, or a --default-... of these.")
    return parts


def _find(
    session: Session, parts: dict[str, str | None], *, strict: bool = False
) -> list[dict[str, Any]]:  # Any: the entity's names and its values
    from neuraxis.client.direct import ask
    from neuraxis.wire.messages.describe_client_quotas import ComponentData, DescribeClientQuotasRequest

    components = [
        ComponentData(entity_type=kind, match_type=DEFAULT if name is None else EXACT, match=name)
        for kind, name in parts.items()
    ]
    request = DescribeClientQuotasRequest(components=components, strict=strict)
    answer = ask(session.settings, request, VERSION)
    _check(answer, "list the quotas")
    found = []
    for entry in answer.entries or []:
        entity = {one.entity_type: one.entity_name for one in entry.entity}
        values = {one.key: one.value for one in sorted(entry.values, key=lambda one: str(one.key))}
        found.append({"entity": entity, "values": values})
    return sorted(found, key=lambda one: _label(one["entity"]))


def _alter(session: Session, parts: dict[str, str | None], values: Mapping[str, float | None]) -> None:
    from neuraxis.client.direct import ask
    from neuraxis.wire.messages.alter_client_quotas import (
        AlterClientQuotasRequest,
        EntityData,
        EntryData,
        OpData,
    )

    entry = EntryData(
        entity=[EntityData(entity_type=kind, entity_name=name) for kind, name in parts.items()],
        ops=[
            OpData(key=key, value=0.0 if value is None else value, remove=value is None)
            for key, value in values.items()
        ],
    )
    answer = ask(session.settings, AlterClientQuotasRequest(entries=[entry]), VERSION)
    for result in answer.entries:
        _check(result, f"change the quota of {_label(parts)}")


def _label(parts: Mapping[str, str | None]) -> str:
    """`user ann, client-id <default>`."""
    return ", ".join(
        f"{kind} {SHOWN_DEFAULT if parts[kind] is None else parts[kind]}" for kind in KINDS if kind in parts
    )


def _table(found: list[dict[str, Any]]) -> str:  # Any: as in `_find`
    rows = [
        (_label(one["entity"]), key, _amount(key, value))
        for one in found
        for key, value in one["values"].items()
    ]
    return table(("for", "quota", "per second"), rows)


def _amount(key: str, value: float) -> str:
    if key in BYTE_RATES:
        return f"{value:,.0f} bytes"
    return f"{value:g} %" if key == "request_percentage" else f"{value:g}"


def _check(result: Any, doing: str) -> None:  # Any: whatever holds an error code and a message
    from neuraxis.client import ClientError
    from neuraxis.wire.errors import ErrorCode

    if not result.error_code:
        return
    code = ErrorCode(result.error_code)
    steps = {
        ErrorCode.CLUSTER_AUTHORIZATION_FAILED: "log in as who may ALTER_CONFIGS (to list: DESCRIBE_CONFIGS) of the cluster",
    }
    step = steps.get(code, "see how quotas are written with `neuraxis quota --help`")
    raise ClientError(f"could not {doing}: {result.error_message or code.message}", step, code=code.name)
