"""What can go wrong when we talk to a cluster, said in two sentences: what happened, and what to do next.

The rule of the file: every error has a next step; librdkafka's codes are translated here and nowhere else.
"""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException


class ClientError(Exception):
    """Something failed at or on the way to the cluster.

    `what` is one line of what happened, `next_step` one line of what to do, `code` Kafka's error name (`None` when the
    error is ours).
    """

    def __init__(self, what: str, next_step: str, *, code: str | None = None) -> None:
        super().__init__(f"{what} ({next_step})")
        self.what = what
        self.next_step = next_step
        self.code = code


_NO_TOPIC = "see what exists with `neuraxis topic list`, or create it with `neuraxis topic create {subject}`"

# librdkafka's name of the error -> what to do next. {subject} is the topic, group or other thing the call was about.
_NEXT_STEPS = {
    "_TRANSPORT": "start a broker with `neuraxis up`, or name another one with --bootstrap HOST:PORT",
    "_ALL_BROKERS_DOWN": "start a broker with `neuraxis up`, or name another one with --bootstrap HOST:PORT",
    "_RESOLVE": "check the host name in --bootstrap or NEURAXIS_BOOTSTRAP",
    "_TIMED_OUT": "check that the broker answers: `neuraxis topic list`; its log says what it is waiting for",
    "_AUTHENTICATION": "check the user name, password and mechanism in the settings file (--settings FILE)",
    "_SSL": "check ssl_ca_file, ssl_certificate_file and ssl_key_file in the settings file (--settings FILE)",
    "SASL_AUTHENTICATION_FAILED": "check the user name and password in the settings file (--settings FILE)",
    "_UNKNOWN_TOPIC": _NO_TOPIC,
    "UNKNOWN_TOPIC_OR_PART": _NO_TOPIC,  # librdkafka's spelling
    "_UNKNOWN_PARTITION": "see its partitions with `neuraxis topic describe {subject}`",
    "TOPIC_ALREADY_EXISTS": "look at it with `neuraxis topic describe {subject}`, or pass --if-not-exists",
    "INVALID_PARTITIONS": "partitions can only grow: see `neuraxis topic describe {subject}`",
    "INVALID_REPLICATION_FACTOR": "use --replication-factor 1, or add brokers",
    "INVALID_CONFIG": "see names and values with `neuraxis config get topic {subject} --all`",
    "TOPIC_EXCEPTION": "topic names take letters, digits, '.', '_' and '-', at most 249 of them",
    "GROUP_ID_NOT_FOUND": "see which groups exist with `neuraxis group list`",
    "NON_EMPTY_GROUP": "stop its members first; see them with `neuraxis group describe {subject}`",
    "UNKNOWN_MEMBER_ID": "stop the group's members first; see them with `neuraxis group describe {subject}`",
    "MSG_SIZE_TOO_LARGE": "raise max.message.bytes: `neuraxis config set topic {subject} max.message.bytes=4194304`",
    "TOPIC_AUTHORIZATION_FAILED": "ask for an ACL on topic {subject}, or use other credentials (--settings FILE)",
    "GROUP_AUTHORIZATION_FAILED": "ask for an ACL on group {subject}, or use other credentials (--settings FILE)",
    "CLUSTER_AUTHORIZATION_FAILED": "ask for an ACL on the cluster, or use other credentials (--settings FILE)",
    "KAFKA_STORAGE_ERROR": "free disk space on the broker, then try again; its log names the directory",
    "_MSG_TIMED_OUT": "check that the broker answers: `neuraxis topic list`; then send again",
}
_FALLBACK = "look into the broker's log, then try again"


def explain(error: BaseException | KafkaError, doing: str, subject: str = "NAME") -> ClientError:
    """Translate a librdkafka error met while `doing` something ("create topic drives") into a ClientError."""
    if isinstance(error, ClientError):
        return error
    cause: object = error
    if isinstance(error, KafkaException) and error.args:
        cause = error.args[0]
    if not isinstance(cause, KafkaError):
        return ClientError(f"could not {doing}: {cause}", _FALLBACK)
    name = cause.name() or "UNKNOWN"
    text = (cause.str() or name).removeprefix("Broker: ").rstrip(".")
    step = _NEXT_STEPS.get(name, _FALLBACK).replace("{subject}", subject)
    return ClientError(f"could not {doing}: {text}", step, code=name)
