"""What producers are asked; `test_walk.py` compares whole answers with Kafka's."""

from __future__ import annotations

from neuraxis.wire.messages.init_producer_id import InitProducerIdRequest
from tests.broker.authorisation.test_guard import grant, peer_of, with_a_topic
from tests.broker.harness import PRODUCE_VERSION, batch_of, produce_request


def test_a_transactional_id_is_looked_at_only_with_transactional_batches() -> None:
    broker = with_a_topic()
    grant(broker, 4)
    ann = peer_of(broker, "ann")
    plain = produce_request("drives", batch_of(b"1"))
    plain.transactional_id = "secret"
    assert ann.request(plain, PRODUCE_VERSION).responses[0].partition_responses[0].error_code == 0
    options = {"producer_id": 7, "producer_epoch": 0, "base_sequence": 0}
    transactional = produce_request("drives", batch_of(b"1", transactional=True, **options))
    transactional.transactional_id = "secret"
    assert ann.request(transactional, PRODUCE_VERSION).responses[0].partition_responses[0].error_code == 53


def test_who_may_write_to_any_topic_may_have_a_producer_id() -> None:
    broker = with_a_topic()
    ann = peer_of(broker, "ann")
    refused = ann.request(InitProducerIdRequest(None, 1_000, -1, -1), 4)
    assert (refused.error_code, refused.producer_id) == (31, -1)
    grant(broker, 4, name="whatever")
    assert ann.request(InitProducerIdRequest(None, 1_000, -1, -1), 4).error_code == 0
