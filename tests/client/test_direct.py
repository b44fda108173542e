from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

import neuraxis
from neuraxis.client.direct import NotServed, ask
from neuraxis.client.errors import ClientError
from neuraxis.client.settings import Settings
from neuraxis.wire.messages.describe_clients import DescribeClientsRequest


@pytest.fixture
def deaf() -> Iterator[str]:
    """The address of a broker that closes every connection after its first bytes, as Kafka does for unknown keys."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def settings(bootstrap: str, **fields: str) -> Settings:
    return Settings(bootstrap=bootstrap, **fields)


def test_a_broker_answers() -> None:
    with neuraxis.Broker() as broker:
        answer = ask(settings(broker.bootstrap, client_id="me"), DescribeClientsRequest(), 0)
    assert [each.client_id for each in answer.clients] == ["me"]


def test_the_next_address_is_tried() -> None:
    with neuraxis.Broker() as broker:
        answer = ask(settings(f"127.0.0.1:1, {broker.bootstrap}"), DescribeClientsRequest(), 0)
    assert answer.error_code == 0


def test_a_broker_that_does_not_know_the_api_is_told_from_one_that_is_not_there(deaf: str) -> None:
    with pytest.raises(NotServed) as unknown:
        ask(settings(deaf), DescribeClientsRequest(), 0)
    assert "DescribeClients" in unknown.value.what
    for nowhere in ("127.0.0.1:1", "127.0.0.1:x"):
        with pytest.raises(ClientError, match="no broker answers"):
            ask(settings(nowhere), DescribeClientsRequest(), 0)


def test_a_listener_that_does_not_ask_for_a_login_says_so() -> None:
    with neuraxis.Broker() as broker:
        with pytest.raises(ClientError, match="does not offer SCRAM-SHA-256"):
            ask(settings(broker.bootstrap, sasl_username="ann"), DescribeClientsRequest(), 0)
        with pytest.raises(ClientError, match="security_protocol"):
            ask(settings(broker.bootstrap, security_protocol="SSL"), DescribeClientsRequest(), 0)


def test_a_certificate_file_that_is_not_there_is_named() -> None:
    with neuraxis.Broker() as broker, pytest.raises(ClientError, match="certificate file"):
        ask(settings(broker.bootstrap, ssl_ca_file="/nowhere/ca.pem"), DescribeClientsRequest(), 0)
