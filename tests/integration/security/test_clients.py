"""Real clients log in: librdkafka, kafka-python and aiokafka, over every protocol with every mechanism they know."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from typing import Any  # the three clients are untyped where it matters here

import aiokafka
import kafka
import pytest
from aiokafka.abc import AbstractTokenProvider
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from kafka.errors import KafkaError as KafkaPythonError
from kafka.net.sasl.oauth import AbstractTokenProvider as KafkaPythonTokenProvider

from tests.integration.security.secured import (
    HOST,
    MECHANISMS,
    PASSWORD,
    USER,
    SecuredServer,
    bearer,
    secured,
)

WAYS = [
    ("SSL", ""),
    *((protocol, each) for protocol in ("SASL_PLAINTEXT", "SASL_SSL") for each in MECHANISMS),
]
DEADLINE_S = 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredServer]:
    configs = {"connection.failed.authentication.delay.ms": "10"}
    with secured(tmp_path_factory.mktemp("clients"), configs) as running:
        running.create_topic("drives")
        yield running


def address(server: SecuredServer, protocol: str) -> str:
    return f"{HOST}:{server.port_of(protocol)}"


def for_librdkafka(
    server: SecuredServer, protocol: str, mechanism: str, password: str = PASSWORD
) -> dict[str, Any]:
    config: dict[str, Any] = {
        "bootstrap.servers": address(server, protocol),
        "security.protocol": protocol,
        "ssl.ca.location": str(server.files.authority),
    }
    if mechanism == "OAUTHBEARER":
        expired = password != PASSWORD
        config |= {
            "sasl.mechanism": mechanism,
            "oauth_cb": lambda _: (bearer(seconds=-100 if expired else 300), 9_999_999_999),
        }
    elif mechanism:
        config |= {"sasl.mechanism": mechanism, "sasl.username": USER, "sasl.password": password}
    return config


class Bearer(KafkaPythonTokenProvider):  # type: ignore[misc]  # kafka-python is untyped
    def token(self) -> str:
        return bearer()


class AsyncBearer(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka is untyped
    async def token(self) -> str:
        return bearer()


def for_kafka_python(
    server: SecuredServer, protocol: str, mechanism: str, password: str = PASSWORD
) -> dict[str, Any]:
    config: dict[str, Any] = {
        "bootstrap_servers": address(server, protocol),
        "security_protocol": protocol,
        "ssl_cafile": str(server.files.authority),
    }
    if mechanism == "OAUTHBEARER":
        config |= {"sasl_mechanism": mechanism, "sasl_oauth_token_provider": Bearer()}
    elif mechanism:
        config |= {"sasl_mechanism": mechanism, "sasl_plain_username": USER, "sasl_plain_password": password}
    return config


def for_aiokafka(
    server: SecuredServer, protocol: str, mechanism: str, password: str = PASSWORD
) -> dict[str, Any]:
    config = for_kafka_python(server, protocol, mechanism, password)
    del config["ssl_cafile"]
    if "SSL" in protocol.removeprefix("SASL_"):
        config["ssl_context"] = ssl.create_default_context(cafile=str(server.files.authority))
    if mechanism == "OAUTHBEARER":
        config["sasl_oauth_token_provider"] = AsyncBearer()
    return config


@pytest.mark.parametrize(("protocol", "mechanism"), WAYS)
def test_librdkafka_writes_and_reads(server: SecuredServer, protocol: str, mechanism: str) -> None:
    config = for_librdkafka(server, protocol, mechanism)
    value = f"librdkafka {protocol} {mechanism}".encode()
    reports: list[Any] = []
    producer = Producer(config)
    producer.produce(
        "drives", value, partition=0, on_delivery=lambda error, message: reports.append((error, message))
    )
    assert producer.flush(DEADLINE_S) == 0
    ((error, message),) = reports
    assert error is None
    consumer = Consumer({**config, "group.id": "none", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition("drives", 0, message.offset())])
        found = consumer.poll(DEADLINE_S)
        assert found is not None
        assert found.value() == value
    finally:
        consumer.close()


@pytest.mark.parametrize(("protocol", "mechanism"), WAYS)
def test_kafka_python_writes_and_reads(server: SecuredServer, protocol: str, mechanism: str) -> None:
    config = for_kafka_python(server, protocol, mechanism)
    value = f"kafka-python {protocol} {mechanism}".encode()
    producer = kafka.KafkaProducer(**config)
    try:
        sent = producer.send("drives", value, partition=0).get(DEADLINE_S)
    finally:
        producer.close()
    consumer = kafka.KafkaConsumer(**config, consumer_timeout_ms=DEADLINE_S * 1000)
    try:
        at = kafka.TopicPartition("drives", 0)
        consumer.assign([at])
        consumer.seek(at, sent.offset)
        assert next(consumer).value == value
    finally:
        consumer.close()


@pytest.mark.parametrize(("protocol", "mechanism"), WAYS)
def test_aiokafka_writes_and_reads(server: SecuredServer, protocol: str, mechanism: str) -> None:
    value = f"aiokafka {protocol} {mechanism}".encode()

    async def body() -> None:
        producer = aiokafka.AIOKafkaProducer(**for_aiokafka(server, protocol, mechanism))
        consumer = aiokafka.AIOKafkaConsumer(**for_aiokafka(server, protocol, mechanism))
        await producer.start()
        await consumer.start()
        try:
            sent = await producer.send_and_wait("drives", value, partition=0)
            at = aiokafka.TopicPartition("drives", 0)
            consumer.assign([at])
            consumer.seek(at, sent.offset)
            assert (await asyncio.wait_for(consumer.getone(), DEADLINE_S)).value == value
        finally:
            await consumer.stop()
            await producer.stop()

    asyncio.run(body())


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_librdkafka_is_told_that_the_login_failed(server: SecuredServer, mechanism: str) -> None:
    seen: list[KafkaError] = []
    config = for_librdkafka(server, "SASL_PLAINTEXT", mechanism, "wrong")
    client = AdminClient({**config, "error_cb": seen.append})
    with pytest.raises(KafkaException):
        client.list_topics(timeout=0.5)
    client.poll(0)
    assert any(each.code() == KafkaError._AUTHENTICATION for each in seen), [each.str() for each in seen]


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_kafka_python_is_told_that_the_login_failed(server: SecuredServer, mechanism: str) -> None:
    producer = kafka.KafkaProducer(
        **for_kafka_python(server, "SASL_PLAINTEXT", mechanism, "wrong"), api_version=(3, 9), max_block_ms=500
    )
    try:
        with pytest.raises(KafkaPythonError):
            producer.send("drives", b"never", partition=0)
    finally:
        producer.close(1)


def test_aiokafka_is_told_that_the_login_failed(server: SecuredServer) -> None:
    async def body() -> None:
        producer = aiokafka.AIOKafkaProducer(
            **for_aiokafka(server, "SASL_PLAINTEXT", "SCRAM-SHA-512", "wrong")
        )
        try:
            with pytest.raises(aiokafka.errors.KafkaError):
                await producer.start()
        finally:
            await producer.stop()

    asyncio.run(body())
