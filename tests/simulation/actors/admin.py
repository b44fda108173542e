"""The administrator: makes the topics, then deletes, remakes and changes some of them while everybody works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.create_partitions import CreatePartitionsRequest, CreatePartitionsTopic
from neuraxis.wire.messages.create_topics import CreatableTopic, CreatableTopicConfig, CreateTopicsRequest
from neuraxis.wire.messages.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsTopic,
)
from neuraxis.wire.messages.delete_topics import DeleteTopicsRequest, DeleteTopicState
from neuraxis.wire.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
)
from neuraxis.wire.messages.metadata import MetadataRequest, MetadataRequestTopic
from tests.simulation.actors.script import Ask, Pause, ScriptedActor
from tests.simulation.story import Violation

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any  # Any: responses of every API

    from tests.simulation.plan import TopicPlan

TOPIC = 2  # the resource type of configs
SET, DELETE = 0, 1
MOST_PARTITIONS = 5
RETRY = (None, ErrorCode.KAFKA_STORAGE_ERROR)


class Admin(ScriptedActor):
    """One administrator, who does one thing at a time."""

    done = False

    def live(self) -> Generator[Pause | Ask, Any, None]:
        for plan in self.world.plan.topics:
            yield from self.create(plan)
        self.done = not self.world.plan.admin
        while not self.world.healed and self.world.plan.admin:
            yield Pause(self.rng.randint(100, 1_500))
            yield from self.rng.choice(
                (self.delete_records, self.remake, self.alter, self.look, self.grow, self.repolicy)
            )()
        for plan in self.world.plan.topics:
            if self.world.model.served(plan.name) is None:
                yield from self.create(plan)
        self.done = True

    def content(self) -> bool:
        return self.done

    def complaint(self) -> str:
        return "an answer to its last request"

    def create(self, plan: TopicPlan) -> Generator[Pause | Ask, Any, None]:
        """Until it is known to exist."""
        configs = [CreatableTopicConfig(name, value) for name, value in plan.configs.items()]
        topic = CreatableTopic(plan.name, plan.partitions, 1, [], configs)
        while True:
            reply = yield Ask(CreateTopicsRequest([topic], 5_000), self.rng.choice((2, 5, 7, 7)))
            code = None if reply is None else reply.topics[0].error_code
            if code == 0 and reply.topics[0].topic_id != bytes(16):
                self.world.model.created(plan, reply.topics[0].topic_id)
                return
            if code in (0, ErrorCode.TOPIC_ALREADY_EXISTS):
                yield from self.look()
                if self.world.model.served(plan.name) is not None:
                    return
            elif code not in RETRY:
                raise Violation(
                    f"creating {plan.name} was refused with {code}: {reply.topics[0].error_message}"
                )
            yield Pause(self.rng.randint(20, 400))

    def look(self) -> Generator[Pause | Ask, Any, None]:
        """Ask for all topics, and remember their ids."""
        names = [plan.name for plan in self.world.plan.topics]
        request = MetadataRequest([MetadataRequestTopic(bytes(16), name) for name in names], False)
        reply = yield Ask(request, self.rng.choice((10, 12, 13)))
        if reply is None:
            return
        plans = {plan.name: plan for plan in self.world.plan.topics}
        for topic in reply.topics:
            if topic.error_code == 0 and not self._is_dying(topic.topic_id):
                self.world.model.created(plans[topic.name], topic.topic_id)

    def _is_dying(self, topic_id: bytes) -> bool:
        truth = self.world.model.topics.get(topic_id)
        return truth is not None and truth.doomed and not truth.gone

    def remake(self) -> Generator[Pause | Ask, Any, None]:
        """Delete a topic and make it again."""
        candidates = [plan for plan in self.world.plan.topics if plan.volatile]
        if not candidates:
            return
        plan = self.rng.choice(candidates)
        if self.world.model.served(plan.name) is not None:
            yield from self.delete(plan)
        if self.rng.random() < 0.8:
            yield from self.create(plan)

    def delete(self, plan: TopicPlan) -> Generator[Pause | Ask, Any, None]:
        topic_id = self.world.model.dooming(plan.name)
        assert topic_id is not None
        while True:
            request = DeleteTopicsRequest([DeleteTopicState(None, topic_id)], [], 5_000)
            reply = yield Ask(request, 6)
            code = None if reply is None else reply.responses[0].error_code
            if code in (0, ErrorCode.UNKNOWN_TOPIC_ID):
                self.world.model.deleted(topic_id)
                return
            if code not in RETRY:
                raise Violation(f"deleting {plan.name} was refused with {code}")
            yield Pause(self.rng.randint(20, 400))

    def delete_records(self) -> Generator[Pause | Ask, Any, None]:
        """Move the start of a partition forward."""
        plan = self.rng.choice(self.world.plan.topics)
        truth = self.world.model.served(plan.name)
        if truth is None or plan.volatile:
            return
        index = self.rng.randrange(plan.partitions)
        partition = truth.partition(index)
        offsets = sorted(offset for offset in partition.promised if offset >= partition.floor)
        if not offsets:
            return
        offset = self.rng.choice(offsets[: len(offsets) // 2 + 1]) + self.rng.randint(0, 1)
        partition.deletable, partition.asking = max(partition.deletable, offset), offset
        asked = DeleteRecordsTopic(plan.name, [DeleteRecordsPartition(index, offset)])
        life = self.world.host.life
        reply = yield Ask(DeleteRecordsRequest([asked], 5_000), self.rng.randint(0, 2))
        partition.asking = 0
        if reply is None:
            return
        answer = reply.topics[0].partitions[0]
        if answer.error_code == 0:
            if answer.low_watermark < offset:
                raise Violation(
                    f"records below {offset} were deleted, the low watermark is {answer.low_watermark}"
                )
            if self.world.host.life == life:
                partition.floor = max(partition.floor, offset)
        elif answer.error_code not in (ErrorCode.OFFSET_OUT_OF_RANGE, *RETRY):
            raise Violation(f"deleting records of {plan.name}-{index} was refused with {answer.error_code}")

    def grow(self) -> Generator[Pause | Ask, Any, None]:
        """Add a partition."""
        plan = self.rng.choice(self.world.plan.topics)
        truth = self.world.model.served(plan.name)
        if truth is None or plan.volatile or len(truth.partitions) >= MOST_PARTITIONS:
            return
        count = len(truth.partitions) + 1
        request = CreatePartitionsRequest([CreatePartitionsTopic(plan.name, count, None)], 5_000, False)
        reply = yield Ask(request, self.rng.randint(0, 3))
        if reply is None:
            return
        code = reply.results[0].error_code
        if code in (
            0,
            ErrorCode.INVALID_PARTITIONS,
        ):  # the latter: an attempt of unknown outcome came through
            truth.partition(count - 1)
        elif code not in RETRY:
            raise Violation(f"a partition for {plan.name} was refused with {code}")

    def repolicy(self) -> Generator[Pause | Ask, Any, None]:
        """Change a topic's durability. What was acknowledged before a change to sync is as safe as what comes after."""
        plan = self.rng.choice(self.world.plan.topics)
        truth = self.world.model.served(plan.name)
        if truth is None or plan.volatile or self.world.plan.durability == "sync":
            return
        wanted = not truth.sync
        change = (
            AlterableConfig("flush.messages", SET, "1")
            if wanted
            else AlterableConfig("flush.messages", DELETE, None)
        )
        truth.sync = False
        request = IncrementalAlterConfigsRequest([AlterConfigsResource(TOPIC, plan.name, [change])], False)
        reply = yield Ask(request, self.rng.randint(0, 1))
        if wanted and reply is not None and reply.responses[0].error_code == 0:
            self.world.model.is_synced(truth, self.client.life)

    def alter(self) -> Generator[Pause | Ask, Any, None]:
        """Change a config that changes nothing of what is promised."""
        plan = self.rng.choice(self.world.plan.topics)
        name, value = self.rng.choice(
            (("segment.bytes", "400"), ("segment.bytes", "3000"), ("index.interval.bytes", "64"),
             ("index.interval.bytes", "4096"), ("segment.ms", "1500"), ("segment.ms", "600000"))
        )  # fmt: skip
        resource = AlterConfigsResource(TOPIC, plan.name, [AlterableConfig(name, 0, value)])
        reply = yield Ask(IncrementalAlterConfigsRequest([resource], False), self.rng.randint(0, 1))
        if reply is not None and reply.responses[0].error_code not in (
            0,
            ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
            *RETRY,
        ):
            raise Violation(f"altering {plan.name} was refused with {reply.responses[0].error_code}")
