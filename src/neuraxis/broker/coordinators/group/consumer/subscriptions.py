"""What members subscribe to: regular expressions resolved, the group's epoch raised, the target assignment made."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.group.consumer.assignors import ASSIGNORS, Candidate
from neuraxis.broker.coordinators.group.consumer.state import ResolvedRegex
from neuraxis.broker.regex import Regex
from neuraxis.broker.regex_syntax import InvalidRegex
from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuraxis.broker.coordinators.group.consumer.draft import ConsumerDraft
    from neuraxis.broker.coordinators.group.consumer.state import ConsumerMember


@lru_cache(maxsize=256)  # patterns in use at one time; one costs a megabyte at most
def _compiled(pattern: str) -> Regex:
    return Regex(pattern)


def compile_regex(pattern: str) -> Regex:
    """The compiled pattern; refuses (128) what is none."""
    try:
        return _compiled(pattern)
    except InvalidRegex as error:
        raise Refused(
            ErrorCode.INVALID_REGULAR_EXPRESSION,
            f"SubscribedTopicRegex `{pattern}` is not a valid regular expression: {error}.",
        ) from error


def update(
    draft: ConsumerDraft, member: ConsumerMember, may_describe: Callable[[str], bool] | None = None
) -> bool:
    """Take in a member as it describes itself now. Returns whether its subscription changed.

    Expressions that are resolved anew find the topics that this member may describe (None: all), as in Kafka.

    The group's epoch rises when a subscription changed, or the topics that are subscribed to.
    """
    before = draft.member(member.member_id)
    old_topics = frozenset[str]() if before is None else draft.topics_of(before)
    if member.topic_regex and draft.regex(member.topic_regex) is None:
        compile_regex(member.topic_regex)
    draft.put_member(member)
    old_names = before.topic_names if before is not None else ()
    old_regex = before.topic_regex if before is not None else ""
    changed = member.topic_names != old_names or member.topic_regex != old_regex
    version = draft.view.version()
    if not changed and draft.checked == version:
        return False
    _resolve(draft, member, version, may_describe)
    if old_regex and old_regex != member.topic_regex:
        forget_unused(draft, old_regex)
    draft.checked = version
    # Another expression that finds what the one before it did changes nothing for anybody.
    new = before is None or member.topic_names != old_names or draft.topics_of(member) != old_topics
    refresh(draft, bump=changed and new)
    return changed


def refresh(draft: ConsumerDraft, *, bump: bool) -> None:
    """Raise the group's epoch if told so, or if the subscribed topics are not what they were."""
    metadata_hash = _hash(draft)
    epoch = draft.epoch
    if epoch == 0:
        epoch = 1  # a new group: its first subscription raises it to 2
        if not bump and metadata_hash == draft.metadata_hash:
            draft.put_epoch(epoch, metadata_hash)
            return
    if bump or metadata_hash != draft.metadata_hash:
        draft.put_epoch(epoch + 1, metadata_hash)


def _resolve(
    draft: ConsumerDraft, member: ConsumerMember, version: int, may_describe: Callable[[str], bool] | None
) -> None:
    wanted = draft.regexes()
    if member.topic_regex:
        wanted.add(member.topic_regex)
    for pattern in sorted(wanted):
        known = draft.regex(pattern)
        if known is not None and known.version == version:
            continue
        regex = compile_regex(pattern)
        found = regex.matching(draft.view.names())
        topics = tuple(sorted(name for name in found if may_describe is None or may_describe(name)))
        draft.put_regex(pattern, ResolvedRegex(topics, version, draft.now.wall_ms))


def forget_unused(draft: ConsumerDraft, pattern: str) -> None:
    """Forget a regular expression if nobody subscribes to it any more."""
    if pattern and not any(member.topic_regex == pattern for member in draft.members().values()):
        draft.put_regex(pattern, None)


def _hash(draft: ConsumerDraft) -> int:
    names: set[str] = set()
    for member in draft.members().values():
        names.update(draft.topics_of(member))
    digest = hashlib.blake2b(digest_size=8)
    found = False
    for name in sorted(names):
        topic = draft.view.topic(name)
        if topic is not None:
            found = True
            digest.update(f"{name}/{topic.topic_id.hex()}/{topic.partitions};".encode())
    return int.from_bytes(digest.digest(), "big", signed=True) if found else 0


def assign_if_due(draft: ConsumerDraft) -> None:
    """Make a new target assignment if the group's epoch rose, but not sooner after the last one than the config says."""
    if draft.epoch <= draft.assignment_epoch:
        return
    interval_ms = draft.view.group_config(draft.group_id, "consumer.assignment.interval.ms")
    since_ms = draft.now.wall_ms - draft.assigned_at_ms
    if draft.assignment_epoch and 0 <= since_ms < interval_ms:
        return
    assign(draft)


def assign(draft: ConsumerDraft) -> None:
    """Make the target assignment of the group's present epoch."""
    members = draft.members()
    counts: dict[bytes, int] = {}
    candidates = {}
    for member_id, member in members.items():
        topic_ids = set()
        for name in draft.topics_of(member):
            topic = draft.view.topic(name)
            if topic is not None:
                topic_ids.add(topic.topic_id)
                counts[topic.topic_id] = topic.partitions
        candidates[member_id] = Candidate(member.instance_id, frozenset(topic_ids), draft.target(member_id))
    if candidates:
        assignor = ASSIGNORS[preferred_assignor(members, draft.settings.consumer_assignors)]
        for member_id, target in assignor(candidates, counts).items():
            draft.put_target(member_id, target)
    draft.put_assignment_epoch(draft.epoch, draft.now.wall_ms)


def preferred_assignor(members: dict[str, ConsumerMember], known: tuple[str, ...]) -> str:
    """The assignor that most members ask for; the broker's first one if nobody asks, or for the one that leads the list."""
    votes: dict[str, int] = {}
    for member in members.values():
        if member.server_assignor in known:
            votes[member.server_assignor or ""] = votes.get(member.server_assignor or "", 0) + 1
    return max(known, key=lambda each: votes.get(each, 0))
