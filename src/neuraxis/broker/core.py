"""The broker as one synchronous object: handle, tick, next_deadline, take_work, done. No I/O, clock, luck or thread.

Rule of the file: a reply leaves only when everything it could have seen is as durable as the policy promises.
"""

from __future__ import annotations

import heapq
import logging
from struct import error as StructError
from typing import TYPE_CHECKING

from neuraxis.broker.call import CLOSE, NO_REPLY, PARKED, Api, Body, Call
from neuraxis.broker.log.store import StorageFailed
from neuraxis.broker.metrics.counters import Stopwatch, stopped
from neuraxis.broker.node import Node
from neuraxis.broker.refusal import refusal
from neuraxis.broker.registry import api_table, first_flexible
from neuraxis.broker.routes import REQUEST_WITHOUT_RECORDS_MAX_BYTES, Route, Routes
from neuraxis.broker.security.gate import AUTHENTICATE, Stage
from neuraxis.broker.security.logins import FIRST_WORK_ID, RawAnswers, raw_answer
from neuraxis.broker.session import Session, release_parts
from neuraxis.broker.throttling import Throttling
from neuraxis.wire import frames
from neuraxis.wire.codec import Malformed
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.api_versions import ApiVersionsRequest
from neuraxis.wire.schema import BYTES

if TYPE_CHECKING:
    from neuraxis.broker.config import BrokerConfig
    from neuraxis.broker.log.store import LogStore
    from neuraxis.broker.node import Entropy
    from neuraxis.broker.work import Now, Work

logger = logging.getLogger("neuraxis.broker")

FETCH_KEY = 1
API_VERSIONS_KEY = 18


class Core:
    """The broker core. The shell feeds frames and time, performs works, and writes what lands in `ready` sessions."""

    def __init__(
        self, config: BrokerConfig, store: LogStore, entropy: Entropy, stopwatch: Stopwatch = stopped
    ) -> None:
        """`stopwatch` gives nanoseconds, for what is counted alone: nothing is decided by it."""
        self.config = config
        self.store = store
        self.apis = api_table()
        self.node = Node(config, store, entropy, self.apis)
        self.ready: list[Session] = []
        self._logins = self.node.logins.works
        self._counters = self.node.counters
        self._stopwatch = stopwatch
        self._quotas = self.node.quotas
        self._throttling = Throttling(self.node, self._list)
        self._completed: list[Call] = []
        self._waiting: list[tuple[int, int, Call]] = []
        self._next_session = 0
        self._next_token = 0
        self._routes = Routes(self.apis, self.node.counters)
        self._known_routes = self._routes.known
        self._flexible_from = first_flexible(self.apis)

    def start(self, now: Now) -> None:
        """Recover the store and load what the logs hold. Raises StorageFailed or a refusal that says what to do."""
        self.node.recovery = self.store.recover(now)
        self.node.cluster_id = self.store.cluster_id
        self.node.open(now)

    def close(self, now: Now) -> None:
        """Stop cleanly: everything synced, checkpoints and the clean-shutdown marker written."""
        self.store.close(now)

    # ---- connections -------------------------------------------------------------------------------------------

    def connect(self, listener: str, host: str, port: int) -> Session:
        """A peer connected."""
        self._next_session += 1
        session = Session(self._next_session, listener, host, port)
        self.node.logins.meet(session)
        self.node.sessions[session.id] = session
        self._counters.met(session)
        return session

    def disconnect(self, session: Session, now: Now) -> None:
        """The peer is gone (or is to be): drop what waits for it."""
        if self.node.sessions.pop(session.id, None) is not None:
            self.node.clients.left(session)
            self._counters.parted(session)
        session.closing = session.closing or "disconnected"
        for call in session.pending:
            call.answered = True
            abandon, call.abandon = call.abandon, None
            if abandon is not None:
                abandon()
            self._counters.abandoned(call)
            release_parts(call.response)
        session.pending.clear()
        release_parts(session.output)
        session.output.clear()
        session.holding = None
        if session.muted is not None:
            session.muted.cancel()
        self.node.shares.disconnected(session.id, now)
        self._drain(now)

    def end_input(self, session: Session) -> None:
        """The peer will send no more: what it asked for is still answered, then the connection closes."""
        session.closing = session.closing or "ended its side"
        self._list(session)

    def announce(self, session: Session) -> None:
        """Let the shell look at this session in its next round."""
        self._list(session)

    def refuse(self, session: Session, reason: str) -> None:
        """The peer broke the framing ("it `reason`"): what it asked before is answered, then the connection closes."""
        self._close(session, reason)

    # ---- the five methods --------------------------------------------------------------------------------------

    def handle(self, session: Session, frame: memoryview, now: Now) -> None:
        """One request frame (without its length prefix; writable). The view dies when this returns."""
        if session.gate is not None and not self._may_pass(session, frame, now):
            return
        began_ns = (stopwatch := self._stopwatch)()
        try:
            key, version, correlation_id, client_id, position = frames.read_request_header(
                frame, self._flexible_from
            )
            session.client_id = client_id
            session.last_seen_ms = now.wall_ms
            route = self._known_routes.get((key, version))
            if route is None or len(frame) > REQUEST_WITHOUT_RECORDS_MAX_BYTES:
                route = self._route(session, key, version, correlation_id, len(frame), now)
                if route is None:
                    return
            api, decode, tally = route
            session.apis[key] = version
            call = self._call(session, key, version, correlation_id, client_id, now)
            request = decode(frame, position)[0]
        except Malformed as error:
            self._close(session, f"sent a malformed frame: {error}")
            return
        if self._quotas.on:
            self._throttling.frame_bytes = len(frame)
        self._run(api, call, request, now)
        elapsed_ns = stopwatch() - began_ns
        if session.pending:
            tally.waits_for(call, began_ns, elapsed_ns)
        else:
            tally.buckets[elapsed_ns.bit_length()] += 1
            tally.total += elapsed_ns
        session.software.requests += 1
        if self._completed:
            self._drain(now)

    def tick(self, now: Now) -> None:
        """Let time act: deadlines of parked calls, groups, retention, background syncs."""
        self.node.parking.fire(now)
        for shard in self.node.group_agenda.due(now):
            shard.tick(now)
        self.node.transactions.tick(now)
        self.store.tick(now)
        self._advance(now)
        self._drain(now)

    def next_deadline(self) -> int | None:
        """The `mono_ms` at which `tick` could matter, or None."""
        first = self.node.parking.next_deadline()
        other = self.store.next_deadline()
        if other is not None and (first is None or other < first):
            first = other
        other = self.node.transactions.deadline()
        if other is not None and (first is None or other < first):
            first = other
        other = self.node.group_agenda.next_deadline()
        if other is not None and (first is None or other < first):
            first = other
        return first

    def take_work(self) -> list[Work]:
        """Works the shell is to perform now."""
        works = self.store.take_work()
        return [*works, *self._logins.take()] if self._logins.new else works

    def done(self, work_id: int, result: bytes | None, error: OSError | None, now: Now) -> None:
        """A work ended. Raises StorageFailed when the broker must stop."""
        if work_id >= FIRST_WORK_ID:
            self._logins.done(work_id, result, error, now)
            self._drain(now)
            return
        self.store.done(work_id, result, error, now)
        self._advance(now)
        self._drain(now)  # first: a call answered just now must be encoded before its connection is flushed
        waiting, durable, count = self._waiting, self.store.durable_ticket, len(self._waiting)
        while waiting and waiting[0][0] <= durable:
            self._flush(heapq.heappop(waiting)[2].session)
        if count > len(waiting):
            self._counters.released.add(count - len(waiting))

    # ---- logging in --------------------------------------------------------------------------------------------

    def _may_pass(self, session: Session, frame: memoryview, now: Now) -> bool:
        """Whether a frame on a listener with logins is a request that may be served now; else it has been dealt with."""
        gate = session.gate
        assert gate is not None, "a gate is asked for where there is one"
        if gate.stage is Stage.RAW:
            self._take_token(session, bytes(frame), now)
            return False
        problem = gate.lets(int.from_bytes(frame[:2], "big"), now)
        if problem is not None:
            self._close(session, problem)
        return problem is None

    def _take_token(self, session: Session, token: bytes, now: Now) -> None:
        """A message of a login without a header, after a handshake of version 0; the answer has none either."""
        call = self._call(session, AUTHENTICATE, 0, 0, session.client_id, now)
        call.completion = RawAnswers(self._finish_raw)
        response = self.node.logins.step(call, token, raw_answer)
        if response is PARKED:
            call.holds = True
            session.holding = call
        else:
            call.answered = True
            call.response = response
            self._finish_raw(call)

    def _finish_raw(self, call: Call) -> None:
        """Send the answer of a message without a header: it is bytes already."""
        if call.session.holding is call:
            call.session.holding = None
        self._flush(call.session)

    # ---- inside ------------------------------------------------------------------------------------------------

    def _route(
        self, session: Session, key: int, version: int, correlation_id: int, size: int, now: Now
    ) -> Route | None:
        """What serves this key and version; None if the request was refused."""
        found = self._routes.find(key, version, size)
        if not isinstance(found, str):
            return found
        api = self.apis[API_VERSIONS_KEY]
        if key == API_VERSIONS_KEY and not api.minimum <= version <= api.maximum:
            self._refuse_api_versions(session, api, correlation_id, now)
        else:
            self._close(session, found)
        return None

    def _call(
        self, session: Session, key: int, version: int, correlation_id: int, client_id: str | None, now: Now
    ) -> Call:
        self._next_token += 1
        call = Call(session, key, version, correlation_id, client_id, self._next_token, now, self._completed)
        session.pending.append(call)
        return call

    def _refuse_api_versions(self, session: Session, api: Api, correlation_id: int, now: Now) -> None:
        # The client opened with a version newer than ours: the answer is in version 0, which every client can read,
        # and holds the whole table so that the client can go on at once.
        call = self._call(session, API_VERSIONS_KEY, 0, correlation_id, None, now)
        response = api.handler(self.node, call, ApiVersionsRequest())
        response.error_code = ErrorCode.UNSUPPORTED_VERSION
        self._finish(call, response)

    def _run(self, api: Api, call: Call, request: Body, now: Now) -> None:
        writes = self.node.writes.count
        try:
            response = api.handler(self.node, call, request)
        except StorageFailed:
            raise
        except Refused as refused:
            self._reject(api, call, request, refused.code, str(refused))
            return
        except Exception as error:
            logger.exception("%s from %s failed: %.2000r", api.name, call.session.describe(), request)
            if self.node.writes.count != writes:
                raise StorageFailed(f"{api.name} failed after it had written: {error!r}") from error
            self._reject(api, call, request, ErrorCode.UNKNOWN_SERVER_ERROR, f"the handler failed: {error!r}")
            return
        if response is PARKED:
            if not call.answered:
                call.holds = True
                call.session.holding = call
        elif response is NO_REPLY:
            call.answered = True
            call.response = ()
            call.ticket = 0  # nothing waits: else 64 of them would stop the connection for good
            if self._quotas.on:
                self._throttling.answered(call, None)
            self._flush(call.session)
        elif response is CLOSE:
            self._close(call.session, f"{api.name} could not be answered; the reason is above")
        else:
            self._finish(call, response)

    def _reject(self, api: Api, call: Call, request: Body, code: int, reason: str) -> None:
        response = refusal(request, api.response, code, call.api_version)
        if response is None:
            self._close(call.session, f"{api.name} failed and has no place for an error: {reason}")
            return
        if hasattr(response, "error_message"):
            response.error_message = reason
        if call.api_key <= FETCH_KEY:
            self._counters.answered(call.api_key, response)
        self._finish(call, response)

    def _finish(self, call: Call, response: Body) -> None:
        session = call.session
        call.answered = True
        if self._quotas.on:
            self._throttling.answered(call, response)
        if session.holding is call:
            session.holding = None
        if (
            call.api_key > FETCH_KEY
        ):  # handlers of the others, which come often, say themselves what is refused
            self._counters.answered(call.api_key, response)
        try:
            call.response = frames.encode_response(
                call.correlation_id, response, call.api_version, call.api_key
            )
        except (ValueError, TypeError, AttributeError, StructError) as error:
            self._unspeakable(call, response, error)
            return
        if call.ticket > self.store.durable_ticket:
            heapq.heappush(self._waiting, (call.ticket, call.token, call))
            if call.holds:
                self._list(session)
        else:
            self._flush(session)

    def _unspeakable(self, call: Call, response: Body, error: Exception) -> None:
        """A handler built an answer that its version cannot say: a bug of ours, that costs this connection only."""
        session = call.session
        logger.error(
            "the answer to %s has no encoding: %.2000r", session.describe(), response, exc_info=error
        )
        while session.pending:
            later = session.pending.pop()  # answers must not leave in another order: what came after goes too
            later.answered = True
            self._counters.abandoned(later)
            release_parts(later.response)
            if later is call:
                break
        self._close(session, "was to get an answer that cannot be encoded; the reason is above")

    def _flush(self, session: Session) -> None:
        pending, output, durable = session.pending, session.output, self.store.durable_ticket
        while pending and (call := pending[0]).answered and call.ticket <= durable:
            pending.popleft()
            if call.timing is not None:
                call.timing.tally.left(call.timing, self._stopwatch())
            for part in call.response:
                output.append(part)
                if isinstance(part, BYTES):
                    session.output_bytes += len(part)
        if not session.listed:
            session.listed = True
            self.ready.append(session)

    def _list(self, session: Session) -> None:
        if not session.listed:
            session.listed = True
            self.ready.append(session)

    def _close(self, session: Session, reason: str) -> None:
        if session.closing is None:
            session.closing = reason
            logger.warning("closing the connection of %s: it %s", session.describe(), reason)
            self.node.clients.refused(session, reason)
            self._counters.closed_for_cause += 1
            pending = session.pending
            if pending and not pending[-1].answered:
                pending.pop()  # the call that is refused; those before it are still answered
            self._list(session)

    def _advance(self, now: Now) -> None:
        advanced = self.store.ledger.advanced
        if advanced:
            self.store.ledger.advanced = []
            partitions = self.node.partitions
            for log in advanced:
                partition = partitions.get((log.topic_id, log.partition))
                if partition is not None:
                    partition.wake(now)

    def _drain(self, now: Now) -> None:
        completed = self._completed
        for call in completed:
            if call.timing is not None:
                call.timing.answered_ns = self._stopwatch()
            call.now = now
            if call.session.closing is None or call in call.session.pending:
                self._finish(call, call.response)
        completed.clear()
