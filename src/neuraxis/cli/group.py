"""`neuraxis group`: list, describe, reset and delete consumer groups on any Kafka cluster."""

from __future__ import annotations

import sys
from dataclasses import asdict, astuple, dataclass
from typing import TYPE_CHECKING

import click

from neuraxis.cli.output import parse_time_ms, plural, progress, table
from neuraxis.cli.session import Failure, Session, connects
from neuraxis.client.errors import ClientError

if TYPE_CHECKING:
    from neuraxis.client import Admin
    from neuraxis.client.admin import Group

Offsets = dict[tuple[str, int], int]

EXAMPLES = """
\b
Examples:
  neuraxis group list
  neuraxis group describe dashboard
  neuraxis group reset dashboard --topic drives --to-earliest             shows what would change
  neuraxis group reset dashboard --topic drives --to-earliest --execute   changes it
  neuraxis group delete dashboard
"""


@click.group(epilog=EXAMPLES)
def command() -> None:
    """List, describe, reset and delete consumer groups."""


@command.command("list")
@connects
def list_(session: Session) -> None:
    """List groups with their state."""
    found = session.admin().group_names()
    text = (
        table(("group", "state", "type"), found)
        if found
        else "No groups: nobody has committed an offset yet."
    )
    session.show(
        {"groups": [{"name": name, "state": state, "type": kind} for name, state, kind in found]}, text
    )


@command.command()
@connects
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def describe(session: Session, names: tuple[str, ...]) -> None:
    """Show members, and per partition the committed offset, the end and the lag."""
    admin = session.admin()
    found = [(group, _partitions(admin, group)) for group in admin.groups(names)]
    values = [
        {
            "name": group.name,
            "state": group.state,
            "type": group.type,
            "assignor": group.assignor,
            "coordinator": group.coordinator,
            "lag": sum(one.lag or 0 for one in partitions),
            "members": [
                {**asdict(one), "partitions": [list(at) for at in one.partitions]} for one in group.members
            ],
            "partitions": [asdict(one) for one in partitions],
        }
        for group, partitions in found
    ]
    session.show({"groups": values}, "\n\n".join(_story(group, partitions) for group, partitions in found))


@dataclass(frozen=True, slots=True)
class _Progress:
    """How far a group is in one partition; the names are those of the JSON."""

    topic: str
    partition: int
    committed_offset: int | None
    latest_offset: int | None
    lag: int | None
    member_id: str | None


def _partitions(admin: Admin, group: Group) -> list[_Progress]:
    """Return the progress in every partition that has a commit or an owner."""
    committed = admin.committed(group.name)
    _must_exist(group, committed)
    owners = {at: member.member_id for member in group.members for at in member.partitions}
    keys = sorted(committed.keys() | owners.keys())
    counts = admin.topic_names()  # offsets outlive a deleted topic for a while
    existing = [(topic, number) for topic, number in keys if number < counts.get(topic, 0)]
    ends, firsts = admin.latest_offsets(existing), admin.earliest_offsets(existing)
    found = []
    for key in keys:
        at, end = committed.get(key), ends.get(key)
        # Without a commit the whole partition is still to read.
        lag = None if end is None else end - (at if at is not None else firsts[key])
        found.append(_Progress(*key, at, end, lag, owners.get(key)))
    return found


def _story(group: Group, partitions: list[_Progress]) -> str:
    lag = sum(one.lag or 0 for one in partitions)
    head = f"Group {group.name}  {group.state}  {plural(len(group.members), 'member')}  lag {lag:,}"
    shown = table(
        ("topic", "partition", "committed", "latest", "lag", "member"), [astuple(one) for one in partitions]
    )
    if not group.members:
        return f"{head}\n\n{shown}\n\nNo members: nobody is reading."
    who = table(
        ("member", "client", "host", "partitions"),
        [(one.member_id, one.client_id, one.host.lstrip("/"), len(one.partitions)) for one in group.members],
    )
    return f"{head}\n\n{shown}\n\n{who}"


@command.command()
@connects
@click.argument("name")
@click.option("-t", "--topic", "topics", multiple=True, metavar="TOPIC[:PARTITION]", help="Repeatable.")
@click.option("--all-topics", is_flag=True, help="Every topic the group has offsets for.")
@click.option("--to-earliest", is_flag=True, help="To the first record.")
@click.option("--to-latest", is_flag=True, help="To the end.")
@click.option("--to-offset", type=click.IntRange(min=0), help="To this offset.")
@click.option(
    "--to-datetime", metavar="TIME", help="To the first record at or after: ISO 8601, @ms, or -10m."
)
@click.option("--shift-by", type=int, help="Forward (or, negative, back) from the committed offset.")
@click.option("--execute", is_flag=True, help="Do it. Without this, only show what would change.")
def reset(
    session: Session,
    name: str,
    topics: tuple[str, ...],
    all_topics: bool,
    to_earliest: bool,
    to_latest: bool,
    to_offset: int | None,
    to_datetime: str | None,
    shift_by: int | None,
    execute: bool,
) -> None:
    """Move a group's committed offsets. A dry run unless --execute is given; the group must have no members.

    \b
    Examples:
      neuraxis group reset dashboard --topic drives --to-datetime -1h
      neuraxis group reset dashboard --topic drives:0 --shift-by -100 --execute
    """
    chosen = [to_earliest, to_latest, to_offset is not None, to_datetime is not None, shift_by is not None]
    if sum(chosen) != 1:
        raise click.UsageError(
            "give one of --to-earliest, --to-latest, --to-offset, --to-datetime, --shift-by"
        )
    if bool(topics) == all_topics:
        raise click.UsageError("give --topic TOPIC[:PARTITION] or --all-topics")
    admin = session.admin()
    group = admin.groups([name])[0]
    before = admin.committed(name)
    keys = sorted(before) if all_topics else _select(admin, topics)
    if not keys:
        _must_exist(group, before)
    after = _targets(admin, keys, before, chosen, to_offset, to_datetime, shift_by)
    if execute:
        if group.members:
            raise ClientError(
                f"group {name} is {group.state} with {plural(len(group.members), 'member')}: its offsets are theirs",
                f"stop its consumers (see `neuraxis group describe {name}`), then run this again",
            )
        admin.commit(name, after)
    rows = [(topic, number, before.get((topic, number)), at) for (topic, number), at in after.items()]
    value = {
        "group": name,
        "executed": execute,
        "partitions": [
            {"topic": topic, "partition": number, "before": old, "after": new}
            for topic, number, old, new in rows
        ],
    }
    said = (
        "Moved."
        if execute
        else "Nothing changed: this was a dry run. Run it again with --execute to move them."
    )
    session.show(value, f"{table(('topic', 'partition', 'before', 'after'), rows)}\n\n{said}")


@command.command()
@connects
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def delete(session: Session, names: tuple[str, ...], yes: bool) -> None:
    """Delete groups without members, with their offsets. Asks first on a terminal; elsewhere it wants --yes."""
    if not yes:
        if session.json or not sys.stdin.isatty():
            raise Failure(
                f"deleting {plural(len(names), 'group')} wants a yes",
                f"neuraxis group delete {' '.join(names)} --yes",
                as_json=session.json,
            )
        click.confirm(f"Delete {', '.join(names)} with their offsets?", abort=True, err=True)
    admin = session.admin()
    with progress("Deleting groups", len(names)) as advance:
        for name in names:
            admin.delete_group(name)
            advance(1)
    session.show({"deleted": list(names)}, "\n".join(f"Deleted group {name}" for name in names))


def _must_exist(group: Group, committed: Offsets) -> None:
    """Kafka describes a group nobody knows as dead; say so plainly."""
    if group.state == "dead" and not committed:
        raise ClientError(f"no group {group.name}", "see which groups exist with `neuraxis group list`")


def _select(admin: Admin, topics: tuple[str, ...]) -> list[tuple[str, int]]:
    """Return the partitions that `TOPIC` or `TOPIC:PARTITION` arguments name."""
    counts = admin.topic_names()
    keys = []
    for text in topics:
        topic, colon, number = text.rpartition(":")
        if not colon:
            topic, number = text, ""
        if topic not in counts:
            raise ClientError(f"no topic {topic}", "see what exists with `neuraxis topic list`")
        if number and (not number.isdigit() or int(number) >= counts[topic]):
            raise ClientError(
                f"topic {topic} has no partition {number}",
                f"see its partitions: neuraxis topic describe {topic}",
            )
        keys += [(topic, int(number))] if number else [(topic, one) for one in range(counts[topic])]
    return keys


def _targets(
    admin: Admin,
    keys: list[tuple[str, int]],
    before: Offsets,
    chosen: list[bool],
    to_offset: int | None,
    to_datetime: str | None,
    shift_by: int | None,
) -> Offsets:
    """Return the new offset per partition, kept within what the partition holds."""
    firsts, ends = admin.earliest_offsets(keys), admin.latest_offsets(keys)
    if chosen[0]:
        return firsts
    if chosen[1]:
        return ends
    if to_datetime is not None:
        found = admin.offsets_at(keys, parse_time_ms(to_datetime))
        return {key: at if at >= 0 else ends[key] for key, at in found.items()}
    if to_offset is not None:
        wanted = dict.fromkeys(keys, to_offset)
    else:
        wanted = {key: before.get(key, firsts[key]) + (shift_by or 0) for key in keys}
    return {key: min(max(at, firsts[key]), ends[key]) for key, at in wanted.items()}
