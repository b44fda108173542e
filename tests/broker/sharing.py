"""Members of share groups over a core: joins, fetches and acknowledgements in a line each."""

from __future__ import annotations

from typing import Any

from neuraxis.wire.messages import share_acknowledge as sa
from neuraxis.wire.messages import share_fetch as sf
from neuraxis.wire.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
)
from neuraxis.wire.messages.share_group_heartbeat import ShareGroupHeartbeatRequest
from tests.broker.harness import CoreHarness

GROUP_RESOURCE = 32
Ack = tuple[int, int, int]


def set_config(broker: CoreHarness, group: str, **configs: str) -> None:
    """Set configs of a group; underscores for dots."""
    changes = [AlterableConfig(name.replace("_", "."), 0, value) for name, value in configs.items()]
    resource = AlterConfigsResource(GROUP_RESOURCE, group, changes)
    peer = broker.connect()
    (answer,) = peer.request(IncrementalAlterConfigsRequest([resource], False), 1).responses
    assert answer.error_code == 0, answer
    peer.disconnect()


class Member:
    """A member with a connection and a session of its own, reading one partition."""

    def __init__(
        self, broker: CoreHarness, name: str, *, topic: str = "t", group: str = "g", join: bool = True
    ) -> None:
        self.peer = broker.connect()
        self.name = name
        self.group = group
        self.topic = topic
        self.topic_id = broker.node.topics[topic].topic_id
        self.epoch = 0
        if join:
            assert self.join().error_code == 0

    def join(self) -> Any:
        return self.peer.request(ShareGroupHeartbeatRequest(self.group, self.name, 0, None, [self.topic]), 1)

    def leave(self) -> None:
        answer = self.peer.request(ShareGroupHeartbeatRequest(self.group, self.name, -1), 1)
        assert answer.error_code == 0

    def request(self, *acks: Ack, index: int = 0, **options: Any) -> sf.ShareFetchRequest:
        values = {
            "max_wait_ms": 500,
            "min_bytes": 1,
            "max_bytes": 1 << 20,
            "max_records": 500,
            "batch_size": 500,
            **options,
        }
        batches = [sf.AcknowledgementBatch(first, last, [kind]) for first, last, kind in acks]
        named = not self.epoch or acks
        topics = [sf.FetchTopic(self.topic_id, [sf.FetchPartition(index, batches)])] if named else []
        return sf.ShareFetchRequest(
            group_id=self.group,
            member_id=self.name,
            share_session_epoch=self.epoch,
            topics=topics,
            **values,
        )

    def ask(self, *acks: Ack, **options: Any) -> Any:
        """Send a fetch; its answer if it is there at once."""
        request = self.request(*acks, **options)
        self.epoch += 1
        self.peer.send(request, 2)
        return self.poll()

    def poll(self) -> Any:
        """The answer that has come, if one has."""
        found = self.peer.answers()
        return found[0][1] if found else None

    def answer(self) -> Any:
        """The answer that has come."""
        ((_, answer),) = self.peer.answers()
        return answer

    def fetch(self, *acks: Ack, **options: Any) -> Any:
        """A fetch that is answered at once."""
        answer = self.ask(*acks, **options)
        assert answer is not None
        return answer

    def send_acknowledge(self, *acks: Ack) -> None:
        batches = [sa.AcknowledgementBatch(first, last, [kind]) for first, last, kind in acks]
        topics = [sa.AcknowledgeTopic(self.topic_id, [sa.AcknowledgePartition(0, batches)])]
        request = sa.ShareAcknowledgeRequest(self.group, self.name, self.epoch, False, topics)
        self.epoch += 1
        self.peer.send(request, 2)

    def acknowledge(self, *acks: Ack) -> int:
        """Acknowledge at once; the partition's code."""
        self.send_acknowledge(*acks)
        code: int = self.answer().responses[0].partitions[0].error_code
        return code

    def end(self) -> None:
        """End the session."""
        request = sa.ShareAcknowledgeRequest(self.group, self.name, -1, False, [])
        assert self.peer.request(request, 2).error_code == 0
        self.epoch = 0


def given(answer: sf.ShareFetchResponse) -> sf.PartitionData:
    """The one partition of an answer."""
    assert answer.error_code == 0, answer
    ((partition,),) = [topic.partitions for topic in answer.responses]
    return partition


def acquired(answer: sf.ShareFetchResponse) -> list[tuple[int, int, int]]:
    """What an answer gives, as (first, last, deliveries)."""
    assert answer.error_code == 0, answer
    return [
        (each.first_offset, each.last_offset, each.delivery_count)
        for topic in answer.responses
        for partition in topic.partitions
        for each in partition.acquired_records
    ]
