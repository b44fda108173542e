"""Administration of any Kafka cluster: topics, offsets, groups and configurations as plain values.

The rule of the file: calls wait for their answer, return our own frozen values, and fail with a ClientError.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its __init__ re-exports without __all__
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from neuraxis.client.configuration import librdkafka
from neuraxis.client.errors import ClientError, explain
from neuraxis.client.settings import Settings

T = TypeVar("T")
TIMEOUT_S = 15.0  # per call; a broker that needs longer for an admin request is in trouble worth reporting
CONNECT_TIMEOUT_S = 5.0  # for the first answer: a person is waiting in front of a terminal
SCRAM_ITERATIONS = 8192  # twice what Kafka's tools take; its most is 16,384
CONFIG_TYPES = ("topic", "broker", "group")  # what librdkafka can send; see docs of `neuraxis config`


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: broker ids of its leader, replicas and in-sync replicas (`leader` is -1 when there is none)."""

    id: int
    leader: int
    replicas: tuple[int, ...]
    in_sync_replicas: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic with its partitions in order."""

    name: str
    topic_id: str
    internal: bool
    partitions: tuple[Partition, ...]


@dataclass(frozen=True, slots=True)
class Config:
    """One configuration value and where it comes from (Kafka's source names in lower case)."""

    name: str
    value: str | None
    source: str
    default: bool
    read_only: bool
    sensitive: bool


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a group and the partitions it owns."""

    member_id: str
    client_id: str
    host: str
    group_instance_id: str | None
    partitions: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Group:
    """One group; `state` and `type` are Kafka's words in lower case."""

    name: str
    state: str
    type: str
    assignor: str
    coordinator: int
    members: tuple[Member, ...]


class Admin:
    """Administer one cluster."""

    def __init__(self, settings: Settings | None = None) -> None:
        """Send nothing yet; the first call fails within CONNECT_TIMEOUT_S if nobody answers."""
        self.settings = settings or Settings.load()
        self._last_error = ""
        config = librdkafka(self.settings, {}) | {"error_cb": self._remember}
        try:
            self._admin = AdminClient(config)
        except KafkaException as error:
            raise explain(error, "set up the client") from error
        self._connected = False

    def topic_names(self) -> dict[str, int]:
        """Return every topic's name with its number of partitions; also the probe that the cluster answers at all."""
        try:
            answer = self._first_answer()
        except KafkaException as error:
            failure = explain(error, "reach a broker")
            what = f"no broker answers at {self.settings.bootstrap}: {self._last_error or failure.what}"
            raise ClientError(what, failure.next_step, code=failure.code) from error
        self._connected = True
        return {name: len(topic.partitions) for name, topic in sorted(answer.topics.items())}

    def topics(self, names: Sequence[str]) -> list[Topic]:
        """Describe topics, in the given order."""
        if not names:
            return []
        futures = self._connect().describe_topics(TopicCollection(list(names)), request_timeout=TIMEOUT_S)
        return [_topic(_result(futures[name], f"describe topic {name}", name)) for name in names]

    def create_topic(
        self,
        name: str,
        *,
        partitions: int = -1,
        replication_factor: int = -1,
        config: Mapping[str, str] | None = None,
        validate_only: bool = False,
    ) -> None:
        """Create one topic; -1 leaves the number to the broker's defaults."""
        new = NewTopic(name, partitions, replication_factor, config=dict(config or {}))
        futures = self._connect().create_topics([new], request_timeout=TIMEOUT_S, validate_only=validate_only)
        _result(futures[name], f"create topic {name}", name)

    def create_partitions(self, name: str, total: int) -> None:
        """Grow a topic to `total` partitions."""
        futures = self._connect().create_partitions([NewPartitions(name, total)], request_timeout=TIMEOUT_S)
        _result(futures[name], f"grow topic {name} to {total} partitions", name)

    def delete_topic(self, name: str) -> None:
        """Delete one topic and its data."""
        futures = self._connect().delete_topics([name], request_timeout=TIMEOUT_S)
        _result(futures[name], f"delete topic {name}", name)

    def earliest_offsets(self, partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Return the first offset that can be read, per (topic, partition)."""
        return self._offsets(partitions, OffsetSpec.earliest())  # type: ignore[no-untyped-call]  # OffsetSpec has no types

    def latest_offsets(self, partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Return the next offset to be written, per (topic, partition)."""
        return self._offsets(partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]  # OffsetSpec has no types

    def offsets_at(
        self, partitions: Iterable[tuple[str, int]], timestamp_ms: int
    ) -> dict[tuple[str, int], int]:
        """Return the first offset at or after a time, per (topic, partition); -1 where no record is that young."""
        return self._offsets(partitions, OffsetSpec.for_timestamp(timestamp_ms))

    def _offsets(
        self, partitions: Iterable[tuple[str, int]], spec: Any
    ) -> dict[tuple[str, int], int]:  # Any: untyped
        asked = {TopicPartition(topic, number): spec for topic, number in partitions}
        if not asked:
            return {}
        futures = self._connect().list_offsets(
            asked, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=TIMEOUT_S
        )
        return {
            (at.topic, at.partition): _result(future, f"list offsets of {at.topic}", at.topic).offset
            for at, future in futures.items()
        }

    def configs(self, kind: str, name: str) -> list[Config]:
        """Return every configuration of a topic, broker or group, sorted by name."""
        resource = ConfigResource(_resource_type(kind), name)
        futures = self._connect().describe_configs([resource], request_timeout=TIMEOUT_S)
        found = _result(futures[resource], f"read the configuration of {kind} {name}", name)
        return [_config(entry) for _, entry in sorted(found.items())]

    def alter_configs(
        self,
        kind: str,
        name: str,
        *,
        assign: Mapping[str, str] | None = None,
        remove: Sequence[str] = (),
        validate_only: bool = False,
    ) -> None:
        """Set and delete single configuration values (IncrementalAlterConfigs); the others stay as they are."""
        if not name:
            raise ClientError(
                f"the configuration shared by every {kind} is out of this client's reach: librdkafka wants a name",
                f"name each {kind}, for example `neuraxis config set {kind} 1 KEY=VALUE`",
            )
        entries = [
            ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
            for key, value in (assign or {}).items()
        ]
        entries += [ConfigEntry(key, "", incremental_operation=AlterConfigOpType.DELETE) for key in remove]
        resource = ConfigResource(_resource_type(kind), name, incremental_configs=entries)
        futures = self._connect().incremental_alter_configs(
            [resource], request_timeout=TIMEOUT_S, validate_only=validate_only
        )
        _result(futures[resource], f"change the configuration of {kind} {name}", name)

    def group_names(self) -> list[tuple[str, str, str]]:
        """Return (name, state, type) of every group, sorted."""
        answer = _result(self._connect().list_consumer_groups(request_timeout=TIMEOUT_S), "list groups", "")
        if answer.errors:
            raise explain(answer.errors[0], "list groups")
        return sorted((one.group_id, _word(one.state), _word(one.type)) for one in answer.valid)

    def groups(self, names: Sequence[str]) -> list[Group]:
        """Describe groups, in the given order. A group nobody knows is described as `dead`, as Kafka does."""
        if not names:
            return []
        futures = self._connect().describe_consumer_groups(list(names), request_timeout=TIMEOUT_S)
        return [_group(_result(futures[name], f"describe group {name}", name)) for name in names]

    def committed(self, group: str) -> dict[tuple[str, int], int]:
        """Return the committed offset per (topic, partition) of a group; partitions without one are left out."""
        asked = ConsumerGroupTopicPartitions(group)
        futures = self._connect().list_consumer_group_offsets([asked], request_timeout=TIMEOUT_S)
        answer = _result(futures[group], f"read the offsets of group {group}", group)
        return {
            (one.topic, one.partition): one.offset
            for one in sorted(answer.topic_partitions, key=lambda one: (one.topic, one.partition))
            if one.offset >= 0
        }

    def commit(self, group: str, offsets: Mapping[tuple[str, int], int]) -> None:
        """Set the committed offsets of a group that has no members."""
        wanted = [TopicPartition(topic, number, offset) for (topic, number), offset in offsets.items()]
        asked = ConsumerGroupTopicPartitions(group, wanted)
        futures = self._connect().alter_consumer_group_offsets([asked], request_timeout=TIMEOUT_S)
        answer = _result(futures[group], f"set the offsets of group {group}", group)
        for one in answer.topic_partitions:
            if one.error is not None:
                raise explain(
                    one.error, f"set the offset of {one.topic} {one.partition} for group {group}", one.topic
                )

    def delete_group(self, name: str) -> None:
        """Delete a group without members, and its offsets."""
        futures = self._connect().delete_consumer_groups([name], request_timeout=TIMEOUT_S)
        _result(futures[name], f"delete group {name}", name)

    def users(self) -> dict[str, list[tuple[str, int]]]:
        """Return every user with a password, with (mechanism, iterations) of each of its credentials."""
        future: Any = self._connect().describe_user_scram_credentials(
            request_timeout=TIMEOUT_S
        )  # Any: one of two types
        answer = _result(future, "list users", "")
        return {
            name: [
                (info.mechanism.name.replace("_", "-"), info.iterations)
                for info in one.scram_credential_infos
            ]
            for name, one in answer.items()
        }

    def set_password(self, user: str, password: str, mechanisms: Sequence[str]) -> None:
        """Give a user a password for these SCRAM mechanisms; librdkafka salts it, the broker never sees it."""
        for mechanism in mechanisms:
            info = ScramCredentialInfo(ScramMechanism[mechanism.replace("-", "_")], SCRAM_ITERATIONS)
            change = UserScramCredentialUpsertion(user, info, password.encode())
            futures = self._connect().alter_user_scram_credentials([change], request_timeout=TIMEOUT_S)
            _result(futures[user], f"set the password of {user}", user)

    def remove_password(self, user: str, mechanisms: Sequence[str]) -> None:
        """Take a user's credentials for these SCRAM mechanisms away."""
        for mechanism in mechanisms:
            change = UserScramCredentialDeletion(user, ScramMechanism[mechanism.replace("-", "_")])
            futures = self._connect().alter_user_scram_credentials([change], request_timeout=TIMEOUT_S)
            _result(futures[user], f"remove the password of {user}", user)

    def _first_answer(self) -> Any:  # Any: confluent-kafka's ClusterMetadata
        """Ask for CONNECT_TIMEOUT_S, but no longer than the first refusal."""
        for _ in range(int(CONNECT_TIMEOUT_S) - 1):
            try:
                return self._admin.list_topics(timeout=1.0)
            except KafkaException:
                self._admin.poll(0)  # hands over the reasons librdkafka met on the way
                if "refused" in self._last_error or "resolve" in self._last_error:
                    raise
        return self._admin.list_topics(timeout=1.0)

    def _connect(self) -> AdminClient:
        """Ask for the topics once before the first request, so that an absent broker is named in seconds."""
        if not self._connected:
            self.topic_names()
        return self._admin

    def _remember(self, error: Any) -> None:  # Any: confluent-kafka does not type its callbacks
        text = str(error.str())
        if "brokers are down" not in text:  # the sum of the others, and the least telling of them
            self._last_error = text.split(": ", maxsplit=1)[-1].split(" (after", maxsplit=1)[0]


def _result(future: Future[T], doing: str, subject: str) -> T:
    try:
        return future.result(timeout=TIMEOUT_S + 5)  # librdkafka answers by itself at TIMEOUT_S
    except (KafkaException, TimeoutError) as error:
        raise explain(error, doing, subject) from error


def _resource_type(kind: str) -> ResourceType:
    if kind not in CONFIG_TYPES:
        raise ClientError(
            f"{kind} has no configuration this client can reach", f"use one of {', '.join(CONFIG_TYPES)}"
        )
    return ResourceType[kind.upper()]


def _word(value: Any) -> str:  # Any: an enum of confluent-kafka, or None from an old broker
    return value.name.lower() if value is not None else "unknown"


def _topic(answer: Any) -> Topic:  # Any: confluent-kafka's descriptions are untyped where it matters
    partitions = (
        Partition(
            one.id,
            one.leader.id if one.leader is not None else -1,
            tuple(node.id for node in one.replicas),
            tuple(node.id for node in one.isr),
        )
        for one in answer.partitions
    )
    ordered = tuple(sorted(partitions, key=lambda one: one.id))
    return Topic(answer.name, str(answer.topic_id), bool(answer.is_internal), ordered)


def _config(entry: Any) -> Config:  # Any: its source arrives as an integer or as an enum
    source = ConfigSource(entry.source).name.lower().removesuffix("_config")
    return Config(
        entry.name,
        entry.value,
        source,
        bool(entry.is_default),
        bool(entry.is_read_only),
        bool(entry.is_sensitive),
    )


def _group(answer: Any) -> Group:  # Any: as for _topic
    members = tuple(
        Member(
            one.member_id,
            one.client_id,
            one.host,
            one.group_instance_id,
            tuple(sorted((at.topic, at.partition) for at in one.assignment.topic_partitions)),
        )
        for one in sorted(answer.members, key=lambda one: one.member_id)
    )
    coordinator = answer.coordinator.id if answer.coordinator is not None else -1
    return Group(
        answer.group_id,
        _word(answer.state),
        _word(answer.type),
        answer.partition_assignor,
        coordinator,
        members,
    )
