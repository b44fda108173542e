"""`neuraxis clients`: who is connected to a Neuraxis broker, who was, and who was refused, with the reasons."""

from __future__ import annotations

import click

from neuraxis.cli.output import iso_time, table
from neuraxis.cli.session import Session, connects

EXAMPLES = """
\b
Examples:
  neuraxis clients                  every client the broker knows of
  neuraxis clients --refused        those it refused: too old, too new, or not speaking Kafka
  neuraxis clients --json           with the version of every API that each has used
"""


@click.command(epilog=EXAMPLES)
@connects
@click.option("--refused", "only_refused", is_flag=True, help="Only clients that were refused.")
def command(session: Session, only_refused: bool) -> None:
    """Show principal, client id, software, version and address of clients, and why some were refused."""
    from neuraxis.client.direct import ask
    from neuraxis.wire.messages import API_NAMES
    from neuraxis.wire.messages.describe_clients import DescribeClientsRequest

    answer = ask(session.settings, DescribeClientsRequest(), 0)
    found = [one for one in answer.clients if one.refused or not only_refused]
    found.sort(key=lambda one: (-one.connections, -one.last_seen_ms))
    values = [
        {
            "principal": one.principal,
            "client_id": one.client_id,
            "software_name": one.software_name or None,
            "software_version": one.software_version or None,
            "host": one.host,
            "connections": one.connections,
            "last_seen": iso_time(one.last_seen_ms),
            "apis": {API_NAMES.get(used.api_key, str(used.api_key)): used.api_version for used in one.apis},
            "refused": one.refused,
            "refusals": [{"time": iso_time(each.time_ms), "reason": each.reason} for each in one.refusals],
        }
        for one in found
    ]
    rows = [
        (
            one.principal,
            one.client_id,
            one.software_name or "unknown",
            one.software_version or None,
            one.host,
            one.connections,
            one.refused,
            iso_time(one.last_seen_ms),
        )
        for one in found
    ]
    heads = (
        "principal",
        "client id",
        "software",
        "version",
        "address",
        "connections",
        "refused",
        "last seen",
    )
    text = table(heads, rows) if rows else "No client was refused."
    reasons = [
        f"{one.host} (client id {one.client_id}) at {iso_time(each.time_ms)}: it {each.reason}"
        for one in found
        for each in one.refusals
    ]
    session.show({"clients": values}, "\n".join([text, *(["", "Refused:", *reasons] if reasons else [])]))
