"""The survey: which numbers come out of a core, in slices, and that they stay true while the broker goes on between two."""

from __future__ import annotations

from neuraxis.broker.metrics import survey as survey_module
from neuraxis.broker.metrics.counters import Histogram
from neuraxis.broker.metrics.families import FAMILIES
from neuraxis.broker.metrics.survey import Sample, Shell, survey
from neuraxis.broker.metrics.text import exposition
from neuraxis.wire.messages.api_versions import ApiVersionsRequest
from neuraxis.wire.messages.init_producer_id import InitProducerIdRequest
from neuraxis.wire.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
)
from tests.broker.cold_disk import cold_broker
from tests.broker.harness import PRODUCE_VERSION, CoreHarness, batch_of, fetch_request, produce_request
from tests.broker.metrics.reading import Page, parse


def shell() -> Shell:
    times = Histogram()
    times.add(3_000_000)
    return Shell(receive_pool_bytes=7, unsent_bytes=5, works_in_flight=1, work_times={"sync": times})


def page_of(broker: CoreHarness) -> Page:
    samples = [step for step in survey(broker.core, shell(), "1.2") if step is not None]
    for sample in samples:
        assert len(sample.labels) == len(FAMILIES[sample.family].labels), sample
    return parse("".join(exposition(samples)))


def test_requests_connections_and_client_software_are_counted() -> None:
    broker = CoreHarness()
    peer = broker.connect()
    request = ApiVersionsRequest(client_software_name="librdkafka", client_software_version="2.16")
    peer.request(request, 3)
    peer.request(ApiVersionsRequest(client_software_name="librdkafka", client_software_version="2.16"), 3)
    other = broker.connect()
    page = page_of(broker)
    assert page.value("neuraxis_requests_total", api="ApiVersions", version="3") == 2
    assert page.value("neuraxis_request_total_seconds_count", api="ApiVersions") == 2
    assert page.value("neuraxis_client_requests_total", software="librdkafka", version="2.16") == 2
    assert page.value("neuraxis_client_connections", software="librdkafka", version="2.16") == 1
    assert page.value("neuraxis_client_connections", software="", version="") == 1
    assert page.value("neuraxis_connections", listener="PLAINTEXT") == 2
    broker.core.disconnect(peer.session, broker.now)
    broker.core.disconnect(other.session, broker.now)
    page = page_of(broker)
    assert page.value("neuraxis_connections", listener="PLAINTEXT") == 0
    assert page.value("neuraxis_connections_accepted_total", listener="PLAINTEXT") == 2
    assert page.value("neuraxis_client_requests_total", software="librdkafka", version="2.16") == 2


def test_a_log_is_shown_with_its_bytes_offsets_and_traffic() -> None:
    broker = CoreHarness()
    broker.create_topic("drives", partitions=2)
    peer = broker.connect()
    batch = batch_of(b"a", b"b", b"c")
    peer.request(produce_request("drives", batch, 1), PRODUCE_VERSION)
    peer.request(fetch_request({"drives": {1: 0}}), 12)
    page = page_of(broker)
    partition = {"topic": "drives", "partition": "1"}
    assert page.value("neuraxis_partition_log_end_offset", **partition) == 3
    assert page.value("neuraxis_partition_log_start_offset", **partition) == 0
    assert page.value("neuraxis_partition_log_bytes", **partition) == len(batch)
    assert page.value("neuraxis_partition_log_segments", **partition) == 1
    assert page.value("neuraxis_topic_received_bytes_total", topic="drives") == len(batch)
    assert page.value("neuraxis_topic_sent_bytes_total", topic="drives") == len(batch)
    assert page.value("neuraxis_partitions") == 2
    assert page.value("neuraxis_partitions_not_shown") == 0
    assert page.value("neuraxis_undurable_bytes") == 0
    assert page.value("neuraxis_journal_bytes") > len(batch)
    assert page.total("neuraxis_sync_bytes_count") >= 1
    assert page.total("neuraxis_sync_answers_count") >= 1


def test_parked_calls_fetch_sessions_groups_and_transactions_are_shown() -> None:
    broker = CoreHarness()
    broker.create_topic("drives")
    peer, reader = broker.connect(), broker.connect()
    partition = OffsetCommitRequestPartition(partition_index=0, committed_offset=0)
    commit = OffsetCommitRequest(
        group_id="g", topics=[OffsetCommitRequestTopic(name="drives", partitions=[partition])]
    )
    peer.request(commit, 8)
    peer.request(InitProducerIdRequest(transactional_id="t", transaction_timeout_ms=1_000), 4)
    fetch = fetch_request({"drives": {0: 0}})
    fetch.session_epoch = 0
    reader.send(fetch, 12)
    page = page_of(broker)
    assert page.value("neuraxis_calls_open", api="Fetch", state="parked") == 1
    assert page.value("neuraxis_fetch_sessions") == 1
    assert page.value("neuraxis_fetch_session_partitions") == 1
    assert page.value("neuraxis_groups", kind="classic", state="Empty") == 1
    assert page.value("neuraxis_transactions", state="Empty") == 1


def test_what_was_cold_is_counted_by_who_had_to_be_parked() -> None:
    broker, _, _ = cold_broker()
    broker.connect().send(fetch_request({"t": {0: 4}}), 12)
    broker.node.counters.cold_pieces += 3
    broker.works_wait = False
    page = page_of(broker)
    assert page.value("neuraxis_cold_reads_total", owner="call") == 1
    assert page.value("neuraxis_cold_reads_total", owner="answer") == 3
    assert page.value("neuraxis_cold_reads_total", owner="upkeep") == 0


def test_what_only_the_server_knows_is_shown_too() -> None:
    broker = CoreHarness()
    broker.core.node.counters.worked.add(5_000)
    broker.core.node.counters.muted(1, 20)
    page = page_of(broker)
    assert page.value("neuraxis_loop_turn_seconds_count") == 1
    assert page.value("neuraxis_request_throttle_seconds_sum", api="Fetch") == 0.02
    assert page.value("neuraxis_memory_bytes", owner="receive_pool") == 7
    assert page.value("neuraxis_memory_bytes", owner="output") == 5
    assert page.value("neuraxis_works_in_flight") == 1
    assert page.value("neuraxis_work_seconds_count", kind="sync") == 1
    assert page.total("neuraxis_info", version="1.2") == 1


def test_partitions_beyond_the_limit_are_counted_and_not_shown(monkeypatch: object) -> None:
    broker = CoreHarness()
    broker.create_topic("many", partitions=7)
    limit, survey_module.MAX_PARTITIONS = survey_module.MAX_PARTITIONS, 5
    try:
        page = page_of(broker)
    finally:
        survey_module.MAX_PARTITIONS = limit
    assert page.value("neuraxis_partitions_not_shown") == 2
    assert page.value("neuraxis_partitions") == 7
    assert len(page.series["neuraxis_partition_log_bytes"]) == 5


def test_a_broker_that_goes_on_between_two_slices_is_no_problem() -> None:
    broker = CoreHarness()
    broker.create_topic("drives", partitions=3)
    peers = [broker.connect() for _ in range(250)]
    samples = []
    for number, step in enumerate(survey(broker.core, shell(), "1")):
        if step is not None:
            samples.append(step)
        if number == 10:
            broker.create_topic("late", partitions=2)
        if number % 3 == 0 and peers:
            broker.core.disconnect(peers.pop().session, broker.now)
    assert Sample("topics", (), 2) in samples
    assert parse("".join(exposition(samples))).value("neuraxis_partitions") == 5
