"""What a stuck or slow broker is busy with, in words: every open call, session, and work in flight. Reads, changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.wire.messages import API_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neuraxis.broker.call import Call
    from neuraxis.broker.core import Core
    from neuraxis.broker.session import Session
    from neuraxis.broker.work import Now

MAX_SESSIONS = 1_000
"""Sessions described in one dump, those with open calls first: a log of 10,000 idle ones helps nobody."""
MAX_WORKS = 200


def describe(core: Core, now: Now) -> Iterator[str]:
    """The lines of the dump."""
    store = core.store
    sessions = list(core.node.sessions.values())
    open_calls = sum(len(session.pending) for session in sessions)
    yield (
        f"{len(sessions)} sessions, {open_calls} open calls, "
        f"ticket {store.last_ticket} written, {store.durable_ticket} durable, "
        f"next deadline {_in(core.next_deadline(), now)}"
    )
    sessions.sort(key=lambda session: (not session.pending, session.id))
    for session in sessions[:MAX_SESSIONS]:
        yield f"session {session.id}: {session.describe()}: {_state(session)}"
        for call in session.pending:
            yield f"  {_call(call, store.durable_ticket, now)}"
    if len(sessions) > MAX_SESSIONS:
        yield f"and {len(sessions) - MAX_SESSIONS} more sessions"
    works = store.works_in_flight()
    for work in works[:MAX_WORKS]:
        yield f"work {work.id} ({work.kind}): {'; '.join(f'{step!r:.200}' for step in work.steps[:10])}"
    if len(works) > MAX_WORKS:
        yield f"and {len(works) - MAX_WORKS} more works"
    yield f"logins waiting for a work: {core.node.logins.works.waiting}"
    plan = store.cleaner.running
    if plan is not None:
        yield f"compacting {', '.join(target.file.path for target in plan.targets)}"


def _in(deadline_ms: int | None, now: Now) -> str:
    return "none" if deadline_ms is None else f"in {deadline_ms - now.mono_ms} ms"


def _state(session: Session) -> str:
    parts = [f"{session.output_bytes} bytes in {len(session.output)} parts to be sent"]
    if not session.wants_input:
        parts.append("not read from")
    if session.closing is not None:
        parts.append(f"closing: it {session.closing}")
    return ", ".join(parts)


def _call(call: Call, durable_ticket: int, now: Now) -> str:
    name = API_NAMES.get(call.api_key, f"key {call.api_key}")
    age_ms = now.mono_ms - call.now.mono_ms
    if not call.answered:
        state = "parked: waits for bytes, a group, a login or a point in time"
    elif call.ticket > durable_ticket:
        state = f"answered, waits for ticket {call.ticket} to be durable"
    else:
        state = "answered, waits for the calls before it"
    return f"{name} v{call.api_version}, correlation id {call.correlation_id}, for {age_ms} ms: {state}"
