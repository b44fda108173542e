"""What every API asks of the authoriser, key by key, as Kafka's protocol says it. This is the one place that says so.

Read a row from left to right: each step takes out of the request what it refuses. `Whole` answers for all of the request,
`Each` for the elements of one of its arrays, `Shown` hides elements of the answer; `Special` names a function that says more,
and `Within` is asked by the handler. An API without steps is open to whoever is connected.
"""

from __future__ import annotations

from neuraxis.broker.authorisation import cluster, groups, producing, topics
from neuraxis.broker.authorisation.authoriser import (
    CLUSTER,
    DELEGATION_TOKEN,
    GROUP,
    TOPIC,
    TRANSACTIONAL_ID,
    USER,
)
from neuraxis.broker.authorisation.steps import Asked, Each, Shown, Special, Step, Whole, Within
from neuraxis.broker.operations import (
    ALTER,
    ALTER_CONFIGS,
    CLUSTER_ACTION,
    CREATE,
    CREATE_TOKENS,
    DELETE,
    DESCRIBE,
    DESCRIBE_CONFIGS,
    DESCRIBE_TOKENS,
    IDEMPOTENT_WRITE,
    READ,
    WRITE,
)

TABLE: dict[int, tuple[Step, ...]] = {
    # Records
    0: (  # Produce
        Special(producing.transactional_batches, ((WRITE, TRANSACTIONAL_ID),)),
        Each(WRITE, TOPIC, "topic_data", ids_from=13),
    ),
    1: (Within(READ, TOPIC),),  # Fetch
    2: (Each(DESCRIBE, TOPIC, "topics"),),  # ListOffsets
    21: (Each(DELETE, TOPIC, "topics"),),  # DeleteRecords
    23: (Each(DESCRIBE, TOPIC, "topics", "topic", unless=CLUSTER_ACTION),),  # OffsetForLeaderEpoch
    61: (Each(READ, TOPIC, "topics"),),  # DescribeProducers
    # Topics
    3: (Special(topics.metadata, ((DESCRIBE, TOPIC), (CREATE, TOPIC))),),  # Metadata
    19: (Special(topics.create_topics, ((CREATE, TOPIC), (DESCRIBE_CONFIGS, TOPIC))),),  # CreateTopics
    20: (Special(topics.delete_topics, ((DELETE, TOPIC),)),),  # DeleteTopics
    37: (Each(ALTER, TOPIC, "topics"),),  # CreatePartitions
    75: (Special(topics.topic_partitions, ((DESCRIBE, TOPIC),)),),  # DescribeTopicPartitions
    # Groups
    8: (Whole(READ, GROUP, "group_id"), Each(READ, TOPIC, "topics", ids_from=10)),  # OffsetCommit
    9: (Special(groups.offset_fetch, ((DESCRIBE, GROUP), (DESCRIBE, TOPIC))),),  # OffsetFetch
    10: (Special(groups.coordinator, ((DESCRIBE, GROUP), (DESCRIBE, TRANSACTIONAL_ID))),),  # FindCoordinator
    11: (Whole(READ, GROUP, "group_id"),),  # JoinGroup
    12: (Whole(READ, GROUP, "group_id"),),  # Heartbeat
    13: (Whole(READ, GROUP, "group_id"),),  # LeaveGroup
    14: (Whole(READ, GROUP, "group_id"),),  # SyncGroup
    15: (  # DescribeGroups
        Each(DESCRIBE, GROUP, "groups", ""),
        Special(groups.group_operations, ()),
    ),
    16: (Shown(DESCRIBE, GROUP, "groups", "group_id", unless=DESCRIBE),),  # ListGroups
    42: (Each(DELETE, GROUP, "groups_names", ""),),  # DeleteGroups
    47: (Whole(DELETE, GROUP, "group_id"), Each(READ, TOPIC, "topics")),  # OffsetDelete
    68: (  # ConsumerGroupHeartbeat
        Whole(READ, GROUP, "group_id"),
        Special(groups.subscribed_topics, ((DESCRIBE, TOPIC),)),
    ),
    69: (  # ConsumerGroupDescribe
        Each(DESCRIBE, GROUP, "group_ids", ""),
        Special(groups.described_topics, ((DESCRIBE, TOPIC),)),
    ),
    # Share groups
    76: (  # ShareGroupHeartbeat
        Whole(READ, GROUP, "group_id"),
        Special(groups.subscribed_topics, ((DESCRIBE, TOPIC),)),
    ),
    77: (  # ShareGroupDescribe
        Each(DESCRIBE, GROUP, "group_ids", ""),
        Special(groups.described_topics, ((DESCRIBE, TOPIC),)),
    ),
    78: (Whole(READ, GROUP, "group_id"), Within(READ, TOPIC)),  # ShareFetch
    79: (Whole(READ, GROUP, "group_id"), Within(READ, TOPIC)),  # ShareAcknowledge
    90: (Special(groups.share_offsets, ((DESCRIBE, GROUP), (DESCRIBE, TOPIC))),),  # DescribeShareGroupOffsets
    91: (Whole(READ, GROUP, "group_id"), Each(READ, TOPIC, "topics", "topic_name")),  # AlterShareGroupOffsets
    92: (
        Whole(DELETE, GROUP, "group_id"),
        Each(READ, TOPIC, "topics", "topic_name"),
    ),  # DeleteShareGroupOffsets
    # Streams groups
    88: (  # StreamsGroupHeartbeat
        Whole(READ, GROUP, "group_id"),
        Special(groups.topology_topics, ((DESCRIBE, TOPIC),)),
        Within(CREATE, TOPIC),
    ),
    89: (  # StreamsGroupDescribe
        Each(DESCRIBE, GROUP, "group_ids", ""),
        Special(groups.described_topology, ((DESCRIBE, TOPIC),)),
    ),
    93: (Whole(READ, GROUP, "group_id"),),  # StreamsGroupTopologyDescriptionUpdate
    # Transactions
    22: (  # InitProducerId
        Special(producing.producer_id, ((IDEMPOTENT_WRITE, CLUSTER), (WRITE, TRANSACTIONAL_ID))),
    ),
    24: (  # AddPartitionsToTxn
        Special(
            producing.add_partitions, ((WRITE, TRANSACTIONAL_ID), (WRITE, TOPIC), (CLUSTER_ACTION, CLUSTER))
        ),
    ),
    25: (  # AddOffsetsToTxn
        Whole(WRITE, TRANSACTIONAL_ID, "transactional_id"),
        Whole(READ, GROUP, "group_id"),
    ),
    26: (Whole(WRITE, TRANSACTIONAL_ID, "transactional_id"),),  # EndTxn
    27: (Whole(CLUSTER_ACTION, CLUSTER, instead=ALTER),),  # WriteTxnMarkers
    28: (  # TxnOffsetCommit
        Whole(WRITE, TRANSACTIONAL_ID, "transactional_id"),
        Whole(READ, GROUP, "group_id"),
        Each(READ, TOPIC, "topics", ids_from=6),
    ),
    65: (  # DescribeTransactions
        Each(DESCRIBE, TRANSACTIONAL_ID, "transactional_ids", ""),
        Special(producing.transaction_topics, ((DESCRIBE, TOPIC),)),
    ),
    66: (  # ListTransactions
        Shown(DESCRIBE, TRANSACTIONAL_ID, "transaction_states", "transactional_id"),
    ),
    # Configs
    32: (  # DescribeConfigs
        Special(
            cluster.describe_configs,
            ((DESCRIBE_CONFIGS, TOPIC), (DESCRIBE_CONFIGS, GROUP), (DESCRIBE_CONFIGS, CLUSTER)),
        ),
    ),
    33: (  # AlterConfigs
        Special(
            cluster.alter_configs, ((ALTER_CONFIGS, TOPIC), (ALTER_CONFIGS, GROUP), (ALTER_CONFIGS, CLUSTER))
        ),
    ),
    44: (  # IncrementalAlterConfigs
        Special(
            cluster.alter_configs, ((ALTER_CONFIGS, TOPIC), (ALTER_CONFIGS, GROUP), (ALTER_CONFIGS, CLUSTER))
        ),
    ),
    74: (Whole(DESCRIBE_CONFIGS, CLUSTER),),  # ListConfigResources
    # The cluster
    34: (Whole(ALTER, CLUSTER, refuse=cluster.refuse_moves),),  # AlterReplicaLogDirs
    35: (Whole(DESCRIBE, CLUSTER),),  # DescribeLogDirs
    43: (Whole(ALTER, CLUSTER, refuse=Asked.refused),),  # ElectLeaders
    45: (Whole(ALTER, CLUSTER, refuse=Asked.refused),),  # AlterPartitionReassignments
    46: (Whole(DESCRIBE, CLUSTER),),  # ListPartitionReassignments
    48: (Whole(DESCRIBE_CONFIGS, CLUSTER, refuse=cluster.refuse_entities),),  # DescribeClientQuotas
    49: (Whole(ALTER_CONFIGS, CLUSTER, refuse=cluster.refuse_quotas),),  # AlterClientQuotas
    55: (Whole(DESCRIBE, CLUSTER),),  # DescribeQuorum
    57: (Whole(ALTER, CLUSTER),),  # UpdateFeatures
    60: (Special(cluster.describe_cluster, ()),),  # DescribeCluster
    64: (Whole(ALTER, CLUSTER),),  # UnregisterBroker
    80: (Whole(ALTER, CLUSTER),),  # AddRaftVoter
    81: (Whole(ALTER, CLUSTER),),  # RemoveRaftVoter
    94: (Whole(ALTER, CLUSTER),),  # UnregisterController
    # Security
    29: (Whole(DESCRIBE, CLUSTER),),  # DescribeAcls
    30: (Whole(ALTER, CLUSTER, refuse=cluster.nameless("creations", "results")),),  # CreateAcls
    31: (Whole(ALTER, CLUSTER, refuse=cluster.nameless("filters", "filter_results")),),  # DeleteAcls
    38: (Special(cluster.create_token, ((CREATE_TOKENS, USER),)),),  # CreateDelegationToken
    39: (),  # RenewDelegationToken: its owner and its renewers
    40: (),  # ExpireDelegationToken: its owner and its renewers
    41: (  # DescribeDelegationToken
        Special(cluster.show_tokens, ((DESCRIBE, DELEGATION_TOKEN), (DESCRIBE_TOKENS, USER))),
    ),
    50: (Whole(DESCRIBE, CLUSTER),),  # DescribeUserScramCredentials
    51: (Whole(ALTER, CLUSTER, refuse=cluster.refuse_credentials),),  # AlterUserScramCredentials
    # Whoever is connected
    17: (),  # SaslHandshake
    18: (),  # ApiVersions
    36: (),  # SaslAuthenticate
    71: (),  # GetTelemetrySubscriptions
    72: (),  # PushTelemetry
    # Ours
    20000: (Whole(DESCRIBE, CLUSTER),),  # DescribeClients
    20001: (Whole(ALTER, CLUSTER),),  # BeginBackup
    20002: (Whole(ALTER, CLUSTER),),  # HoldBackup
}
"""API key -> steps, in the order in which they are asked."""
