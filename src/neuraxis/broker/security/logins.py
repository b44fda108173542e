"""Logging in: what SaslHandshake and SaslAuthenticate lead to, for all listeners; the key sets of tokens; the works of it.

The rule of the file: what fails is answered late (`connection.failed.authentication.delay.ms`) and alike, so that guessing
is slow and learns nothing; the reason goes to our log.
"""

from __future__ import annotations

import base64
import logging
from typing import TYPE_CHECKING

from neuraxis.broker.call import PARKED, Call, Handled
from neuraxis.broker.security.exchange import Accepted, Challenge, Exchange, Outcome, Rejected, Waiting
from neuraxis.broker.security.gate import Gate
from neuraxis.broker.security.jwt import Key, parse_key_set
from neuraxis.broker.security.oauth import OauthServer
from neuraxis.broker.security.plain import PlainServer
from neuraxis.broker.security.scram import Directory, ScramServer
from neuraxis.broker.work import Fetch, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from neuraxis.broker.coordinators.topics.cluster_facts import ScramCredential, Token
    from neuraxis.broker.node import Node
    from neuraxis.broker.security.listener import ListenerSecurity
    from neuraxis.broker.session import Session
    from neuraxis.broker.work import Now, Step

logger = logging.getLogger("neuraxis.broker")

FIRST_WORK_ID = 1 << 48
"""Works of logins are numbered from here, those of the store from 1: whoever gets a result knows whose it is."""
NONCE_BYTES = 18
"""24 characters of base64; RFC 5802 wants a nonce that nobody guesses or meets twice."""


class LoginWorks:
    """Works that logins wait for: `new` until handed out by `take`, ended by `done`."""

    def __init__(self) -> None:
        self._next_id = FIRST_WORK_ID
        self.new: list[Work] = []
        self._open: dict[int, Callable[[bytes | None, Now], None]] = {}

    def submit(self, step: Step, finish: Callable[[bytes | None, Now], None]) -> None:
        """Have a step performed; `finish` gets its result, None when it failed."""
        work = Work(self._next_id, "login", (step,))
        self._next_id += 1
        self._open[work.id] = finish
        self.new.append(work)

    @property
    def waiting(self) -> int:
        """How many works have not ended."""
        return len(self._open)

    def take(self) -> list[Work]:
        """The works to be performed now."""
        works, self.new = self.new, []
        return works

    def done(self, work_id: int, result: bytes | None, error: OSError | None, now: Now) -> None:
        """A work ended. A failure is one of the login, never of the broker."""
        if error is not None:
            logger.warning("a work of a login failed: %s", error)
        self._open.pop(work_id)(result if error is None else None, now)


class KeySet:
    """The keys of one JWKS URL, fetched before they are needed and again when they grow old or one is missing."""

    def __init__(self, url: str, refresh_ms: int, retry_ms: int) -> None:
        self.url = url
        self.keys: list[Key] = []
        self._refresh_ms = refresh_ms
        self._retry_ms = retry_ms
        self._not_before_ms = 0

    def refresh(self, now: Now) -> tuple[Fetch, Callable[[bytes | None, Now], None]] | None:
        """How to get newer keys; None when the last attempt was a moment ago (a stranger's token must not make us ask)."""
        if now.mono_ms < self._not_before_ms:
            return None
        self._not_before_ms = now.mono_ms + self._retry_ms
        return Fetch(self.url), self.take

    def take(self, result: bytes | None, now: Now) -> None:
        """Keep what was fetched; the keys known so far stay when it is unusable."""
        if result is None:
            return
        try:
            self.keys = parse_key_set(result)
        except (ValueError, RecursionError) as error:
            logger.error("the key set at %s cannot be used, the last one stays: %s", self.url, error)
        except Exception:
            logger.exception("the key set at %s cannot be used, the last one stays", self.url)

    def keep_fresh(self, node: Node, works: LoginWorks, now: Now) -> None:
        """Fetch now, and again every `refresh_ms`."""

        def taken(result: bytes | None, now: Now) -> None:
            self.take(result, now)
            wait_ms = self._refresh_ms if self.keys else max(self._retry_ms, 1_000)
            node.parking.at(now.mono_ms + wait_ms, lambda now: self.keep_fresh(node, works, now))

        works.submit(Fetch(self.url), taken)


class Logins:
    """All that decides who is let in. Part of the node."""

    def __init__(self, node: Node, listeners: Mapping[str, ListenerSecurity]) -> None:
        self._node = node
        self.listeners = listeners
        self.works = LoginWorks()
        self._directory: Directory | None = None
        self._key_sets: dict[str, KeySet] = {}

    def start(self, now: Now) -> None:
        """Draw the secret that salts unknown names, and ask for the key sets."""
        if not any(each.mechanisms for each in self.listeners.values()):
            return
        self._directory = Directory(self._credential, self._token, self._node.entropy.token_bytes(24))
        for each in self.listeners.values():
            if each.jwks_url and each.jwks_url not in self._key_sets:
                keys = KeySet(each.jwks_url, each.jwks_refresh_ms, each.jwks_retry_ms)
                self._key_sets[each.jwks_url] = keys
                keys.keep_fresh(self._node, self.works, now)

    def meet(self, session: Session) -> None:
        """A new connection: one that must log in gets a gate, and may send small frames only."""
        found = self.listeners.get(session.listener)
        if found is None or not found.mechanisms:
            session.frame_limit = self._node.config.request_max_bytes
            return
        session.gate = Gate()
        session.frame_limit = self._node.settings.integer("sasl.server.max.receive.size")

    def mechanisms(self, session: Session) -> tuple[str, ...]:
        """What the session's listener offers."""
        return self.listeners[session.listener].mechanisms

    def exchange(self, session: Session, mechanism: str) -> Exchange:
        """A new exchange of an offered mechanism."""
        listener, directory = self.listeners[session.listener], self._directory
        assert directory is not None, "a listener with SASL before the start"
        if mechanism == "PLAIN":
            return PlainServer(directory, listener.plain_users)
        if mechanism == "OAUTHBEARER":
            key_set = self._key_sets[listener.jwks_url]
            return OauthServer(listener.oauth, lambda: key_set.keys, key_set.refresh)
        nonce = base64.b64encode(self._node.entropy.token_bytes(NONCE_BYTES)).decode()
        return ScramServer(mechanism, directory, nonce)

    def _credential(self, user: str, mechanism: int) -> ScramCredential | None:
        return self._node.catalogue.state.cluster.scram.get((user, mechanism))

    def _token(self, token_id: str, now: Now) -> Token | None:
        token = self._node.catalogue.state.cluster.tokens.get(token_id)
        return None if token is None or token.expiry_ms <= now.wall_ms else token

    # ---- one step ----------------------------------------------------------------------------------------------

    def step(
        self, call: Call, data: bytes, answer: Callable[[Challenge | Admission | Rejected], Handled]
    ) -> Handled:
        """Take one message of the client. `answer` makes the reply; a failed login closes the connection behind it."""
        gate = call.session.gate
        assert gate is not None, "a step of a login on a listener without SASL"
        assert gate.exchange is not None, "a step of a login without a handshake"
        exchange = gate.exchange
        outcome = _safely(lambda: exchange.step(data, call.now))
        return self._follow(call, gate, outcome, call.now, answer)

    def _follow(
        self,
        call: Call,
        gate: Gate,
        outcome: Outcome,
        now: Now,
        answer: Callable[[Challenge | Admission | Rejected], Handled],
    ) -> Handled:
        if isinstance(outcome, Waiting):
            then = outcome.then

            def finish(result: bytes | None, now: Now) -> None:
                if call.answered:
                    return  # the peer left meanwhile
                reply = self._follow(call, gate, _safely(lambda: then(result, now)), now, answer)
                if reply is not PARKED:
                    call.answer(reply)

            self.works.submit(outcome.step, finish)
            return PARKED
        if isinstance(outcome, Accepted):
            admission = self._admit(call.session, gate, outcome, now)
            if isinstance(admission, Admission):
                return answer(admission)
            outcome = admission
        if isinstance(outcome, Rejected):
            return self.reject(call, outcome, now, lambda: answer(outcome))
        return answer(outcome)

    def _admit(self, session: Session, gate: Gate, accepted: Accepted, now: Now) -> Admission | Rejected:
        identity = accepted.identity
        if gate.identity is not None and gate.identity.name != identity.name:
            return Rejected(
                "A session cannot become another user's.",
                f"logged in again as {identity.name!r}, having been {gate.identity.name!r}",
            )
        lifetime_ms = self.listeners[session.listener].lifetimes_ms.get(gate.mechanism, 0)
        self._node.counters.logged_in(gate.mechanism, succeeded=True)
        life_ms = gate.admitted(identity, lifetime_ms, now)
        session.principal = f"User:{identity.name}"
        session.by_token = identity.by_token
        session.frame_limit = self._node.config.request_max_bytes
        return Admission(accepted.data, life_ms)

    def reject(self, call: Call, rejected: Rejected, now: Now, answer: Callable[[], Handled]) -> Handled:
        """Answer a failed login after the delay, and close the connection."""
        session = call.session

        def fail(_: Now) -> None:
            if call.answered:
                return  # the peer left meanwhile
            self._node.clients.refused(session, rejected.reason)
            self._node.counters.closed_for_cause += 1
            gate = session.gate
            self._node.counters.logged_in("" if gate is None else gate.mechanism, succeeded=False)
            logger.warning("closing the connection of %s: it %s", session.describe(), rejected.reason)
            session.closing = session.closing or rejected.reason
            call.answer(answer())

        delay_ms = self._node.settings.integer("connection.failed.authentication.delay.ms")
        self._node.parking.at(now.mono_ms + delay_ms, fail)
        return PARKED


def _safely(step: Callable[[], Outcome]) -> Outcome:
    """A step of a login. A bug of ours that a stranger's bytes find costs that login, not the broker."""
    try:
        return step()
    except Exception:
        logger.exception("a step of a login failed")
        return Rejected(
            "The login failed.", "met an error of the broker while it logged in; it is in the log"
        )


def raw_answer(outcome: Challenge | Admission | Rejected) -> tuple[bytes, ...]:
    """What leaves after a message without a header: the bytes with their length; nothing for a login that failed."""
    if isinstance(outcome, Rejected):
        return ()
    return (len(outcome.data).to_bytes(4, "big") + outcome.data,)


class RawAnswers:
    """Where calls without a header go when they are answered: to the core's `finish`."""

    def __init__(self, finish: Callable[[Call], None]) -> None:
        self._finish = finish

    def append(self, call: Call, /) -> None:
        """The call is answered."""
        self._finish(call)


class Admission:
    """A login that succeeded: the server's last word, and for how long it holds (0: no end)."""

    __slots__ = ("data", "lifetime_ms")

    def __init__(self, data: bytes, lifetime_ms: int) -> None:
        self.data = data
        self.lifetime_ms = lifetime_ms
