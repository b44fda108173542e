"""DescribeClients (key 20000), version 0: who is connected, who was, and who was refused, with the reasons. Ours alone.

Not advertised in ApiVersions, whose table is Kafka's. Times are Unix milliseconds. `neuraxis clients` asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.call import Call, handles
from neuraxis.wire.messages.describe_clients import (
    ClientRefusal,
    DescribeClientsRequest,
    DescribeClientsResponse,
    DescribedClient,
    UsedApi,
)

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


@handles(DescribeClientsRequest, versions="0", needs="DESCRIBE cluster", advertised=False)
def describe_clients(node: Node, call: Call, request: DescribeClientsRequest) -> DescribeClientsResponse:
    """Every client the broker knows of; the connection that asks is among them."""
    del call, request
    return DescribeClientsResponse(
        error_message=None,
        clients=[
            DescribedClient(
                *who,
                connections=client.connections,
                last_seen_ms=client.last_seen_ms,
                apis=[UsedApi(key, version) for key, version in sorted(client.apis.items())],
                refused=client.refused,
                refusals=[ClientRefusal(*refusal) for refusal in client.refusals],
            )
            for who, client in node.clients.now(node.sessions.values()).items()
        ],
    )
