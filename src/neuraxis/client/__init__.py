"""The client plane: a thin wrapper over confluent-kafka with our defaults, settings and errors; any cluster will do.

The rule of the package: it never imports the broker, so the same program runs on an embedded broker and on a cluster.
"""

from neuraxis.client.admin import Admin
from neuraxis.client.cluster import Client
from neuraxis.client.consumer import Consumer
from neuraxis.client.errors import ClientError
from neuraxis.client.producer import Producer
from neuraxis.client.settings import Settings

__all__ = ["Admin", "Client", "ClientError", "Consumer", "Producer", "Settings"]
