"""compat/topic_content.py: it sees of a topic what is there, with open and aborted transactions told from committed ones."""

from __future__ import annotations

from concurrent.futures import Future

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import ListOffsetsResultInfo

from compat import topic_content


def transaction(bootstrap: str, name: str) -> Producer:
    producer = Producer(topic_content.QUIET | {"bootstrap.servers": bootstrap, "transactional.id": name})
    producer.init_transactions(30)
    producer.begin_transaction()
    return producer


def test_only_committed_records_are_read_and_an_open_transaction_holds_the_end(
    neuraxis_bootstrap: str,
) -> None:
    topic_content.create_topic(neuraxis_bootstrap, "t", 2)
    aborted = transaction(neuraxis_bootstrap, "aborted")
    aborted.produce("t", b"no", partition=0)
    aborted.flush(30)
    aborted.abort_transaction(30)
    whole = transaction(neuraxis_bootstrap, "whole")
    whole.produce("t", b"yes", key=b"k", partition=0, headers=[("h", b"v")], timestamp=5)
    whole.produce("t", b"also", partition=1)
    whole.commit_transaction(30)
    unfinished = transaction(neuraxis_bootstrap, "unfinished")
    unfinished.produce("t", b"later", partition=1)
    unfinished.flush(30)
    # partition 0: a record, its marker, a record, its marker; partition 1: a record, its marker, an open record
    assert topic_content.ends(neuraxis_bootstrap, "t", committed=True) == {0: 4, 1: 2}
    assert topic_content.ends(neuraxis_bootstrap, "t", committed=False) == {0: 4, 1: 3}
    assert topic_content.read(neuraxis_bootstrap, "t") == [
        topic_content.Record(0, 2, b"k", b"yes", 5, (("h", b"v"),)),
        *(each for each in topic_content.read(neuraxis_bootstrap, "t") if each.partition == 1),
    ]
    values = [each.value for each in topic_content.read(neuraxis_bootstrap, "t", committed=False)]
    assert values == [b"no", b"yes", b"also", b"later"]
    unfinished.abort_transaction(30)


def test_a_topic_that_is_not_there_has_no_partitions(neuraxis_bootstrap: str) -> None:
    assert topic_content.partitions_of(neuraxis_bootstrap, "absent") == []


def test_the_configs_of_a_topic_are_those_it_was_made_with(neuraxis_bootstrap: str) -> None:
    topic_content.create_topic(neuraxis_bootstrap, "t", 1, {"cleanup.policy": "compact"})
    assert topic_content.topic_configs(neuraxis_bootstrap, "t", ["cleanup.policy"]) == {
        "cleanup.policy": "compact"
    }


class Starting:
    """An admin client whose broker answers with these errors before it knows the end of the one partition, 7."""

    def __init__(self, *errors: int) -> None:
        self.errors = list(errors)

    def list_offsets(
        self, wanted: dict[TopicPartition, object], **_: object
    ) -> dict[TopicPartition, Future[ListOffsetsResultInfo]]:
        answer: Future[ListOffsetsResultInfo] = Future()
        if self.errors:
            answer.set_exception(KafkaException(KafkaError(self.errors.pop(0))))
        else:
            answer.set_result(ListOffsetsResultInfo(7, 0, 0))
        return dict.fromkeys(wanted, answer)


def starting(monkeypatch: pytest.MonkeyPatch, *errors: int) -> None:
    client = Starting(*errors)
    monkeypatch.setattr(topic_content, "admin", lambda bootstrap: client)
    monkeypatch.setattr(topic_content, "partitions_of", lambda bootstrap, topic: [0])


def test_a_broker_that_does_not_have_its_partitions_back_yet_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    starting(monkeypatch, KafkaError.UNKNOWN_LEADER_EPOCH, KafkaError.NOT_LEADER_FOR_PARTITION)
    assert topic_content.ends("nowhere", "t", committed=True) == {0: 7}


def test_any_other_error_of_the_broker_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    starting(monkeypatch, KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(KafkaException):
        topic_content.ends("nowhere", "t", committed=True)
