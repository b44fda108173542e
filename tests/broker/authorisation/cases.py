"""The cases of the walk: at least one for each need of each API in the table, and one for each shape of its request."""

from __future__ import annotations

import time
from typing import Any

from neuraxis.wire.messages import (
    add_offsets_to_txn,
    add_partitions_to_txn,
    add_raft_voter,
    alter_client_quotas,
    alter_configs,
    alter_partition_reassignments,
    alter_replica_log_dirs,
    alter_share_group_offsets,
    alter_user_scram_credentials,
    api_versions,
    consumer_group_describe,
    consumer_group_heartbeat,
    create_acls,
    create_delegation_token,
    create_partitions,
    create_topics,
    delete_acls,
    delete_groups,
    delete_records,
    delete_share_group_offsets,
    delete_topics,
    describe_acls,
    describe_client_quotas,
    describe_cluster,
    describe_configs,
    describe_delegation_token,
    describe_groups,
    describe_log_dirs,
    describe_producers,
    describe_quorum,
    describe_share_group_offsets,
    describe_topic_partitions,
    describe_transactions,
    describe_user_scram_credentials,
    elect_leaders,
    end_txn,
    fetch,
    find_coordinator,
    heartbeat,
    incremental_alter_configs,
    init_producer_id,
    join_group,
    leave_group,
    list_config_resources,
    list_groups,
    list_offsets,
    list_partition_reassignments,
    list_transactions,
    metadata,
    offset_commit,
    offset_delete,
    offset_fetch,
    offset_for_leader_epoch,
    produce,
    remove_raft_voter,
    share_acknowledge,
    share_fetch,
    share_group_describe,
    share_group_heartbeat,
    streams_group_describe,
    streams_group_heartbeat,
    streams_group_topology_description_update,
    sync_group,
    txn_offset_commit,
    unregister_broker,
    unregister_controller,
    update_features,
    write_txn_markers,
)
from tests.broker.authorisation.walk import ADMIN, Ask, Case, World
from tests.broker.harness import batch_of

READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE, CLUSTER_ACTION = range(3, 10)
DESCRIBE_CONFIGS, ALTER_CONFIGS, IDEMPOTENT_WRITE, CREATE_TOKENS, DESCRIBE_TOKENS = range(10, 15)
TOPIC, GROUP, CLUSTER, TRANSACTIONAL_ID, DELEGATION_TOKEN, USER = range(2, 8)
NO_ID = bytes(16)
MEMBER = "aaaaaaaaaaaaaaaaaaaaaa"


def topic(operation: int, which: str = "here") -> tuple[int, int, str]:
    return operation, TOPIC, which


def group(operation: int) -> tuple[int, int, str]:
    return operation, GROUP, "group"


def cluster(operation: int) -> tuple[int, int, str]:
    return operation, CLUSTER, "cluster"


def txn(operation: int) -> tuple[int, int, str]:
    return operation, TRANSACTIONAL_ID, "transactional_id"


def both(w: World) -> list[str]:
    return [w.here, w.other]


# ---- what a super user does before ---------------------------------------------------------------------------------


def commit(ask: Ask, w: World) -> None:
    """A group with a position in each topic."""
    find = find_coordinator.FindCoordinatorRequest(key_type=0, coordinator_keys=[w.group])
    ask(ADMIN, find, 4)
    answer = ask(ADMIN, committing(w), 9)
    assert {each.error_code for one in answer.topics for each in one.partitions} == {0}, answer


def committing(w: World, *, by_id: bool = False) -> Any:
    topics = [
        offset_commit.OffsetCommitRequestTopic(
            name="" if by_id else name,
            topic_id=w.ids[name] if by_id else NO_ID,
            partitions=[offset_commit.OffsetCommitRequestPartition(0, 0, -1, "")],
        )
        for name in both(w)
    ]
    return offset_commit.OffsetCommitRequest(
        group_id=w.group, generation_id_or_member_epoch=-1, member_id="", topics=topics
    )


def producer(ask: Ask, w: World) -> None:
    """A producer with the transactional id."""
    ask(ADMIN, find_coordinator.FindCoordinatorRequest(key_type=1, coordinator_keys=[w.transactional_id]), 4)
    asked = init_producer_id.InitProducerIdRequest(
        transactional_id=w.transactional_id, transaction_timeout_ms=60_000, producer_id=-1, producer_epoch=-1
    )
    answer = ask(ADMIN, asked, 4)
    assert answer.error_code == 0, answer
    w.notes["producer"] = (answer.producer_id, answer.producer_epoch)


def joining(w: World, transactional_id: str | None = None) -> Any:
    producer_id, epoch = w.notes["producer"]
    return add_partitions_to_txn.AddPartitionsToTxnRequest(
        v3_and_below_transactional_id=transactional_id or w.transactional_id,
        v3_and_below_producer_id=producer_id,
        v3_and_below_producer_epoch=epoch,
        v3_and_below_topics=[add_partitions_to_txn.AddPartitionsToTxnTopic(name, [0]) for name in both(w)],
    )


def transaction(ask: Ask, w: World) -> None:
    """An open transaction over both topics."""
    producer(ask, w)
    ask(ADMIN, joining(w), 3)


def transaction_of_a_group(ask: Ask, w: World) -> None:
    commit(ask, w)
    transaction(ask, w)


def consumer_member(ask: Ask, w: World) -> None:
    """A member of a consumer group that reads the topic."""
    ask(ADMIN, find_coordinator.FindCoordinatorRequest(key_type=0, coordinator_keys=[w.group]), 4)
    _assigned(ask, consumer_beat(w))


def consumer_beat(w: World, member: str = MEMBER) -> Any:
    return consumer_group_heartbeat.ConsumerGroupHeartbeatRequest(
        group_id=w.group,
        member_id=member,
        member_epoch=0,
        rebalance_timeout_ms=60_000,
        subscribed_topic_names=[w.here],
        topic_partitions=[],
    )


def _assigned(ask: Ask, beat: Any) -> None:
    """Send heartbeats until the member has partitions: Kafka assigns them a moment after the member came."""
    for _ in range(500):
        answer = ask(ADMIN, beat, 1)
        assert answer.error_code == 0, answer
        if answer.assignment is not None and answer.assignment.topic_partitions:
            return
        time.sleep(0.02)  # on Kafka only: our first answer holds partitions already
        beat.member_epoch = answer.member_epoch
        beat.subscribed_topic_names = None
        if hasattr(beat, "topic_partitions"):
            beat.topic_partitions = None
    raise AssertionError("the member gets nothing")


def share_member(ask: Ask, w: World) -> None:
    ask(ADMIN, find_coordinator.FindCoordinatorRequest(key_type=0, coordinator_keys=[w.group]), 4)
    _assigned(ask, share_beat(w))


def share_beat(w: World, member: str = MEMBER) -> Any:
    return share_group_heartbeat.ShareGroupHeartbeatRequest(
        group_id=w.group, member_id=member, member_epoch=0, subscribed_topic_names=[w.here]
    )


def share_group(ask: Ask, w: World) -> None:
    """A share group without members that has read the topic."""
    share_member(ask, w)
    leave = share_group_heartbeat.ShareGroupHeartbeatRequest(
        group_id=w.group, member_id=MEMBER, member_epoch=-1
    )
    ask(ADMIN, leave, 1)


def streams_member(ask: Ask, w: World) -> None:
    ask(ADMIN, find_coordinator.FindCoordinatorRequest(key_type=0, coordinator_keys=[w.group]), 4)
    ask(ADMIN, streams_beat(w), 0)


def streams_beat(w: World, member: str = MEMBER) -> Any:
    part = streams_group_heartbeat.Subtopology(subtopology_id="0", source_topics=[w.here])
    return streams_group_heartbeat.StreamsGroupHeartbeatRequest(
        group_id=w.group,
        member_id=member,
        member_epoch=0,
        endpoint_information_epoch=0,
        rebalance_timeout_ms=60_000,
        process_id="p",
        topology=streams_group_heartbeat.Topology(epoch=0, subtopologies=[part]),
        active_tasks=[],
        standby_tasks=[],
        warmup_tasks=[],
    )


# ---- requests --------------------------------------------------------------------------------------------------------


def producing(w: World, *, by_id: bool = False, transactional: bool = False) -> Any:
    batch = batch_of(b"1")
    if transactional:
        producer_id, epoch = w.notes["producer"]
        batch = batch_of(
            b"1", producer_id=producer_id, producer_epoch=epoch, base_sequence=0, transactional=True
        )
    data = [produce.PartitionProduceData(0, batch)]
    topics = [
        produce.TopicProduceData("" if by_id else name, w.ids[name] if by_id else NO_ID, data)
        for name in both(w)
    ]
    return produce.ProduceRequest(
        transactional_id=w.transactional_id if transactional else None,
        acks=-1,
        timeout_ms=1_000,
        topic_data=topics,
    )


def fetching(w: World, *, by_id: bool = False) -> Any:
    return fetch.FetchRequest(
        max_wait_ms=0,
        min_bytes=0,
        max_bytes=1 << 20,
        session_epoch=-1,
        topics=[
            fetch.FetchTopic(
                "" if by_id else name,
                w.ids[name] if by_id else NO_ID,
                [fetch.FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1 << 20)],
            )
            for name in both(w)
        ],
    )


def asking_for(*topics: Any, **options: Any) -> Any:
    return metadata.MetadataRequest(topics=list(topics), **{"allow_auto_topic_creation": False, **options})


def named(name: str) -> Any:
    return metadata.MetadataRequestTopic(name=name)


def positions(w: World, version: int, *, everything: bool = False) -> Any:
    if version < 8:
        topics = None if everything else [offset_fetch.OffsetFetchRequestTopic(n, [0]) for n in both(w)]
        return offset_fetch.OffsetFetchRequest(group_id=w.group, topics=topics)
    by_id = version >= 10
    asked = offset_fetch.OffsetFetchRequestGroup(w.group)
    asked.topics = None
    if not everything:
        asked.topics = [
            offset_fetch.OffsetFetchRequestTopics("" if by_id else n, w.ids[n] if by_id else NO_ID, [0])
            for n in both(w)
        ]
    return offset_fetch.OffsetFetchRequest(groups=[asked])


def committing_in_transaction(w: World, *, by_id: bool = False) -> Any:
    producer_id, epoch = w.notes["producer"]
    return txn_offset_commit.TxnOffsetCommitRequest(
        transactional_id=w.transactional_id,
        group_id=w.group,
        producer_id=producer_id,
        producer_epoch=epoch,
        topics=[
            txn_offset_commit.TxnOffsetCommitRequestTopic(
                "" if by_id else name,
                w.ids[name] if by_id else NO_ID,
                [txn_offset_commit.TxnOffsetCommitRequestPartition(0, 5, -1, "")],
            )
            for name in both(w)
        ],
    )


def configs_of(kind: int, name: str) -> Any:
    return describe_configs.DescribeConfigsRequest(
        resources=[describe_configs.DescribeConfigsResource(kind, name, ["retention.ms"])]
    )


def setting(kind: int, name: str, config: str, value: str) -> Any:
    change = incremental_alter_configs.AlterableConfig(config, 0, value)
    return incremental_alter_configs.IncrementalAlterConfigsRequest(
        resources=[incremental_alter_configs.AlterConfigsResource(kind, name, [change])], validate_only=True
    )


def replacing(kind: int, name: str, config: str, value: str) -> Any:
    change = alter_configs.AlterableConfig(config, value)
    return alter_configs.AlterConfigsRequest(
        resources=[alter_configs.AlterConfigsResource(kind, name, [change])], validate_only=True
    )


def creating(*names: str) -> Any:
    topics = [
        create_topics.CreatableTopic(name=name, num_partitions=1, replication_factor=1) for name in names
    ]
    return create_topics.CreateTopicsRequest(topics=topics, timeout_ms=5_000)


def share_fetching(w: World) -> Any:
    return share_fetch.ShareFetchRequest(
        group_id=w.group,
        member_id=MEMBER,
        share_session_epoch=0,
        max_wait_ms=0,
        min_bytes=0,
        max_bytes=1 << 20,
        max_records=10,
        batch_size=10,
        topics=[share_fetch.FetchTopic(w.ids[w.here], [share_fetch.FetchPartition(0, [])])],
    )


def share_session(ask: Ask, w: World) -> None:
    share_member(ask, w)


def acknowledging(w: World) -> Any:
    return share_acknowledge.ShareAcknowledgeRequest(
        group_id=w.group,
        member_id=MEMBER,
        share_session_epoch=-1,
        topics=[
            share_acknowledge.AcknowledgeTopic(
                w.ids[w.here],
                [
                    share_acknowledge.AcknowledgePartition(
                        0, [share_acknowledge.AcknowledgementBatch(0, 0, [1])]
                    )
                ],
            )
        ],
    )


def share_offsets(w: World, *, everything: bool = False) -> Any:
    topics = [describe_share_group_offsets.DescribeShareGroupOffsetsRequestTopic(n, [0]) for n in both(w)]
    asked = describe_share_group_offsets.DescribeShareGroupOffsetsRequestGroup(
        w.group, None if everything else topics
    )
    return describe_share_group_offsets.DescribeShareGroupOffsetsRequest(groups=[asked])


def markers(w: World) -> Any:
    topics = [write_txn_markers.WritableTxnMarkerTopic(w.here, [0])]
    return write_txn_markers.WriteTxnMarkersRequest(
        markers=[write_txn_markers.WritableTxnMarker(77, 0, False, topics, 0)]
    )


def everything_about_acls() -> Any:
    return describe_acls.DescribeAclsRequest(1, None, 1, None, None, 1, 1)


def for_owner(w: World) -> Any:
    return create_delegation_token.CreateDelegationTokenRequest(
        owner_principal_type="User",
        owner_principal_name=w.user.removeprefix("User:"),
        renewers=[],
        max_lifetime_ms=-1,
    )


def token_of_owner(ask: Ask, w: World) -> None:
    answer = ask(ADMIN, for_owner(w), 3)
    assert answer.error_code == 0, answer
    w.token = answer.token_id


def all_tokens(w: World) -> Any:
    del w
    return describe_delegation_token.DescribeDelegationTokenRequest(owners=None)


def group_and_member(kind: Any, w: World, **more: Any) -> Any:
    return kind(group_id=w.group, member_id="nobody", **more)


OTHER_READ, OTHER_WRITE, OTHER_DESCRIBE = (
    topic(READ, "other"),
    topic(WRITE, "other"),
    topic(DESCRIBE, "other"),
)

CASES: list[Case] = [
    Case("Produce v12", 12, producing, [topic(WRITE)]),
    Case("Produce v13", 13, lambda w: producing(w, by_id=True), [topic(WRITE)], [OTHER_WRITE], leaks=False),
    Case(
        "Produce transactional",
        11,
        lambda w: producing(w, transactional=True),
        [txn(WRITE), topic(WRITE)],
        [OTHER_WRITE],
        transaction,
        leaks=False,
    ),
    Case("Fetch v12", 12, fetching, [topic(READ)], [OTHER_READ]),
    Case("Fetch v13", 13, lambda w: fetching(w, by_id=True), [topic(READ)], [OTHER_READ], leaks=False),
    Case(
        "ListOffsets",
        8,
        lambda w: list_offsets.ListOffsetsRequest(
            replica_id=-1,
            topics=[
                list_offsets.ListOffsetsTopic(n, [list_offsets.ListOffsetsPartition(0, -1, -1)])
                for n in both(w)
            ],
        ),
        [topic(DESCRIBE)],
        [OTHER_DESCRIBE],
    ),
    Case("Metadata v0", 0, lambda w: asking_for(named(w.here)), [topic(DESCRIBE)]),
    Case(
        "Metadata v10",
        10,
        lambda w: asking_for(
            named(w.here),
            named(w.other),
            include_topic_authorized_operations=True,
            include_cluster_authorized_operations=True,
        ),
        [topic(DESCRIBE)],
        [topic(READ, "other"), cluster(DESCRIBE), cluster(CREATE)],
    ),
    Case(
        "Metadata operations of the cluster",
        10,
        lambda w: asking_for(named(w.here), include_cluster_authorized_operations=True),
        [topic(DESCRIBE)],
        [cluster(CREATE)],
    ),
    Case(
        "Metadata v12 by id",
        12,
        lambda w: asking_for(metadata.MetadataRequestTopic(topic_id=w.ids[w.here], name=None)),
        [topic(DESCRIBE)],
        leaks=False,
    ),
    Case(
        "Metadata all",
        12,
        lambda w: metadata.MetadataRequest(topics=None),
        [topic(DESCRIBE)],
        [OTHER_DESCRIBE],
        leaks=False,
    ),
    Case(
        "Metadata creates",
        12,
        lambda w: asking_for(named(f"{w.here}.new"), allow_auto_topic_creation=True),
        [(CREATE, CLUSTER, "cluster")],
        [(DESCRIBE, TOPIC, "new")],
        leaks=False,
    ),
    Case("OffsetCommit v9", 9, committing, [group(READ), topic(READ)], [OTHER_READ], commit),
    Case(
        "OffsetCommit v10",
        10,
        lambda w: committing(w, by_id=True),
        [group(READ), topic(READ)],
        [OTHER_READ],
        commit,
        leaks=False,
    ),
    Case(
        "OffsetFetch v7",
        7,
        lambda w: positions(w, 7),
        [group(DESCRIBE), topic(DESCRIBE)],
        [OTHER_DESCRIBE],
        commit,
    ),
    Case(
        "OffsetFetch v9",
        9,
        lambda w: positions(w, 9),
        [group(DESCRIBE), topic(DESCRIBE)],
        [OTHER_DESCRIBE],
        commit,
    ),
    Case(
        "OffsetFetch v10",
        10,
        lambda w: positions(w, 10),
        [group(DESCRIBE), topic(DESCRIBE)],
        [OTHER_DESCRIBE],
        commit,
        leaks=False,
    ),
    Case(
        "OffsetFetch all v7",
        7,
        lambda w: positions(w, 7, everything=True),
        [group(DESCRIBE), topic(DESCRIBE)],
        [OTHER_DESCRIBE],
        commit,
        leaks=False,
    ),
    Case(
        "OffsetFetch all v9",
        9,
        lambda w: positions(w, 9, everything=True),
        [group(DESCRIBE), topic(DESCRIBE)],
        [OTHER_DESCRIBE],
        commit,
        leaks=False,
    ),
    Case(
        "FindCoordinator group v3",
        3,
        lambda w: find_coordinator.FindCoordinatorRequest(key=w.group, key_type=0),
        [group(DESCRIBE)],
        [],
        commit,
    ),
    Case(
        "FindCoordinator transaction v4",
        4,
        lambda w: find_coordinator.FindCoordinatorRequest(key_type=1, coordinator_keys=[w.transactional_id]),
        [txn(DESCRIBE)],
        [],
        producer,
    ),
    Case(
        "FindCoordinator share v6",
        6,
        lambda w: find_coordinator.FindCoordinatorRequest(
            key_type=2, coordinator_keys=["g:AAAAAAAAAAAAAAAAAAAAAQ:0"]
        ),
        [cluster(CLUSTER_ACTION)],
    ),
    Case(
        "JoinGroup",
        9,
        lambda w: join_group.JoinGroupRequest(
            group_id=w.group,
            session_timeout_ms=10_000,
            rebalance_timeout_ms=10_000,
            member_id="",
            protocol_type="consumer",
            protocols=[join_group.JoinGroupRequestProtocol("range", b"")],
        ),
        [group(READ)],
        [],
        commit,
    ),
    Case(
        "Heartbeat",
        4,
        lambda w: group_and_member(heartbeat.HeartbeatRequest, w, generation_id=1),
        [group(READ)],
        [],
        commit,
    ),
    Case(
        "LeaveGroup",
        5,
        lambda w: leave_group.LeaveGroupRequest(
            group_id=w.group, members=[leave_group.MemberIdentity("nobody")]
        ),
        [group(READ)],
        [],
        commit,
    ),
    Case(
        "SyncGroup",
        5,
        lambda w: group_and_member(
            sync_group.SyncGroupRequest,
            w,
            generation_id=1,
            protocol_type="consumer",
            protocol_name="range",
            assignments=[],
        ),
        [group(READ)],
        [],
        commit,
    ),
    Case(
        "DescribeGroups",
        6,
        lambda w: describe_groups.DescribeGroupsRequest(groups=[w.group], include_authorized_operations=True),
        [group(DESCRIBE)],
        [],
        commit,
    ),
    Case(
        "DescribeGroups operations",
        5,
        lambda w: describe_groups.DescribeGroupsRequest(groups=[w.group], include_authorized_operations=True),
        [group(READ)],
        [group(DESCRIBE)],
        commit,
        leaks=False,
    ),
    Case(
        "ListGroups", 5, lambda w: list_groups.ListGroupsRequest(), [group(DESCRIBE)], [], commit, leaks=False
    ),
    Case(
        "ListGroups of the cluster",
        5,
        lambda w: list_groups.ListGroupsRequest(),
        [cluster(DESCRIBE)],
        leaks=False,
    ),
    Case("ApiVersions", 3, lambda w: api_versions.ApiVersionsRequest("walker", "1"), []),
    Case(
        "CreateTopics on the cluster",
        7,
        lambda w: creating(w.here, f"{w.here}.2"),
        [cluster(CREATE)],
        [topic(DESCRIBE_CONFIGS), (DESCRIBE_CONFIGS, TOPIC, "second")],
    ),
    Case("CreateTopics", 7, lambda w: creating(w.here), [topic(CREATE)], [topic(DESCRIBE_CONFIGS)]),
    Case(
        "DeleteTopics v5",
        5,
        lambda w: delete_topics.DeleteTopicsRequest(topic_names=both(w), timeout_ms=5_000),
        [topic(DELETE)],
        [(ALTER, TOPIC, "other")],
    ),
    Case(
        "DeleteTopics v6",
        6,
        lambda w: delete_topics.DeleteTopicsRequest(
            topics=[delete_topics.DeleteTopicState(name=w.here)], timeout_ms=5_000
        ),
        [topic(DELETE)],
    ),
    Case(
        "DeleteTopics by id",
        6,
        lambda w: delete_topics.DeleteTopicsRequest(
            topics=[delete_topics.DeleteTopicState(name=None, topic_id=w.ids[w.here])], timeout_ms=5_000
        ),
        [topic(DELETE)],
        leaks=False,
    ),
    Case(
        "DeleteTopics by id, described",
        6,
        lambda w: delete_topics.DeleteTopicsRequest(
            topics=[delete_topics.DeleteTopicState(name=None, topic_id=w.ids[w.here])], timeout_ms=5_000
        ),
        [topic(DELETE)],
        [topic(DESCRIBE)],
        leaks=False,
    ),
    Case(
        "DeleteRecords",
        2,
        lambda w: delete_records.DeleteRecordsRequest(
            topics=[
                delete_records.DeleteRecordsTopic(n, [delete_records.DeleteRecordsPartition(0, 0)])
                for n in both(w)
            ],
            timeout_ms=5_000,
        ),
        [topic(DELETE)],
        [(DELETE, TOPIC, "other")],
    ),
    Case(
        "InitProducerId",
        4,
        lambda w: init_producer_id.InitProducerIdRequest(None, 60_000, -1, -1),
        [cluster(IDEMPOTENT_WRITE)],
        [topic(READ)],
    ),
    Case(
        "InitProducerId of who may write",
        4,
        lambda w: init_producer_id.InitProducerIdRequest(None, 60_000, -1, -1),
        [topic(WRITE)],
    ),
    Case(
        "InitProducerId transactional",
        4,
        lambda w: init_producer_id.InitProducerIdRequest(w.transactional_id, 60_000, -1, -1),
        [txn(WRITE)],
        [cluster(IDEMPOTENT_WRITE)],
        producer,
    ),
    Case(
        "OffsetForLeaderEpoch",
        4,
        lambda w: offset_for_leader_epoch.OffsetForLeaderEpochRequest(
            replica_id=-1,
            topics=[
                offset_for_leader_epoch.OffsetForLeaderTopic(
                    n, [offset_for_leader_epoch.OffsetForLeaderPartition(0, -1, 0)]
                )
                for n in both(w)
            ],
        ),
        [topic(DESCRIBE)],
        [OTHER_DESCRIBE],
    ),
    Case("AddPartitionsToTxn v3", 3, joining, [txn(WRITE), topic(WRITE)], [OTHER_WRITE], producer),
    Case(
        "AddPartitionsToTxn v4",
        4,
        lambda w: add_partitions_to_txn.AddPartitionsToTxnRequest(
            transactions=[
                add_partitions_to_txn.AddPartitionsToTxnTransaction(
                    w.transactional_id,
                    *w.notes["producer"],
                    True,
                    [add_partitions_to_txn.AddPartitionsToTxnTopic(w.here, [0])],
                )
            ]
        ),
        [cluster(CLUSTER_ACTION)],
        [txn(WRITE), topic(WRITE)],
        producer,
    ),
    Case(
        "AddOffsetsToTxn",
        3,
        lambda w: add_offsets_to_txn.AddOffsetsToTxnRequest(
            w.transactional_id, *w.notes["producer"], w.group
        ),
        [txn(WRITE), group(READ)],
        [],
        transaction_of_a_group,
    ),
    Case(
        "EndTxn",
        3,
        lambda w: end_txn.EndTxnRequest(w.transactional_id, *w.notes["producer"], False),
        [txn(WRITE)],
        [],
        transaction,
    ),
    Case("WriteTxnMarkers", 1, markers, [cluster(CLUSTER_ACTION)]),
    Case("WriteTxnMarkers of who may alter", 1, markers, [cluster(ALTER)]),
    Case(
        "TxnOffsetCommit v4",
        4,
        committing_in_transaction,
        [txn(WRITE), group(READ), topic(READ)],
        [OTHER_READ],
        transaction_of_a_group,
    ),
    Case(
        "TxnOffsetCommit v6",
        6,
        lambda w: committing_in_transaction(w, by_id=True),
        [txn(WRITE), group(READ), topic(READ)],
        [OTHER_READ],
        transaction_of_a_group,
        leaks=False,
    ),
    Case("DescribeAcls", 3, lambda w: everything_about_acls(), [cluster(DESCRIBE)], [topic(READ)]),
    Case(
        "CreateAcls",
        3,
        lambda w: create_acls.CreateAclsRequest(
            creations=[create_acls.AclCreation(TOPIC, n, 3, "User:x", "*", READ, 3) for n in both(w)]
        ),
        [cluster(ALTER)],
    ),
    Case(
        "DeleteAcls",
        3,
        lambda w: delete_acls.DeleteAclsRequest(
            filters=[delete_acls.DeleteAclsFilter(TOPIC, n, 1, "User:nobody", None, 1, 1) for n in both(w)]
        ),
        [cluster(ALTER)],
        [topic(READ)],
    ),
    Case("DescribeConfigs topic", 4, lambda w: configs_of(2, w.here), [topic(DESCRIBE_CONFIGS)]),
    Case(
        "DescribeConfigs broker",
        4,
        lambda w: configs_of(4, "1"),
        [cluster(DESCRIBE_CONFIGS)],
        [topic(DESCRIBE_CONFIGS)],
    ),
    Case("DescribeConfigs metrics", 4, lambda w: configs_of(16, "m"), [cluster(DESCRIBE_CONFIGS)]),
    Case("DescribeConfigs group", 4, lambda w: configs_of(32, w.group), [group(DESCRIBE_CONFIGS)]),
    Case(
        "AlterConfigs topic",
        2,
        lambda w: replacing(2, w.here, "retention.ms", "1000"),
        [topic(ALTER_CONFIGS)],
    ),
    Case(
        "AlterConfigs broker",
        2,
        lambda w: replacing(4, "1", "log.retention.ms", "1000"),
        [cluster(ALTER_CONFIGS)],
    ),
    Case(
        "AlterConfigs group",
        2,
        lambda w: replacing(32, w.group, "consumer.session.timeout.ms", "50000"),
        [group(ALTER_CONFIGS)],
    ),
    Case(
        "IncrementalAlterConfigs topic",
        1,
        lambda w: setting(2, w.here, "retention.ms", "1000"),
        [topic(ALTER_CONFIGS)],
    ),
    Case(
        "IncrementalAlterConfigs broker",
        1,
        lambda w: setting(4, "1", "log.retention.ms", "1000"),
        [cluster(ALTER_CONFIGS)],
    ),
    Case(
        "IncrementalAlterConfigs group",
        1,
        lambda w: setting(32, w.group, "consumer.session.timeout.ms", "50000"),
        [group(ALTER_CONFIGS)],
    ),
    Case(
        "IncrementalAlterConfigs metrics",
        1,
        lambda w: setting(16, "m", "interval.ms", "1000"),
        [cluster(ALTER_CONFIGS)],
    ),
    Case(
        "AlterReplicaLogDirs",
        2,
        lambda w: alter_replica_log_dirs.AlterReplicaLogDirsRequest(
            dirs=[
                alter_replica_log_dirs.AlterReplicaLogDir(
                    "/elsewhere", [alter_replica_log_dirs.AlterReplicaLogDirTopic(n, [0]) for n in both(w)]
                )
            ]
        ),
        [cluster(ALTER)],
    ),
    *(
        Case(
            f"DescribeLogDirs v{version}",
            version,
            lambda w: describe_log_dirs.DescribeLogDirsRequest(topics=None),
            [cluster(DESCRIBE)],
            leaks=False,
        )
        for version in (2, 4)
    ),
    Case(
        "CreatePartitions",
        3,
        lambda w: create_partitions.CreatePartitionsRequest(
            topics=[create_partitions.CreatePartitionsTopic(n, 2, None) for n in both(w)],
            timeout_ms=5_000,
            validate_only=True,
        ),
        [topic(ALTER)],
        [(ALTER, TOPIC, "other")],
    ),
    Case(
        "DescribeDelegationToken by its id",
        3,
        all_tokens,
        [(DESCRIBE, DELEGATION_TOKEN, "token")],
        [],
        token_of_owner,
        leaks=False,
    ),
    Case(
        "DescribeDelegationToken of a user",
        3,
        all_tokens,
        [(DESCRIBE_TOKENS, USER, "user")],
        [],
        token_of_owner,
        leaks=False,
    ),
    Case("CreateDelegationToken for another", 3, for_owner, [(CREATE_TOKENS, USER, "user")], leaks=False),
    Case(
        "DeleteGroups",
        3,
        lambda w: delete_groups.DeleteGroupsRequest(groups_names=[w.group]),
        [group(DELETE)],
        [],
        commit,
    ),
    Case(
        "ElectLeaders",
        2,
        lambda w: elect_leaders.ElectLeadersRequest(0, [elect_leaders.TopicPartitions(w.here, [0])], 5_000),
        [cluster(ALTER)],
    ),
    Case(
        "AlterPartitionReassignments",
        0,
        lambda w: alter_partition_reassignments.AlterPartitionReassignmentsRequest(
            timeout_ms=5_000,
            topics=[
                alter_partition_reassignments.ReassignableTopic(
                    w.here, [alter_partition_reassignments.ReassignablePartition(0, None)]
                )
            ],
        ),
        [cluster(ALTER)],
    ),
    Case(
        "ListPartitionReassignments",
        0,
        lambda w: list_partition_reassignments.ListPartitionReassignmentsRequest(
            timeout_ms=5_000, topics=None
        ),
        [cluster(DESCRIBE)],
    ),
    Case(
        "OffsetDelete",
        0,
        lambda w: offset_delete.OffsetDeleteRequest(
            w.group,
            [
                offset_delete.OffsetDeleteRequestTopic(n, [offset_delete.OffsetDeleteRequestPartition(0)])
                for n in both(w)
            ],
        ),
        [group(DELETE), topic(READ)],
        [OTHER_READ],
        commit,
    ),
    Case(
        "DescribeClientQuotas",
        1,
        lambda w: describe_client_quotas.DescribeClientQuotasRequest(components=[], strict=False),
        [cluster(DESCRIBE_CONFIGS)],
    ),
    Case(
        "AlterClientQuotas",
        1,
        lambda w: alter_client_quotas.AlterClientQuotasRequest(
            entries=[
                alter_client_quotas.EntryData(
                    [alter_client_quotas.EntityData("user", "x")],
                    [alter_client_quotas.OpData("producer_byte_rate", 1000.0, False)],
                )
            ],
            validate_only=True,
        ),
        [cluster(ALTER_CONFIGS)],
    ),
    Case(
        "DescribeUserScramCredentials",
        0,
        lambda w: describe_user_scram_credentials.DescribeUserScramCredentialsRequest(
            users=[describe_user_scram_credentials.UserName("nobody")]
        ),
        [cluster(DESCRIBE)],
    ),
    Case(
        "AlterUserScramCredentials",
        0,
        lambda w: alter_user_scram_credentials.AlterUserScramCredentialsRequest(
            deletions=[alter_user_scram_credentials.ScramCredentialDeletion("nobody", 1)], upsertions=[]
        ),
        [cluster(ALTER)],
    ),
    Case(
        "DescribeQuorum",
        2,
        lambda w: describe_quorum.DescribeQuorumRequest(
            [describe_quorum.TopicData("__cluster_metadata", [describe_quorum.PartitionData(0)])]
        ),
        [cluster(DESCRIBE)],
    ),
    *(
        Case(
            f"UpdateFeatures v{version}",
            version,
            lambda w: update_features.UpdateFeaturesRequest(
                feature_updates=[update_features.FeatureUpdateKey("group.version", 1)], validate_only=True
            ),
            [cluster(ALTER)],
        )
        for version in (1, 2)
    ),
    Case(
        "DescribeCluster",
        1,
        lambda w: describe_cluster.DescribeClusterRequest(include_cluster_authorized_operations=True),
        [cluster(DESCRIBE)],
        [cluster(CREATE)],
    ),
    Case(
        "DescribeCluster fenced",
        2,
        lambda w: describe_cluster.DescribeClusterRequest(include_fenced_brokers=True),
        [cluster(DESCRIBE)],
    ),
    Case(
        "DescribeProducers",
        0,
        lambda w: describe_producers.DescribeProducersRequest(
            [describe_producers.TopicRequest(n, [0]) for n in both(w)]
        ),
        [topic(READ)],
        [OTHER_READ],
    ),
    Case("UnregisterBroker", 0, lambda w: unregister_broker.UnregisterBrokerRequest(77), [cluster(ALTER)]),
    Case(
        "UnregisterController",
        0,
        lambda w: unregister_controller.UnregisterControllerRequest(77),
        [cluster(ALTER)],
    ),
    Case(
        "DescribeTransactions",
        0,
        lambda w: describe_transactions.DescribeTransactionsRequest([w.transactional_id]),
        [txn(DESCRIBE), topic(DESCRIBE)],
        [OTHER_DESCRIBE],
        transaction,
        leaks=False,
    ),
    Case(
        "ListTransactions",
        1,
        lambda w: list_transactions.ListTransactionsRequest(),
        [txn(DESCRIBE)],
        [],
        transaction,
        leaks=False,
    ),
    Case(
        "ConsumerGroupHeartbeat",
        1,
        lambda w: consumer_beat(w, "bbbbbbbbbbbbbbbbbbbbbb"),
        [group(READ), topic(DESCRIBE)],
        [],
        consumer_member,
    ),
    Case(
        "ConsumerGroupDescribe",
        1,
        lambda w: consumer_group_describe.ConsumerGroupDescribeRequest([w.group], True),
        [group(DESCRIBE), topic(DESCRIBE)],
        [],
        consumer_member,
        leaks=False,
    ),
    Case(
        "ListConfigResources",
        1,
        lambda w: list_config_resources.ListConfigResourcesRequest([16]),
        [cluster(DESCRIBE_CONFIGS)],
    ),
    Case(
        "DescribeTopicPartitions",
        0,
        lambda w: describe_topic_partitions.DescribeTopicPartitionsRequest(
            [describe_topic_partitions.TopicRequest(n) for n in both(w)]
        ),
        [topic(DESCRIBE)],
        [OTHER_DESCRIBE],
    ),
    Case(
        "DescribeTopicPartitions all",
        0,
        lambda w: describe_topic_partitions.DescribeTopicPartitionsRequest([]),
        [topic(DESCRIBE)],
        [OTHER_DESCRIBE],
        leaks=False,
    ),
    Case(
        "ShareGroupHeartbeat",
        1,
        lambda w: share_beat(w, "bbbbbbbbbbbbbbbbbbbbbb"),
        [group(READ), topic(DESCRIBE)],
        [],
        share_member,
    ),
    Case(
        "ShareGroupDescribe",
        1,
        lambda w: share_group_describe.ShareGroupDescribeRequest([w.group], True),
        [group(DESCRIBE), topic(DESCRIBE)],
        [],
        share_member,
        leaks=False,
    ),
    Case("ShareFetch", 1, share_fetching, [group(READ), topic(READ)], [], share_session, leaks=False),
    Case("ShareAcknowledge", 1, acknowledging, [group(READ), topic(READ)], [], share_session, leaks=False),
    Case(
        "AddRaftVoter",
        1,
        lambda w: add_raft_voter.AddRaftVoterRequest(
            None, 5_000, 77, bytes(range(16)), [add_raft_voter.Listener("CONTROLLER", "a", 1)]
        ),
        [cluster(ALTER)],
    ),
    Case(
        "RemoveRaftVoter",
        0,
        lambda w: remove_raft_voter.RemoveRaftVoterRequest(None, 77, bytes(range(16))),
        [cluster(ALTER)],
    ),
    Case(
        "StreamsGroupHeartbeat",
        0,
        lambda w: streams_beat(w, "bbbbbbbbbbbbbbbbbbbbbb"),
        [group(READ), topic(DESCRIBE)],
        [],
        streams_member,
    ),
    Case(
        "StreamsGroupDescribe",
        0,
        lambda w: streams_group_describe.StreamsGroupDescribeRequest([w.group], True),
        [group(DESCRIBE), topic(DESCRIBE)],
        [],
        streams_member,
        leaks=False,
    ),
    Case(
        "StreamsGroupTopologyDescriptionUpdate",
        0,
        lambda w: streams_group_topology_description_update.StreamsGroupTopologyDescriptionUpdateRequest(
            w.group, MEMBER, 0, streams_group_topology_description_update.TopologyDescription()
        ),
        [group(READ)],
        [],
        streams_member,
    ),
    Case(
        "DescribeShareGroupOffsets",
        0,
        share_offsets,
        [group(DESCRIBE), topic(DESCRIBE)],
        [OTHER_DESCRIBE],
        share_group,
    ),
    Case(
        "DescribeShareGroupOffsets all",
        0,
        lambda w: share_offsets(w, everything=True),
        [group(DESCRIBE), topic(DESCRIBE)],
        [OTHER_DESCRIBE],
        share_group,
        leaks=False,
    ),
    Case(
        "AlterShareGroupOffsets",
        0,
        lambda w: alter_share_group_offsets.AlterShareGroupOffsetsRequest(
            w.group,
            [
                alter_share_group_offsets.AlterShareGroupOffsetsRequestTopic(
                    n, [alter_share_group_offsets.AlterShareGroupOffsetsRequestPartition(0, 0)]
                )
                for n in both(w)
            ],
        ),
        [group(READ), topic(READ)],
        [OTHER_READ],
        share_group,
    ),
    Case(
        "DeleteShareGroupOffsets",
        0,
        lambda w: delete_share_group_offsets.DeleteShareGroupOffsetsRequest(
            w.group,
            [delete_share_group_offsets.DeleteShareGroupOffsetsRequestTopic(n) for n in both(w)],
        ),
        [group(DELETE), topic(READ)],
        [OTHER_READ],
        share_group,
    ),
]
