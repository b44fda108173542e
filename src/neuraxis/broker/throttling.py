"""What an answer costs its client: the throttle time goes into the answer, and the connection is muted for it (KIP-219)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.wire.schema import BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuraxis.broker.call import Body, Call
    from neuraxis.broker.node import Node
    from neuraxis.broker.session import Session
    from neuraxis.broker.work import Now

PRODUCE_KEY, SHARE_FETCH_KEY = 0, 78
EXEMPT = frozenset({17, 36})
"""SaslHandshake and SaslAuthenticate: whoever logs in again must not lose the connection over it."""
MAX_THROTTLE_MS = (1 << 31) - 1
"""What the field of an answer can say."""


class Throttling:
    """Mutes sessions. `resume` is told of each whose time is over; `frame_bytes` is the size of the request being served."""

    def __init__(self, node: Node, resume: Callable[[Session], None]) -> None:
        self._node = node
        self._resume = resume
        self.frame_bytes = 0

    def answered(self, call: Call, response: Body | None) -> None:
        """An answer is about to leave (None: there is none, to a produce request without acknowledgement)."""
        session, now_ms = call.session, call.now.mono_ms
        gate = session.gate
        if call.api_key in EXEMPT or (gate is not None and gate.identity is None):
            return
        quotas = self._node.quotas
        # What the handler has found to be over its own quota stands in the answer already.
        throttle_ms = getattr(response, "throttle_time_ms", 0)
        if response is not None:
            throttle_ms = max(throttle_ms, quotas.request_throttle_ms(session, now_ms))
        if call.api_key == PRODUCE_KEY:
            throttle_ms = max(throttle_ms, quotas.produced(session, self.frame_bytes, now_ms))
        elif call.api_key == SHARE_FETCH_KEY and response is not None:
            throttle_ms = max(throttle_ms, quotas.delivered(session, _record_bytes(response), now_ms))
        if throttle_ms > 0:
            throttle_ms = min(throttle_ms, MAX_THROTTLE_MS)
            if response is not None and hasattr(response, "throttle_time_ms"):
                response.throttle_time_ms = throttle_ms
            self._node.counters.muted(call.api_key, throttle_ms)
            self._mute(session, now_ms + throttle_ms)

    def _mute(self, session: Session, until_ms: int) -> None:
        muted = session.muted
        if muted is not None:
            if muted.at_ms >= until_ms:
                return
            muted.cancel()

        def over(_: Now) -> None:
            session.muted = None
            self._resume(session)

        session.muted = self._node.parking.at(until_ms, over)


def _record_bytes(response: Body) -> int:
    """The bytes of records in a share fetch's answer."""
    found = [each.records for topic in response.responses for each in topic.partitions if each.records]
    return sum(len(one) if isinstance(one, BYTES) else one.length for one in found)
