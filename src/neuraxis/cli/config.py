"""`neuraxis config`: get, set and delete configuration of topics, brokers and groups on any Kafka cluster.

Broker loggers and client metrics, the two other kinds Kafka can alter, are beyond librdkafka and refused with a word.
"""

from __future__ import annotations

import click

from neuraxis.cli.output import parse_pairs, table
from neuraxis.cli.session import Session, connects

EXAMPLES = """
\b
Examples:
  neuraxis config get topic drives                 what differs from the defaults
  neuraxis config get topic drives --all           everything, with its source
  neuraxis config get topic drives retention.ms
  neuraxis config set topic drives retention.ms=86400000 max.message.bytes=4194304
  neuraxis config delete topic drives retention.ms
  neuraxis config get broker 1 --all
  neuraxis config set broker 1 log.retention.ms=86400000
  neuraxis config set group dashboard consumer.session.timeout.ms=45000
"""

KIND = click.Choice(["topic", "broker", "group"])


@click.group(epilog=EXAMPLES)
def command() -> None:
    """Get, set and delete configuration of topics, brokers and groups."""


@command.command()
@connects
@click.argument("kind", type=KIND)
@click.argument("name")
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@click.option("-a", "--all", "everything", is_flag=True, help="Also what is at its default.")
def get(session: Session, kind: str, name: str, keys: tuple[str, ...], everything: bool) -> None:
    """Show configuration: what was set, single KEYs, or --all."""
    from neuraxis.client import ClientError

    found = session.admin().configs(kind, name)
    absent = sorted(set(keys) - {one.name for one in found})
    if absent:
        raise ClientError(
            f"{kind} {name} has no configuration {', '.join(absent)}",
            f"see all names with `neuraxis config get {kind} {name} --all`",
        )
    shown = [one for one in found if (one.name in keys if keys else everything or not one.default)]
    value = {
        "kind": kind,
        "name": name,
        "configs": [
            {
                "name": one.name,
                "value": one.value,
                "source": one.source,
                "default": one.default,
                "read_only": one.read_only,
                "sensitive": one.sensitive,
            }
            for one in shown
        ],
    }
    rows = [(one.name, "(hidden)" if one.sensitive else one.value, one.source) for one in shown]
    text = (
        table(("name", "value", "source"), rows)
        if rows
        else f"{kind} {name}: all at their defaults (--all shows them)"
    )
    session.show(value, text)


@command.command("set")
@connects
@click.argument("kind", type=KIND)
@click.argument("name")
@click.argument("pairs", nargs=-1, required=True, metavar="KEY=VALUE...")
@click.option("--dry-run", is_flag=True, help="Let the broker check it, but change nothing.")
def set_(session: Session, kind: str, name: str, pairs: tuple[str, ...], dry_run: bool) -> None:
    """Set single values; the others stay as they are."""
    assign = parse_pairs(pairs, "argument")
    session.admin().alter_configs(kind, name, assign=assign, validate_only=dry_run)
    said = "\n".join(f"{'Would set' if dry_run else 'Set'} {key} = {value}" for key, value in assign.items())
    session.show({"kind": kind, "name": name, "set": assign, "dry_run": dry_run}, said)


@command.command()
@connects
@click.argument("kind", type=KIND)
@click.argument("name")
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@click.option("--dry-run", is_flag=True, help="Let the broker check it, but change nothing.")
def delete(session: Session, kind: str, name: str, keys: tuple[str, ...], dry_run: bool) -> None:
    """Take back single values, so that the default counts again."""
    session.admin().alter_configs(kind, name, remove=keys, validate_only=dry_run)
    said = "\n".join(
        f"{'Would delete' if dry_run else 'Deleted'} {key}: the default counts again" for key in keys
    )
    session.show({"kind": kind, "name": name, "deleted": list(keys), "dry_run": dry_run}, said)
