"""Calls that look at the log: answered at once from what is in memory, else parked until a thread has read what they lack.

Rule of the file: an answer that is looked for again is looked for from its beginning; between two tries the topic may have
been deleted, records deleted, segments put in the place of others.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from neuraxis.broker.call import PARKED
from neuraxis.broker.log.cold import CALLS, WouldWait
from neuraxis.broker.log.store import StorageFailed
from neuraxis.broker.refusal import refusal
from neuraxis.wire import messages
from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from neuraxis.broker.call import Body, Call, Handled
    from neuraxis.broker.log.cold import Attempt, ColdStep
    from neuraxis.broker.node import Node
    from neuraxis.broker.work import Now

FETCH_KEY = 1

logger = logging.getLogger("neuraxis.broker")


class ColdCalls:
    """The calls of a node that wait for a thread to read."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._cold = node.store.ledger.cold

    def serve(self, call: Call, request: Body, answer: Callable[[], Handled]) -> Handled:
        """What `answer()` returns; PARKED where it lacks bytes: then the call is answered when they were read.

        `answer` returns a response, or PARKED when it sees to the answer itself; it changes nothing before its last look.
        """
        cold = self._cold  # what follows is `go_on`, written out: every fetch pays for it
        fs = cold.fs
        before, fs.attempt = fs.attempt, cold.first
        try:
            return answer()
        except WouldWait as lacking:
            steps = lacking.steps
        finally:
            fs.attempt = before

        def again(attempt: Attempt, now: Now) -> None:
            self._again(call, request, answer, again, attempt, now)

        cold.park(CALLS, steps, again)
        return PARKED

    def bring(self, steps: Iterable[ColdStep]) -> None:
        """Let a thread read what an answer leaves out because it is cold: it will be asked for again."""
        self._cold.bring(steps)

    def _again(
        self,
        call: Call,
        request: Body,
        answer: Callable[[], Handled],
        again: Callable[[Attempt, Now], None],
        attempt: Attempt,
        now: Now,
    ) -> None:
        if call.answered:
            return  # the peer has gone
        call.now = now
        writes = self._node.writes.count
        response: Any  # Any: see `Call.response`
        try:
            response = self._cold.go_on(CALLS, answer, again, attempt)
        except StorageFailed:
            raise
        except Refused as refused:
            response = self._refusal(call, request, refused.code, str(refused))
        except Exception as error:
            name = messages.API_NAMES[call.api_key]
            logger.exception("%s from %s failed: %.2000r", name, call.session.describe(), request)
            if self._node.writes.count != writes:
                raise StorageFailed(f"{name} failed after it had written: {error!r}") from error
            reason = f"the handler failed: {error!r}"
            response = self._refusal(call, request, ErrorCode.UNKNOWN_SERVER_ERROR, reason)
        if response is not None and response is not PARKED:
            call.answer(response)

    def _refusal(self, call: Call, request: Body, code: int, reason: str) -> Body:
        response = refusal(request, messages.response_class(call.api_key), code, call.api_version)
        assert response is not None, "what looks at logs has a place for an error in every version"
        if hasattr(response, "error_message"):
            response.error_message = reason
        if call.api_key <= FETCH_KEY:  # of these the core counts none
            self._node.counters.answered(call.api_key, response)
        return response
