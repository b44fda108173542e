"""`neuraxis topic`: create, list, describe, alter and delete topics on any Kafka cluster."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from neuraxis.cli.output import parse_pairs, plural, progress, table
from neuraxis.cli.session import Failure, Session, connects

EXAMPLES = """
\b
Examples:
  neuraxis topic create drives --partitions 6
  neuraxis topic create audit --config cleanup.policy=compact --config retention.ms=-1
  neuraxis topic list
  neuraxis topic describe drives
  neuraxis topic alter drives --partitions 12 --config retention.ms=86400000
  neuraxis topic delete drives
"""


@click.group(epilog=EXAMPLES)
def command() -> None:
    """Create, list, describe, alter and delete topics."""


@command.command()
@connects
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("-p", "--partitions", type=click.IntRange(min=1), help="How many.  [default: the broker's]")
@click.option(
    "-r", "--replication-factor", type=click.IntRange(min=1), help="Copies.  [default: the broker's]"
)
@click.option("-c", "--config", "configs", multiple=True, metavar="NAME=VALUE", help="A topic configuration.")
@click.option("--if-not-exists", is_flag=True, help="Leave an existing topic as it is.")
@click.option("--dry-run", is_flag=True, help="Let the broker check it, but create nothing.")
def create(
    session: Session,
    names: tuple[str, ...],
    partitions: int | None,
    replication_factor: int | None,
    configs: tuple[str, ...],
    if_not_exists: bool,
    dry_run: bool,
) -> None:
    """Create topics.

    \b
    Example:
      neuraxis topic create drives --partitions 6 --config retention.ms=604800000
    """
    from neuraxis.client import ClientError

    config = parse_pairs(configs, "--config")
    admin = session.admin()
    created, existing = [], []
    with progress("Creating topics", len(names)) as advance:
        for name in names:
            try:
                admin.create_topic(
                    name,
                    partitions=partitions or -1,
                    replication_factor=replication_factor or -1,
                    config=config,
                    validate_only=dry_run,
                )
            except ClientError as error:
                if error.code != "TOPIC_ALREADY_EXISTS" or not if_not_exists:
                    raise
                existing.append(name)
            else:
                created.append(name)
            advance(1)
    lines = [f"{'Would create' if dry_run else 'Created'} topic {name}" for name in created]
    lines += [f"Topic {name} exists already; left as it is" for name in existing]
    session.show({"created": created, "existing": existing, "dry_run": dry_run}, "\n".join(lines))


@command.command("list")
@connects
@click.option("--internal", is_flag=True, help="Also topics that start with two underscores.")
def list_(session: Session, internal: bool) -> None:
    """List topics with their number of partitions."""
    found = session.admin().topic_names()
    shown = {name: count for name, count in found.items() if internal or not name.startswith("__")}
    text = table(("topic", "partitions"), list(shown.items()))
    if not shown:
        text = "No topics yet. Create one with:  neuraxis topic create NAME"
    session.show({"topics": [{"name": name, "partitions": count} for name, count in shown.items()]}, text)


@command.command()
@connects
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def describe(session: Session, names: tuple[str, ...]) -> None:
    """Show partitions, leaders, offsets and the configuration that differs from the defaults."""
    admin = session.admin()
    values, texts = [], []
    for topic in admin.topics(names):
        keys = [(topic.name, one.id) for one in topic.partitions]
        first, end = admin.earliest_offsets(keys), admin.latest_offsets(keys)
        configs = {one.name: one.value for one in admin.configs("topic", topic.name) if not one.default}
        partitions = [
            {
                **asdict(one),
                "earliest_offset": first[topic.name, one.id],
                "latest_offset": end[topic.name, one.id],
            }
            for one in topic.partitions
        ]
        values.append(
            {
                "name": topic.name,
                "topic_id": topic.topic_id,
                "internal": topic.internal,
                "partitions": partitions,
                "configs": configs,
            }
        )
        records = sum(end[key] - first[key] for key in keys)
        rows = [
            (
                one.id,
                one.leader,
                " ".join(map(str, one.replicas)),
                " ".join(map(str, one.in_sync_replicas)),
                first[topic.name, one.id],
                end[topic.name, one.id],
            )
            for one in topic.partitions
        ]
        head = f"Topic {topic.name}  id {topic.topic_id}  {plural(len(keys), 'partition')}  up to {records:,} records"
        body = table(("partition", "leader", "replicas", "in sync", "earliest", "latest"), rows)
        shown = (
            "\n".join(f"  {name} = {value}" for name, value in configs.items()) or "  all at their defaults"
        )
        texts.append(f"{head}\n\n{body}\n\nConfiguration:\n{shown}")
    session.show({"topics": values}, "\n\n".join(texts))


@command.command()
@connects
@click.argument("name")
@click.option("-p", "--partitions", type=click.IntRange(min=1), help="Grow to this many.")
@click.option("-c", "--config", "configs", multiple=True, metavar="NAME=VALUE", help="Set a configuration.")
@click.option("--delete-config", "removed", multiple=True, metavar="NAME", help="Back to the default.")
@click.option("--dry-run", is_flag=True, help="Let the broker check the configuration, but change nothing.")
def alter(
    session: Session,
    name: str,
    partitions: int | None,
    configs: tuple[str, ...],
    removed: tuple[str, ...],
    dry_run: bool,
) -> None:
    """Grow a topic, or change its configuration.

    Growing sends new records of a key to other partitions: their order holds before and after, not across.
    """
    assign = parse_pairs(configs, "--config")
    if partitions is None and not assign and not removed:
        raise click.UsageError("nothing to change: give --partitions, --config or --delete-config")
    admin = session.admin()
    if assign or removed:
        admin.alter_configs("topic", name, assign=assign, remove=removed, validate_only=dry_run)
    if partitions is not None and not dry_run:
        admin.create_partitions(name, partitions)
    changes = [f"{key} = {value}" for key, value in assign.items()] + [f"{key} = default" for key in removed]
    changes += [f"partitions = {partitions}"] if partitions is not None else []
    value = {
        "altered": name,
        "partitions": partitions,
        "configs": assign,
        "deleted_configs": list(removed),
        "dry_run": dry_run,
    }
    session.show(value, f"{'Would change' if dry_run else 'Changed'} topic {name}: {', '.join(changes)}")


@command.command()
@connects
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--if-exists", is_flag=True, help="Skip topics that do not exist.")
def delete(session: Session, names: tuple[str, ...], yes: bool, if_exists: bool) -> None:
    """Delete topics and their data. Asks first on a terminal; elsewhere it wants --yes."""
    from neuraxis.client import ClientError

    if not yes:
        if session.json or not sys.stdin.isatty():
            raise Failure(
                f"deleting {plural(len(names), 'topic')} wants a yes",
                f"neuraxis topic delete {' '.join(names)} --yes",
                as_json=session.json,
            )
        click.confirm(f"Delete {', '.join(names)} with all data?", abort=True, err=True)
    admin = session.admin()
    deleted, absent = [], []
    with progress("Deleting topics", len(names)) as advance:
        for name in names:
            try:
                admin.delete_topic(name)
            except ClientError as error:
                if error.code != "UNKNOWN_TOPIC_OR_PART" or not if_exists:
                    raise
                absent.append(name)
            else:
                deleted.append(name)
            advance(1)
    lines = [f"Deleted topic {name}" for name in deleted] + [f"No topic {name}; skipped" for name in absent]
    session.show({"deleted": deleted, "absent": absent}, "\n".join(lines))
