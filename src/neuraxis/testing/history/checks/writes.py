"""What becomes of writes: one offset each, in order, kept, read in the end, and told truthfully."""

from __future__ import annotations

from collections import defaultdict

from neuraxis.testing.history.events import Log, Operation
from neuraxis.testing.history.facts import Facts
from neuraxis.testing.history.verdict import Draft, Verdict

NO_SENDS = "no send was acknowledged"
SOME = 5
"""Values named in one sentence: enough to look them up."""


def _some(values: list[int]) -> str:
    return ", ".join(map(str, values[:SOME])) + (", ..." if len(values) > SOME else "")


def inconsistent_offsets(facts: Facts) -> Verdict:
    """Two values were told, to writers or readers, for one offset of one log."""
    draft = Draft("inconsistent-offsets", "offsets")
    for log, offsets in facts.values_at.items():
        for offset, values in offsets.items():
            draft.checked += 1
            if len(values) > 1:
                draft.finding(f"{log}@{offset} holds {_some(sorted(values))}")
    return draft.done("no offset was told")


def duplicates(facts: Facts) -> Verdict:
    """One value, sent once, stands at several offsets. Histories are of idempotent producers that never resend."""
    draft = Draft("duplicates", "values")
    for log, values in facts.offsets_of.items():
        for value, offsets in values.items():
            draft.checked += 1
            if len(offsets) > 1:
                writer = facts.writers.get((log, value))
                draft.finding(f"{log}: {value} (sent by {writer}) stands at {_some(sorted(offsets))}")
    return draft.done("no offset was told")


def lost_write(facts: Facts) -> Verdict:
    """An acknowledged value at or below the highest offset read was read by nobody; or a commit was taken back."""
    draft = Draft("lost-write", "acknowledged records and commits")
    for operation in facts.operations:
        if operation.outcome != "ok":
            continue
        for log, value, offset in operation.sends:
            draft.checked += 1
            highest = facts.highest_read.get(log, -1)
            if offset is not None and offset <= highest and value not in facts.read[log]:
                draft.finding(
                    f"{operation} was told {log}@{offset} for {value}; nobody read it, though @{highest} was read"
                )
    _lost_commits(facts, draft)
    return draft.done("nothing was acknowledged")


def _lost_commits(facts: Facts, draft: Draft) -> None:
    """A group's newest acknowledged commit is kept, or a later one, or one whose fate nobody knows."""
    newest: dict[tuple[str | None, Log], tuple[int, Operation]] = {}
    possible: dict[tuple[str | None, Log], set[int]] = defaultdict(set)
    for operation in facts.operations:
        if operation.kind == "commit":
            for log, offset in operation.positions:
                key = (operation.group, log)
                if offset is None or operation.outcome == "fail":
                    continue
                if operation.outcome == "unknown":
                    possible[key].add(offset)
                elif key not in newest or newest[key][0] < offset:
                    newest[key] = (offset, operation)
        elif operation.kind == "committed" and operation.outcome == "ok":
            for log, offset in operation.positions:
                key = (operation.group, log)
                promised = newest.get(key)
                if promised is None or (promised[1].completed_ns or 0) > operation.invoked_ns:
                    continue
                draft.checked += 1
                if (offset is None or offset < promised[0]) and offset not in possible[key]:
                    draft.finding(
                        f"group {operation.group}: {promised[1]} was told that {log}@{promised[0]} is committed; "
                        f"later {'nothing' if offset is None else f'@{offset}'} is"
                    )


def send_order(facts: Facts) -> Verdict:
    """Offsets told to sends grow: along one process's sends to a log, and in real time over all processes."""
    draft = Draft("send-order", "offsets told to sends")
    last: dict[tuple[str, Log], tuple[int, int]] = {}
    owners: dict[tuple[Log, int], int] = {}
    for operation in facts.operations:
        for log, value, offset in operation.sends:
            if offset is None:
                continue
            draft.checked += 1
            before = last.get((operation.process, log))
            if before is not None and offset <= before[1]:
                draft.finding(
                    f"{operation.process} sent {value} to {log} after {before[0]}, "
                    f"but was told @{offset} after @{before[1]}"
                )
            last[operation.process, log] = (value, offset)
            other = owners.setdefault((log, offset), value)
            if other != value:
                draft.finding(f"{log}@{offset} was told for {other} and for {value}")
    _real_time(facts, draft)
    return draft.done(NO_SENDS)


def _real_time(facts: Facts, draft: Draft) -> None:
    """A send invoked after another had completed stands behind it, whichever clients they were."""
    moments: list[tuple[int, int, Operation]] = []
    for operation in facts.operations:
        if operation.completed_ns is not None and any(offset is not None for _, _, offset in operation.sends):
            # At equal times the invocation comes first: then nothing is claimed of the two.
            moments.append((operation.invoked_ns, 0, operation))
            moments.append((operation.completed_ns, 1, operation))
    moments.sort(key=lambda moment: moment[:2])
    done: dict[Log, tuple[int, Operation]] = {}
    floor: dict[tuple[int, Log], tuple[int, Operation]] = {}
    for _, is_completion, operation in moments:
        for log, value, offset in operation.sends:
            if offset is None:
                continue
            if not is_completion:
                if log in done:
                    floor[operation.number, log] = done[log]
                continue
            below = floor.get((operation.number, log))
            if below is not None and offset <= below[0] and below[1].process != operation.process:
                draft.finding(
                    f"{operation} was told {log}@{offset} for {value}, invoked after {below[1]} had been told "
                    f"@{below[0]}"
                )
            if log not in done or done[log][0] < offset:
                done[log] = (offset, operation)


def unseen(facts: Facts) -> Verdict:
    """After the last drain every acknowledged value was read in each group it named."""
    draft = Draft("unseen", "acknowledged records, for each group")
    drains = [operation for operation in facts.operations if operation.kind == "drain"]
    if not drains:
        return draft.done("the history does not say that the faults were healed and readers waited for")
    drain = drains[-1]
    read: dict[str | None, set[tuple[Log, int]]] = defaultdict(set)
    for operation in facts.operations:
        read[operation.group].update((log, value) for log, value, _ in operation.polls)
    open_question = None
    for group in drain.groups:
        missing: dict[Log, list[int]] = defaultdict(list)
        for operation in facts.operations:
            if operation.outcome == "ok":
                for log, value, _ in operation.sends:
                    draft.checked += 1
                    if (log, value) not in read[group]:
                        missing[log].append(value)
        for log, values in missing.items():
            sentence = (
                f"group {group} never read {len(values)} acknowledged records of {log}: {_some(values)}"
            )
            if drain.outcome == "ok":
                draft.finding(sentence)
            else:
                open_question = f"{sentence}; but the cluster did not answer until the end"
    return draft.done(NO_SENDS, open_question=open_question)


def spurious_zero(facts: Facts) -> Verdict:
    """Offset 0 was told to a send although the log had a record before, or the value stands elsewhere."""
    draft = Draft("spurious-zero", "offsets told to sends")
    first_done: dict[Log, tuple[int, int]] = {}
    for operation in facts.operations:
        for log, value, offset in operation.sends:
            if offset is not None and operation.completed_ns is not None:
                known = first_done.get(log)
                if known is None or operation.completed_ns < known[0]:
                    first_done[log] = (operation.completed_ns, value)
    for operation in facts.operations:
        for log, value, offset in operation.sends:
            if offset is None:
                continue
            draft.checked += 1
            if offset != 0:
                continue
            earlier = first_done.get(log)
            elsewhere = facts.offsets_of[log][value] - {0}
            others = facts.values_at[log][0] - {value}
            if earlier is not None and earlier[1] != value and earlier[0] < operation.invoked_ns:
                draft.finding(
                    f"{operation} was told {log}@0 for {value}, after {earlier[1]} had been acknowledged"
                )
            elif elsewhere or others:
                truth = f"{value} stands at {_some(sorted(elsewhere))}" if elsewhere else (
                    f"@0 holds {_some(sorted(others))}"
                )  # fmt: skip
                draft.finding(f"{operation} was told {log}@0 for {value}, but {truth}")
    return draft.done(NO_SENDS)
