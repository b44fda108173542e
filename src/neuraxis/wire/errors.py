"""The error codes of the Kafka protocol as one table, and the exception that carries one to its answer.

Codes, names and which of them a client may retry are those of Kafka 4.4.0 (a test holds them equal).
The messages are ours: each says what is wrong and, where there is one, what to do next.
"""

from enum import IntEnum
from typing import Self

_RETRY = True
_FINAL = False


class ErrorCode(IntEnum):
    """An error code; `retriable`: the same request may succeed later; `message`: its sentence."""

    retriable: bool
    message: str

    def __new__(cls, code: int, retriable: bool = False, message: str = "") -> Self:
        """Make the member for `code`. The defaults are never used: they let `ErrorCode(code)` type-check."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.retriable = retriable
        member.message = message
        return member

    UNKNOWN_SERVER_ERROR = -1, _FINAL, "The broker failed unexpectedly; its log says why."
    NONE = 0, _FINAL, ""
    OFFSET_OUT_OF_RANGE = 1, _FINAL, "The partition does not hold that offset; list offsets and seek again."
    CORRUPT_MESSAGE = 2, _RETRY, "The record batch is damaged: its checksum or its structure is wrong."
    UNKNOWN_TOPIC_OR_PARTITION = 3, _RETRY, "There is no such topic or partition here."
    INVALID_FETCH_SIZE = 4, _FINAL, "The fetch size is not valid."
    LEADER_NOT_AVAILABLE = 5, _RETRY, "The partition has no leader at the moment."
    NOT_LEADER_OR_FOLLOWER = 6, _RETRY, "This broker does not host the partition; refresh the metadata."
    REQUEST_TIMED_OUT = 7, _RETRY, "The request was not finished within its timeout."
    BROKER_NOT_AVAILABLE = 8, _FINAL, "The broker is not available."
    REPLICA_NOT_AVAILABLE = 9, _RETRY, "The replica is not available."
    MESSAGE_TOO_LARGE = 10, _FINAL, "The record batch is larger than max.message.bytes of the topic."
    STALE_CONTROLLER_EPOCH = 11, _FINAL, "Another controller has taken over."
    OFFSET_METADATA_TOO_LARGE = 12, _FINAL, "The metadata string of the offset commit is too long."
    NETWORK_EXCEPTION = 13, _RETRY, "The connection ended before the answer came."
    COORDINATOR_LOAD_IN_PROGRESS = 14, _RETRY, "The coordinator is still reading its log; try again shortly."
    COORDINATOR_NOT_AVAILABLE = 15, _RETRY, "The coordinator is not available."
    NOT_COORDINATOR = 16, _RETRY, "This broker is not the coordinator; look it up again."
    INVALID_TOPIC_EXCEPTION = 17, _FINAL, "The topic name is not valid, or the topic is internal."
    RECORD_LIST_TOO_LARGE = 18, _FINAL, "The records are larger than a segment of the topic may be."
    NOT_ENOUGH_REPLICAS = 19, _RETRY, "Fewer replicas are in sync than min.insync.replicas demands."
    NOT_ENOUGH_REPLICAS_AFTER_APPEND = 20, _RETRY, "Written, but to fewer replicas than demanded."
    INVALID_REQUIRED_ACKS = 21, _FINAL, "acks must be 0, 1 or -1 (all)."
    ILLEGAL_GENERATION = 22, _FINAL, "The generation of the group is not the current one; join again."
    INCONSISTENT_GROUP_PROTOCOL = 23, _FINAL, "The member supports no protocol that the group can use."
    INVALID_GROUP_ID = 24, _FINAL, "The group id is not valid."
    UNKNOWN_MEMBER_ID = 25, _FINAL, "The group has no member with that id; join again."
    INVALID_SESSION_TIMEOUT = 26, _FINAL, "The session timeout is outside the range that the broker allows."
    REBALANCE_IN_PROGRESS = 27, _FINAL, "The group is rebalancing; join again."
    INVALID_COMMIT_OFFSET_SIZE = 28, _FINAL, "The offset commit is too large."
    TOPIC_AUTHORIZATION_FAILED = 29, _FINAL, "The principal may not do this to the topic."
    GROUP_AUTHORIZATION_FAILED = 30, _FINAL, "The principal may not do this to the group."
    CLUSTER_AUTHORIZATION_FAILED = 31, _FINAL, "The principal may not do this to the cluster."
    INVALID_TIMESTAMP = 32, _FINAL, "A record timestamp is outside what the topic accepts."
    UNSUPPORTED_SASL_MECHANISM = 33, _FINAL, "The listener does not offer that SASL mechanism."
    ILLEGAL_SASL_STATE = 34, _FINAL, "The request does not fit the progress of the SASL exchange."
    UNSUPPORTED_VERSION = 35, _FINAL, "The broker does not serve this version of the request."
    TOPIC_ALREADY_EXISTS = 36, _FINAL, "A topic of this name exists already."
    INVALID_PARTITIONS = 37, _FINAL, "The number of partitions is not valid."
    INVALID_REPLICATION_FACTOR = 38, _FINAL, "The replication factor is below 1 or above the brokers."
    INVALID_REPLICA_ASSIGNMENT = 39, _FINAL, "The assignment of replicas is not valid."
    INVALID_CONFIG = 40, _FINAL, "A configuration name or value is not valid."
    NOT_CONTROLLER = 41, _RETRY, "This broker is not the controller."
    INVALID_REQUEST = 42, _FINAL, "The request contradicts itself or the protocol."
    UNSUPPORTED_FOR_MESSAGE_FORMAT = 43, _FINAL, "The stored record format does not support this request."
    POLICY_VIOLATION = 44, _FINAL, "A policy of the cluster forbids this."
    OUT_OF_ORDER_SEQUENCE_NUMBER = 45, _FINAL, "The sequence number does not follow the last one."
    DUPLICATE_SEQUENCE_NUMBER = 46, _FINAL, "The broker has a batch with this sequence number already."
    INVALID_PRODUCER_EPOCH = 47, _FINAL, "The producer epoch is older than the current one."
    INVALID_TXN_STATE = 48, _FINAL, "The state of the transaction does not allow this operation."
    INVALID_PRODUCER_ID_MAPPING = 49, _FINAL, "The producer id is not the one of this transactional id."
    INVALID_TRANSACTION_TIMEOUT = 50, _FINAL, "The transaction timeout is above transaction.max.timeout.ms."
    CONCURRENT_TRANSACTIONS = 51, _RETRY, "The last transaction of this producer is still being finished."
    TRANSACTION_COORDINATOR_FENCED = 52, _FINAL, "A newer transaction coordinator has taken over."
    TRANSACTIONAL_ID_AUTHORIZATION_FAILED = 53, _FINAL, "The principal may not use this transactional id."
    SECURITY_DISABLED = 54, _FINAL, "Security is not switched on in this cluster."
    OPERATION_NOT_ATTEMPTED = 55, _FINAL, "Not attempted, because another part of the same request failed."
    KAFKA_STORAGE_ERROR = 56, _RETRY, "The storage is full or failed; nothing was written."
    LOG_DIR_NOT_FOUND = 57, _FINAL, "The broker has no such log directory."
    SASL_AUTHENTICATION_FAILED = 58, _FINAL, "Authentication failed."
    UNKNOWN_PRODUCER_ID = 59, _FINAL, "The partition knows nothing of this producer id."
    REASSIGNMENT_IN_PROGRESS = 60, _FINAL, "The partition is being reassigned."
    DELEGATION_TOKEN_AUTH_DISABLED = 61, _FINAL, "Delegation tokens are switched off."
    DELEGATION_TOKEN_NOT_FOUND = 62, _FINAL, "There is no such delegation token."
    DELEGATION_TOKEN_OWNER_MISMATCH = 63, _FINAL, "The principal may not renew this delegation token."
    DELEGATION_TOKEN_REQUEST_NOT_ALLOWED = 64, _FINAL, "This connection may not handle such tokens."
    DELEGATION_TOKEN_AUTHORIZATION_FAILED = 65, _FINAL, "The principal may not use the delegation token."
    DELEGATION_TOKEN_EXPIRED = 66, _FINAL, "The delegation token has expired."
    INVALID_PRINCIPAL_TYPE = 67, _FINAL, "The type of principal is not supported."
    NON_EMPTY_GROUP = 68, _FINAL, "The group still has members."
    GROUP_ID_NOT_FOUND = 69, _FINAL, "There is no such group."
    FETCH_SESSION_ID_NOT_FOUND = 70, _RETRY, "There is no such fetch session; begin a new one."
    INVALID_FETCH_SESSION_EPOCH = 71, _RETRY, "The fetch session expects another epoch; begin a new one."
    LISTENER_NOT_FOUND = 72, _RETRY, "The leader has no listener of the name that this request came by."
    TOPIC_DELETION_DISABLED = 73, _FINAL, "Topics cannot be deleted: delete.topic.enable is false."
    FENCED_LEADER_EPOCH = 74, _RETRY, "The leader epoch of the request is older than the broker's."
    UNKNOWN_LEADER_EPOCH = 75, _RETRY, "The leader epoch of the request is newer than the broker's."
    UNSUPPORTED_COMPRESSION_TYPE = 76, _FINAL, "This compression type is not supported here."
    STALE_BROKER_EPOCH = 77, _FINAL, "The broker has registered anew since."
    OFFSET_NOT_AVAILABLE = 78, _RETRY, "The offset is not visible yet after a change of leader."
    MEMBER_ID_REQUIRED = 79, _FINAL, "Join again with the member id of this answer."
    PREFERRED_LEADER_NOT_AVAILABLE = 80, _RETRY, "The preferred leader is not available."
    GROUP_MAX_SIZE_REACHED = 81, _FINAL, "The group has as many members as it may have."
    FENCED_INSTANCE_ID = 82, _FINAL, "Another member has joined with the same group.instance.id."
    ELIGIBLE_LEADERS_NOT_AVAILABLE = 83, _RETRY, "No replica that may lead is available."
    ELECTION_NOT_NEEDED = 84, _RETRY, "The partition has the leader it should have."
    NO_REASSIGNMENT_IN_PROGRESS = 85, _FINAL, "No reassignment of the partition is under way."
    GROUP_SUBSCRIBED_TO_TOPIC = 86, _FINAL, "The group is subscribed to the topic, so its offsets must stay."
    INVALID_RECORD = 87, _FINAL, "The records break a rule of the topic or of the record format."
    UNSTABLE_OFFSET_COMMIT = 88, _RETRY, "A transaction that commits offsets is open; try again."
    THROTTLING_QUOTA_EXCEEDED = 89, _RETRY, "A quota is used up; slow down."
    PRODUCER_FENCED = 90, _FINAL, "A newer producer uses the same transactional id."
    RESOURCE_NOT_FOUND = 91, _FINAL, "There is no such resource."
    DUPLICATE_RESOURCE = 92, _FINAL, "The request names the same resource twice."
    UNACCEPTABLE_CREDENTIAL = 93, _FINAL, "The credential does not meet the rules."
    INCONSISTENT_VOTER_SET = 94, _FINAL, "Sender and receiver disagree about the voters."
    INVALID_UPDATE_VERSION = 95, _FINAL, "The version of the update is not valid."
    FEATURE_UPDATE_FAILED = 96, _FINAL, "The features could not be updated."
    PRINCIPAL_DESERIALIZATION_FAILURE = 97, _FINAL, "The forwarded principal could not be read."
    SNAPSHOT_NOT_FOUND = 98, _FINAL, "There is no such snapshot."
    POSITION_OUT_OF_RANGE = 99, _FINAL, "The position lies outside the snapshot."
    UNKNOWN_TOPIC_ID = 100, _RETRY, "There is no topic of that id; refresh the metadata."
    DUPLICATE_BROKER_REGISTRATION = 101, _FINAL, "Another broker is registered under this id."
    BROKER_ID_NOT_REGISTERED = 102, _FINAL, "No broker is registered under this id."
    INCONSISTENT_TOPIC_ID = 103, _RETRY, "The topic id is not the one of the log; refresh the metadata."
    INCONSISTENT_CLUSTER_ID = 104, _FINAL, "The request was meant for another cluster."
    TRANSACTIONAL_ID_NOT_FOUND = 105, _FINAL, "There is no such transactional id."
    FETCH_SESSION_TOPIC_ID_ERROR = 106, _RETRY, "The fetch session mixes topic names and ids."
    INELIGIBLE_REPLICA = 107, _FINAL, "A replica may not join those in sync."
    NEW_LEADER_ELECTED = 108, _FINAL, "The change was made, and the leader changed with it."
    OFFSET_MOVED_TO_TIERED_STORAGE = 109, _FINAL, "The offset lies in tiered storage."
    FENCED_MEMBER_EPOCH = 110, _FINAL, "The coordinator has fenced this member epoch; join again."
    UNRELEASED_INSTANCE_ID = 111, _FINAL, "The group.instance.id is still in use by another member."
    UNSUPPORTED_ASSIGNOR = 112, _FINAL, "The group does not support this assignor."
    STALE_MEMBER_EPOCH = 113, _FINAL, "The member epoch is old; heartbeat, then retry."
    MISMATCHED_ENDPOINT_TYPE = 114, _FINAL, "The request came to an endpoint of the wrong type."
    UNSUPPORTED_ENDPOINT_TYPE = 115, _FINAL, "This type of endpoint is not supported."
    UNKNOWN_CONTROLLER_ID = 116, _FINAL, "There is no controller of this id."
    UNKNOWN_SUBSCRIPTION_ID = 117, _FINAL, "The telemetry subscription has changed; ask for it again."
    TELEMETRY_TOO_LARGE = 118, _FINAL, "The telemetry is larger than telemetry.max.bytes."
    INVALID_REGISTRATION = 119, _FINAL, "The controller does not accept this registration."
    TRANSACTION_ABORTABLE = 120, _FINAL, "The transaction cannot go on; abort it and begin anew."
    INVALID_RECORD_STATE = 121, _FINAL, "The record is not in a state that can be acknowledged like that."
    SHARE_SESSION_NOT_FOUND = 122, _RETRY, "There is no such share session; begin a new one."
    INVALID_SHARE_SESSION_EPOCH = 123, _RETRY, "The share session expects another epoch; begin a new one."
    FENCED_STATE_EPOCH = 124, _FINAL, "The share state epoch is not the current one."
    INVALID_VOTER_KEY = 125, _FINAL, "The voter key is not the one of the receiver."
    DUPLICATE_VOTER = 126, _FINAL, "The voter is a voter already."
    VOTER_NOT_FOUND = 127, _FINAL, "There is no such voter."
    INVALID_REGULAR_EXPRESSION = 128, _FINAL, "The regular expression is not valid."
    REBOOTSTRAP_REQUIRED = 129, _FINAL, "The metadata is of another cluster; bootstrap again."
    STREAMS_INVALID_TOPOLOGY = 130, _FINAL, "The topology is not valid."
    STREAMS_INVALID_TOPOLOGY_EPOCH = 131, _FINAL, "The topology epoch is not valid."
    STREAMS_TOPOLOGY_FENCED = 132, _FINAL, "A newer topology has taken over."
    SHARE_SESSION_LIMIT_REACHED = 133, _RETRY, "The broker holds as many share sessions as it may."
    GROUP_DELETION_FAILED = 134, _FINAL, "The group could not be deleted."
    STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED = 135, _FINAL, "The topology description was not taken."
    CONTROLLER_ID_NOT_REGISTERED = 136, _FINAL, "No controller is registered under this id."


def default_message(code: int) -> str:
    """The sentence for an error code, also for one that this table does not know."""
    try:
        return ErrorCode(code).message
    except ValueError:
        return f"Error {code}, which this release does not know."


class Refused(Exception):
    """The peer erred: stop the work on its request and answer with this code and message."""

    def __init__(self, code: ErrorCode, message: str | None = None) -> None:
        """Refuse with `code`; without a message, the code's own sentence is used."""
        self.code = code
        self.message = code.message if message is None else message
        super().__init__(code, self.message)

    def __str__(self) -> str:
        """The name of the code and the message, for logs."""
        return f"{self.code.name}: {self.message}"
