"""Which messages there are: key to name, versions and class, without importing any message before it is asked for.

The rule of the file: the table repeats what the message modules declare (a test holds them equal), so that a broker
knows every key at start-up and loads only what its clients use.
"""

from __future__ import annotations

from importlib import import_module

from neuraxis.wire.schema import MAX_VERSION, Message

NEVER = MAX_VERSION + 1
"""The first flexible version of a key that has none."""

APIS: dict[int, tuple[str, int, int, int]] = {
    0: ("Produce", 3, 13, 9),
    1: ("Fetch", 4, 18, 12),
    2: ("ListOffsets", 1, 11, 6),
    3: ("Metadata", 0, 13, 9),
    8: ("OffsetCommit", 2, 10, 8),
    9: ("OffsetFetch", 1, 10, 6),
    10: ("FindCoordinator", 0, 6, 3),
    11: ("JoinGroup", 0, 9, 6),
    12: ("Heartbeat", 0, 4, 4),
    13: ("LeaveGroup", 0, 5, 4),
    14: ("SyncGroup", 0, 5, 4),
    15: ("DescribeGroups", 0, 6, 5),
    16: ("ListGroups", 0, 5, 3),
    17: ("SaslHandshake", 0, 1, NEVER),
    18: ("ApiVersions", 0, 5, 3),
    19: ("CreateTopics", 2, 7, 5),
    20: ("DeleteTopics", 1, 6, 4),
    21: ("DeleteRecords", 0, 2, 2),
    22: ("InitProducerId", 0, 5, 2),
    23: ("OffsetForLeaderEpoch", 2, 4, 4),
    24: ("AddPartitionsToTxn", 0, 5, 3),
    25: ("AddOffsetsToTxn", 0, 4, 3),
    26: ("EndTxn", 0, 5, 3),
    27: ("WriteTxnMarkers", 1, 2, 1),
    28: ("TxnOffsetCommit", 0, 6, 3),
    29: ("DescribeAcls", 1, 3, 2),
    30: ("CreateAcls", 1, 3, 2),
    31: ("DeleteAcls", 1, 3, 2),
    32: ("DescribeConfigs", 1, 4, 4),
    33: ("AlterConfigs", 0, 2, 2),
    34: ("AlterReplicaLogDirs", 1, 2, 2),
    35: ("DescribeLogDirs", 1, 5, 2),
    36: ("SaslAuthenticate", 0, 2, 2),
    37: ("CreatePartitions", 0, 3, 2),
    38: ("CreateDelegationToken", 1, 3, 2),
    39: ("RenewDelegationToken", 1, 2, 2),
    40: ("ExpireDelegationToken", 1, 2, 2),
    41: ("DescribeDelegationToken", 1, 3, 2),
    42: ("DeleteGroups", 0, 3, 2),
    43: ("ElectLeaders", 0, 2, 2),
    44: ("IncrementalAlterConfigs", 0, 1, 1),
    45: ("AlterPartitionReassignments", 0, 1, 0),
    46: ("ListPartitionReassignments", 0, 0, 0),
    47: ("OffsetDelete", 0, 0, NEVER),
    48: ("DescribeClientQuotas", 0, 1, 1),
    49: ("AlterClientQuotas", 0, 1, 1),
    50: ("DescribeUserScramCredentials", 0, 0, 0),
    51: ("AlterUserScramCredentials", 0, 0, 0),
    55: ("DescribeQuorum", 0, 2, 0),
    57: ("UpdateFeatures", 0, 2, 0),
    60: ("DescribeCluster", 0, 2, 0),
    61: ("DescribeProducers", 0, 0, 0),
    64: ("UnregisterBroker", 0, 0, 0),
    65: ("DescribeTransactions", 0, 0, 0),
    66: ("ListTransactions", 0, 2, 0),
    68: ("ConsumerGroupHeartbeat", 0, 1, 0),
    69: ("ConsumerGroupDescribe", 0, 1, 0),
    71: ("GetTelemetrySubscriptions", 0, 0, 0),
    72: ("PushTelemetry", 0, 0, 0),
    74: ("ListConfigResources", 0, 1, 0),
    75: ("DescribeTopicPartitions", 0, 0, 0),
    76: ("ShareGroupHeartbeat", 1, 1, 1),
    77: ("ShareGroupDescribe", 1, 1, 1),
    78: ("ShareFetch", 1, 2, 1),
    79: ("ShareAcknowledge", 1, 2, 1),
    80: ("AddRaftVoter", 0, 1, 0),
    81: ("RemoveRaftVoter", 0, 0, 0),
    83: ("InitializeShareGroupState", 0, 0, 0),
    84: ("ReadShareGroupState", 0, 0, 0),
    85: ("WriteShareGroupState", 0, 1, 0),
    86: ("DeleteShareGroupState", 0, 0, 0),
    87: ("ReadShareGroupStateSummary", 0, 1, 0),
    88: ("StreamsGroupHeartbeat", 0, 1, 0),
    89: ("StreamsGroupDescribe", 0, 1, 0),
    90: ("DescribeShareGroupOffsets", 0, 1, 0),
    91: ("AlterShareGroupOffsets", 0, 0, 0),
    92: ("DeleteShareGroupOffsets", 0, 0, 0),
    93: ("StreamsGroupTopologyDescriptionUpdate", 0, 0, 0),
    94: ("UnregisterController", 0, 0, 0),
}
"""Key to name, first version, last version, first flexible version; Kafka 4.4.0, without unstable versions."""

OWN_APIS: dict[int, tuple[str, int, int, int]] = {
    20_000: ("DescribeClients", 0, 0, 0),
    20_001: ("BeginBackup", 0, 0, 0),
    20_002: ("HoldBackup", 0, 0, 0),
}
"""APIs that are ours alone, in the same form. Their keys lie beyond those that Kafka and its vendors have taken."""

_ALL_APIS = {**APIS, **OWN_APIS}

API_NAMES: dict[int, str] = {key: row[0] for key, row in _ALL_APIS.items()}
"""Key to name."""

_classes: dict[str, type[Message]] = {}


def versions(key: int) -> range:
    """The versions of a key that are declared; KeyError for an unknown key."""
    _, low, high, _ = _ALL_APIS[key]
    return range(low, high + 1)


def flexible_from(key: int) -> int:
    """The first flexible version of a key; NEVER when there is none or the key is unknown."""
    row = _ALL_APIS.get(key)
    return NEVER if row is None else row[3]


def request_class(key: int) -> type[Message]:
    """The class of the request; KeyError for an unknown key."""
    return _load(API_NAMES[key], "Request")


def response_class(key: int) -> type[Message]:
    """The class of the response; KeyError for an unknown key."""
    return _load(API_NAMES[key], "Response")


def _load(name: str, suffix: str) -> type[Message]:
    cls = _classes.get(name + suffix)
    if cls is None:
        module = "".join("_" + letter.lower() if letter.isupper() else letter for letter in name).lstrip("_")
        cls = getattr(import_module(f"{__name__}.{module}"), name + suffix)
        _classes[name + suffix] = cls
    return cls
