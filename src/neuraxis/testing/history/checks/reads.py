"""What readers may see: committed values only, in the order of the log, none left out."""

from __future__ import annotations

from neuraxis.testing.history.events import Log, Operation
from neuraxis.testing.history.facts import Facts
from neuraxis.testing.history.verdict import Draft, Verdict

NO_POLLS = "nobody polled a record"


def aborted_read(facts: Facts) -> Verdict:
    """G1a: a value was read whose writer certainly failed, or which nobody ever sent."""
    draft = Draft("aborted-read", "records polled")
    told: set[tuple[Log, int]] = set()
    for operation in facts.operations:
        for log, value, offset in operation.polls:
            draft.checked += 1
            writer = facts.writers.get((log, value))
            if (writer is not None and writer.outcome != "fail") or (log, value) in told:
                continue
            told.add((log, value))
            if writer is None:
                draft.finding(f"{operation} read {value} at {log}@{offset}, which nobody sent")
            else:
                draft.finding(
                    f"{operation} read {value} at {log}@{offset}, but {writer} failed ({writer.error or 'aborted'})"
                )
    return draft.done(NO_POLLS)


def precommitted_read(facts: Facts) -> Verdict:
    """A transaction's records were read before it asked to be committed: by itself, or by anybody."""
    draft = Draft("precommitted-read", "records of transactions polled")
    for operation in facts.operations:
        for log, value, offset in operation.polls:
            writer = facts.writers.get((log, value))
            if writer is None or writer.kind != "txn":
                continue
            draft.checked += 1
            if writer is operation:
                draft.finding(f"{operation} read its own uncommitted {value} at {log}@{offset}")
            elif (
                writer.ending_ns is not None
                and operation.completed_ns is not None
                and operation.completed_ns < writer.ending_ns
            ):
                early_ms = (writer.ending_ns - operation.completed_ns) / 1e6
                draft.finding(
                    f"{operation} read {value} at {log}@{offset} {early_ms:.1f} ms before {writer} asked to commit it"
                )
    return draft.done("no record of a transaction was polled")


def poll_order(facts: Facts) -> Verdict:
    """Within one assignment a log's records come in order (nonmonotonic poll) and without a gap (poll skip).

    A gap is a committed value between two that were read: offsets alone prove nothing, since transaction markers and
    aborted records have offsets too. A rebalance, a seek or a new assignment begins anew.
    """
    draft = Draft("poll-order", "pairs of neighbouring records")
    at: dict[str, dict[Log, int]] = {}
    # By completion: a rebalance inside of a transaction's poll comes before what that transaction still reads.
    completed = [operation for operation in facts.operations if operation.completed_ns is not None]
    for operation in sorted(completed, key=lambda operation: operation.completed_ns or 0):
        if operation.kind == "assign":
            at[operation.process] = {
                log: offset - 1 for log, offset in operation.positions if offset is not None
            }
            continue
        if operation.polls:
            _follow(facts, operation, at.setdefault(operation.process, {}), draft)
    return draft.done(NO_POLLS)


def _follow(facts: Facts, operation: Operation, at: dict[Log, int], draft: Draft) -> None:
    for log, value, offset in operation.polls:
        if offset is None:
            continue
        before = at.get(log)
        at[log] = offset
        if before is None:
            continue
        draft.checked += 1
        if offset <= before:
            draft.finding(f"nonmonotonic poll: {operation} read {value} at {log}@{offset} after @{before}")
        elif offset > before + 1:
            skipped = facts.between(log, before, offset)
            if skipped:
                draft.finding(
                    f"poll skip: {operation} went from {log}@{before} to @{offset} past {len(skipped)} committed "
                    f"records, the first @{skipped[0]}"
                )
