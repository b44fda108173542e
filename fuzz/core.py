"""Fuzz target for the whole core: any bytes, in any order, in any state of any session, before, during and after a login.

    python -m fuzz.core --seconds 30 [--seed N]        worlds from this seed on
    python -m fuzz.core --seed N --worlds 1            one world again

A world is a broker with two listeners (open, and SASL), a few sessions, a clock and works that are done at once, later, in
another order or not before the end. The rule of the file: whatever is fed, every call is answered in order, waits with a
deadline, or its connection is closed; nothing is raised, and nothing at level ERROR is logged.
"""

from __future__ import annotations

import argparse
import logging
import random
import time
import traceback
from collections import deque
from typing import Any

from fuzz import likely
from fuzz.hostile import MECHANISMS, WALL_MS, Words, request_maker, spoil
from neuraxis.broker.call import Call
from neuraxis.broker.config import BrokerConfig, Listener
from neuraxis.broker.core import Core
from neuraxis.broker.fetch_sessions import Entry
from neuraxis.broker.log.memory import MemoryFs
from neuraxis.broker.log.store import LogStore, StoreOptions
from neuraxis.broker.security.logins import FIRST_WORK_ID, RawAnswers
from neuraxis.broker.session import MAX_OUTPUT_BYTES, Session
from neuraxis.broker.work import Derive, Fetch, Now, Work, perform
from neuraxis.wire import frames, messages
from neuraxis.wire.codec import decode
from neuraxis.wire.messages.alter_client_quotas import (
    AlterClientQuotasRequest,
    EntityData,
    EntryData,
    OpData,
)
from neuraxis.wire.messages.create_topics import CreatableTopic, CreateTopicsRequest
from neuraxis.wire.messages.init_producer_id import InitProducerIdRequest
from neuraxis.wire.messages.sasl_authenticate import SaslAuthenticateRequest
from neuraxis.wire.messages.sasl_handshake import SaslHandshakeRequest
from neuraxis.wire.schema import BYTES, fields_of, schema_of

COUNTED = "inputs fed"
TARGETS = ("core",)
FRAMES = 1_500
"""Inputs of a world: long enough for transactions, groups and sessions to get somewhere, short enough to stay small."""
SESSIONS = 6
REPLAYED = 48
"""Frames remembered to be sent again, by whomever."""
LATEST_MS = 35 * 24 * 3600 * 1000
"""Every wait a client may ask for is an int32 of milliseconds: after that long, every call must be answered."""
TICKS = 2_000
"""Deadlines in a row without time passing: more is a deadline that never goes away."""
SETTLING_ROUNDS = 20_000
LARGEST_ANSWER = 64 * 1024 * 1024
"""What one answer may hold above what may wait already: a fetch of everything a world wrote is far below."""
HOT_KEYS = (0, 0, 0, 1, 1, 3, 8, 9, 11, 11, 12, 14, 19, 20, 22, 24, 26, 26, 28, 68, 76, 78, 78, 79, 88)
"""Asked more often: those with much state behind them."""
PLAIN_USERS = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_ann="pencil";'


def codes_of(answer: Any, depth: int = 0) -> set[int]:  # Any: a response or a part of one
    """The error codes of an answer: its own, and those of the first element of each list, two levels down."""
    codes = {int(answer.error_code)} if hasattr(answer, "error_code") else set()
    for name, field in fields_of(type(answer)):
        if field.kind == "array" and isinstance(field.item, type) and depth < 2:
            inner = getattr(answer, name)
            if inner:
                codes |= codes_of(inner[0], depth + 1)
    return codes or {0}


class Finding(Exception):
    """Something that must not happen; the note says which world."""


class _Errors(logging.Handler):
    """Keeps what the broker logs as an error: a handler that failed says so there, and answers."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()[:1000]
        if record.exc_info and record.exc_info[1] is not None:
            text += "\n" + "".join(traceback.format_exception(record.exc_info[1]))
        self.found.append(text)


ERRORS = _Errors()


class Entropy:
    """Random bytes from the world's seed."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def token_bytes(self, count: int, /) -> bytes:
        return self._rng.randbytes(count)


class WatchedCore(Core):
    """The core, with every call it opens on record, and the frame that opened it."""

    opened: dict[int, deque[Call]]
    frame: bytes = b""
    asked: dict[int, bytes]

    def _call(self, session: Session, *rest: Any) -> Call:  # Any: as the method's own
        call = super()._call(session, *rest)
        self.opened[session.id].append(call)
        self.asked[call.token] = self.frame
        return call


def listener(name: str, protocol: str, port: int) -> Listener:
    return Listener(name, protocol, "127.0.0.1", port, "broker.test", port)


class World:
    """One broker and those who speak to it. `outcomes` counts answers by key and error, `frames` the inputs."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.words = Words(self.rng)
        self.pairs = likely.Pairs()
        self.random = self.rng.random
        self.now = Now(1_000, WALL_MS)
        self.fs = MemoryFs()
        self.works: list[Work] = []
        self.patience = self.words.pick(("at once", "at once", "later", "any order", "at the end"))
        self.sessions: list[Session] = []
        self.buffers: dict[int, bytearray] = {}
        self.sent: deque[bytes] = deque(maxlen=REPLAYED)
        self.frames = 0
        self.outcomes: dict[tuple[int, int], bytes] = {}
        self._last: bytes = b""
        kafka = {
            "sasl.enabled.mechanisms": ",".join(sorted({*MECHANISMS} - {"GSSAPI", ""})),
            "listener.name.secure.plain.sasl.jaas.config": PLAIN_USERS,
            "sasl.oauthbearer.jwks.endpoint.url": "file:///no/keys",
            "delegation.token.secret.key": "a secret of the tests",
        }
        if self.random() < 0.3:
            kafka["authorizer.class.name"] = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
            kafka["super.users"] = "User:ann"
        if self.random() < 0.3:
            kafka["connections.max.reauth.ms"] = "60000"
        if self.random() < 0.3:
            kafka["auto.create.topics.enable"] = "false"
        self.config = BrokerConfig(
            listeners=(
                listener("OPEN", "PLAINTEXT", 9092),
                listener("SECURE", "SASL_PLAINTEXT", 9093),
            ),
            durability=self.words.pick(("sync", "interval", "os")),
            kafka={**kafka, "listener.security.protocol.map": "OPEN:PLAINTEXT,SECURE:SASL_PLAINTEXT"},
        )
        self._start()

    def _start(self) -> None:
        self.store = LogStore(self.fs, StoreOptions(cluster_id="a-cluster-of-the-tests"))
        self.core = WatchedCore(self.config, self.store, Entropy(self.rng))
        self.core.opened, self.core.asked = {}, {}
        self.core.start(self.now)
        self.keys = list(self.core.apis)
        self._work(everything=True)

    def prepare(self) -> None:
        """Topics, a producer id, and the sessions of the start."""
        owner = self._connect("SECURE")
        self._log_in(owner)
        topics = [
            CreatableTopic(name=name, num_partitions=count, replication_factor=1)
            for name, count in (("t0", 2), ("t1", 1), ("t2", 3))
        ]
        self._send(owner, CreateTopicsRequest(topics=topics, timeout_ms=1_000), 7)
        for transactional_id in (None, "tx0"):
            self._send(
                owner,
                InitProducerIdRequest(transactional_id=transactional_id, transaction_timeout_ms=60_000),
                4,
            )
        if self.random() < 0.2:
            rates = [OpData("producer_byte_rate", 2_000.0), OpData("request_percentage", 5.0)]
            entry = EntryData([EntityData("client-id", None)], rates)
            self._send(owner, AlterClientQuotasRequest(entries=[entry]), 1)
        self._work(everything=True)
        self._read(owner)
        while len(self.sessions) < SESSIONS:
            self._connect()

    # ---- one input ---------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Feed one frame to some session, and let some of the rest happen."""
        luck = self.random()
        if luck < 0.02:
            self._disturb()
        session = self.sessions[int(self.random() * len(self.sessions))]
        if session.closing is not None and not session.pending:
            self._drop(session)
            session = self._connect()
        if session.wants_input:
            frame = self._frame(session)
            if len(frame) <= session.frame_limit:
                self._feed(session, frame)
            else:
                self.core.refuse(session, "announced a frame that is too large")
        if luck > 0.3:
            self._read(session)
        if self.patience == "at once" or luck > 0.9:
            self._work()
        if luck < 0.15:
            self._pass_time()

    def _disturb(self) -> None:
        what = int(self.random() * 4)
        session = self.sessions[int(self.random() * len(self.sessions))]
        if what == 0:
            self._drop(session)
            self._connect()
        elif what == 1:
            self.core.end_input(session)
        elif what == 2 and session.gate is not None and session.wants_input:
            self._log_in(session)
        else:
            for each in self.sessions:
                self._read(each)

    def _frame(self, session: Session) -> bytes:
        """The next frame of a session: made for where it stands, replayed, spoiled, or rubbish."""
        luck = self.random()
        gate = session.gate
        if luck < 0.03:
            return self.rng.randbytes(int(self.random() * 60))
        if luck < 0.15 and self.sent:
            frame: bytes = self.words.pick(self.sent)
        else:
            inside = gate is None or gate.identity is not None
            frame = self._made(inside=inside or luck < 0.2)
            self.sent.append(frame)
        if luck > 0.88:
            return spoil(frame, self.random)
        if luck > 0.86:  # another version's body, or a key that is not served
            changed = bytearray(frame)
            changed[int(self.random() * 4)] = int(self.random() * 256)
            return bytes(changed)
        return frame

    def _made(self, *, inside: bool) -> bytes:
        """A frame made for this moment: what a good client says next, any request at all, or a step of a login."""
        if not inside:
            return self._request(self.words.pick((17, 17, 36, 36, 36, 18)))
        luck = self.random()
        if luck < 0.5:
            request, version = likely.request(self.words, self.pairs)
            try:
                return frames.encode_request(self.frames + 1, request, version, "fuzz")[4:]
            except UnicodeEncodeError:
                luck = 1.0
        return self._request(self.words.pick(HOT_KEYS if luck < 0.65 else self.keys))

    def _request(self, key: int) -> bytes:
        api = self.core.apis.get(key)
        if api is None:
            return self.rng.randbytes(30)
        span = api.maximum - api.minimum + 1
        version = api.maximum if self.random() < 0.4 else api.minimum + int(self.random() * span)
        request = request_maker(api.request, version)(self.words)
        name = self.words.pick(("fuzz", "fuzz", None, "", "ü"))
        try:
            return frames.encode_request(self.frames + 1, request, version, name)[4:]
        except UnicodeEncodeError:  # half a surrogate pair: no client could send it
            return self._request(key)

    def _feed(self, session: Session, frame: bytes) -> None:
        self.frames += 1
        self._last = self.core.frame = frame
        content = bytearray(frame)
        self.core.handle(session, memoryview(content), self.now)
        content[:] = b"\xdd" * len(content)  # bytes in die when `handle` returns
        if session.output_bytes > MAX_OUTPUT_BYTES + LARGEST_ANSWER:
            raise Finding(f"{session.output_bytes} bytes wait for one reader")

    def _send(self, session: Session, request: Any, version: int) -> None:  # Any: a request
        if session.wants_input:
            self._feed(session, frames.encode_request(self.frames + 1, request, version, "fuzz")[4:])

    # ---- sessions ----------------------------------------------------------------------------------------------

    def _connect(self, name: str = "") -> Session:
        name = name or self.words.pick(("OPEN", "OPEN", "SECURE"))
        session = self.core.connect(name, f"10.0.0.{int(self.random() * 4)}", 50_000)
        self.core.opened[session.id] = deque()
        self.buffers[session.id] = bytearray()
        self.sessions.append(session)
        if name == "SECURE" and self.random() < 0.5:
            self._log_in(session)
        return session

    def _drop(self, session: Session) -> None:
        self.sessions.remove(session)
        refused = session.closing is not None
        self.core.disconnect(session, self.now)
        calls = self.core.opened.pop(session.id)
        for call in calls:
            self.core.asked.pop(call.token, None)
        left = [call for call in calls if not call.answered]
        if len(left) > refused:  # one at most: the call for which the connection was closed
            raise Finding(f"key {left[0].api_key} outlives its connection")
        del self.buffers[session.id]

    def _log_in(self, session: Session) -> None:
        self._send(session, SaslHandshakeRequest(mechanism="PLAIN"), 1)
        self._send(session, SaslAuthenticateRequest(auth_bytes=b"\0ann\0pencil"), 2)
        self._read(session)

    def _read(self, session: Session) -> None:
        """Take what is ready to leave, and hold it against the calls: whole frames, in their order."""
        buffer = self.buffers[session.id]
        output = session.output
        while output:
            part = output.popleft()
            if isinstance(part, BYTES):
                buffer += part
                session.output_bytes -= len(part)
            else:
                buffer += part.read()
                part.release()
        calls = self.core.opened[session.id]
        position = 0
        while len(buffer) - position >= 4:
            size = int.from_bytes(buffer[position : position + 4], "big")
            if len(buffer) - position < 4 + size:
                raise Finding("half an answer left")
            self._check(calls, bytes(buffer[position + 4 : position + 4 + size]))
            position += 4 + size
        if position != len(buffer):
            raise Finding("bytes behind an answer")
        buffer.clear()
        while calls and calls[0].answered and not calls[0].response and calls[0] not in session.pending:
            calls.popleft()

    def _check(self, calls: deque[Call], frame: bytes) -> None:
        while calls and calls[0].answered and not calls[0].response:
            calls.popleft()  # acks=0, or a login that failed without a header
        if not calls:
            raise Finding("an answer that nobody asked for")
        call = calls.popleft()
        asked = self.core.asked.pop(call.token)
        if isinstance(call.completion, RawAnswers):
            return
        response = messages.response_class(call.api_key)
        flexible = call.api_key != frames.API_VERSIONS_KEY and schema_of(response).is_flexible(
            call.api_version
        )
        correlation_id, start = frames.read_response_header(frame, flexible)
        if correlation_id != call.correlation_id:
            raise Finding(f"answer {correlation_id} where {call.correlation_id} was due")
        answer, end = decode(response, call.api_version, frame, start)
        if end != len(frame):
            raise Finding("bytes behind the body of an answer")
        self.words.learn(answer)
        self.pairs.learn(call.api_key, answer)
        for code in codes_of(answer):
            if (call.api_key, code) not in self.outcomes:
                self.outcomes[call.api_key, code] = asked

    # ---- time and works ----------------------------------------------------------------------------------------

    def _work(self, *, everything: bool = False) -> None:
        self.works += self.core.take_work()
        if everything or self.patience == "at once":
            count = SETTLING_ROUNDS
        elif self.patience == "at the end":
            return
        else:
            count = int(self.random() * 4)
        while self.works and count:
            shuffled = self.patience == "any order" and not everything
            work = self.works.pop(int(self.random() * len(self.works)) if shuffled else 0)
            self._perform(work)
            count -= 1
            self.works += self.core.take_work()
        if everything and self.works:
            raise Finding(f"works without end: {self.works[0].kind}")

    def _perform(self, work: Work) -> None:
        error: OSError | None = None
        result: bytes | None = None
        step = work.steps[0] if work.id >= FIRST_WORK_ID else None
        if isinstance(step, Fetch):
            error = OSError("there are no keys")
        elif isinstance(step, Derive):
            result = bytes(32)  # the real one takes milliseconds, and proves nothing for a guess
        else:
            result = perform(self.fs, work)
        self.core.done(work.id, result, error, self.now)

    def _pass_time(self) -> None:
        luck = self.random()
        if luck < 0.7:
            passed = int(self.random() * 20)
        elif luck < 0.95:
            passed = int(self.random() * 3_000)
        elif luck < 0.995:
            passed = int(self.random() * 120_000)
        else:
            passed = int(self.random() * 8 * 24 * 3600 * 1000)
        self._advance(passed)

    def _advance(self, milliseconds: int) -> None:
        """A shell that wakes late: one tick for all deadlines that have passed, and again while one is still due."""
        self.now = Now(self.now.mono_ms + milliseconds, self.now.wall_ms + milliseconds)
        for _ in range(TICKS):
            deadline = self.core.next_deadline()
            if deadline is None or deadline > self.now.mono_ms:
                return
            self.core.tick(self.now)
            self.works += self.core.take_work()
        raise Finding("a deadline that ticks do not take away")

    # ---- the end -----------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Do every work, let time pass until nothing is open; then, sometimes, close and start the broker again."""
        end = self.now.mono_ms + LATEST_MS
        for _ in range(SETTLING_ROUNDS):
            self._work(everything=True)
            for session in self.sessions:
                self._read(session)
            if not any(session.pending for session in self.sessions):
                break
            deadline = self.core.next_deadline()
            if deadline is None or deadline > end:
                raise Finding(f"calls that nothing will answer: {self._open()}")
            self._advance(max(0, deadline - self.now.mono_ms))
        else:
            raise Finding(f"calls open after {SETTLING_ROUNDS} deadlines: {self._open()}")
        for session in list(self.sessions):
            self._read(session)
            left = [call for call in self.core.opened[session.id] if not call.answered]
            if left and session.closing is None:
                raise Finding(f"lost: {sorted({call.api_key for call in left})}")
            self._drop(session)
        waiting = [key for each in self.core.node.partitions.values() for key in each.waiting]
        if any(not isinstance(key, Entry) for key in waiting):  # a session stays until it is put out
            raise Finding("a fetch waits for nobody")
        self._work(everything=True)
        if self.random() < 0.25:
            self.core.close(self.now)
            self._start()

    def _open(self) -> list[tuple[int, int]]:
        return sorted(
            {(call.api_key, call.api_version) for session in self.sessions for call in session.pending}
        )


def play(seed: int, count: int = FRAMES) -> World:
    """A whole world. Raises Finding, or whatever escaped; a note names the world."""
    ERRORS.found.clear()
    world: World | None = None
    try:
        world = World(seed)
        world.prepare()
        while world.frames < count:
            world.step()
            if ERRORS.found:
                raise Finding(ERRORS.found[0])
        world.finish()
        if ERRORS.found:
            raise Finding(ERRORS.found[0])
    except Exception as error:
        last = world._last.hex() if world is not None else ""
        error.add_note(f"python -m fuzz.core --seed {seed} --worlds 1; the last frame: {last[:2000]}")
        raise
    return world


def watch_errors() -> None:
    """From here on what the broker logs as an error is kept, and its warnings cost nothing."""
    log = logging.getLogger("neuraxis.broker")
    log.setLevel(logging.ERROR)
    log.propagate = False
    if ERRORS not in log.handlers:
        log.addHandler(ERRORS)


def forget_errors() -> None:
    """Undo `watch_errors`."""
    log = logging.getLogger("neuraxis.broker")
    log.setLevel(logging.NOTSET)
    log.propagate = True
    log.removeHandler(ERRORS)


def run(name: str, seed: int, iterations: int = 0, seconds: float = 0) -> int:
    """Play worlds for so many inputs or seconds; gives how many inputs there were."""
    del name
    watch_errors()
    done = 0
    stop = time.monotonic() + seconds
    try:
        while done < iterations or time.monotonic() < stop:
            left = iterations - done
            done += play(seed, min(FRAMES, left) if left > 0 else FRAMES).frames
            seed += 1
    finally:
        forget_errors()
    return done


def main() -> None:
    """Play worlds, and say how many inputs they took."""
    parser = argparse.ArgumentParser(description="Fuzz the whole core.")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--worlds", type=int, default=0, help="so many, instead of seconds")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    iterations = options.worlds * FRAMES
    done = run("core", options.seed, iterations, 0 if iterations else options.seconds)
    print(f"core: from seed {options.seed} on, {done} inputs, nothing escaped and nothing is open")


if __name__ == "__main__":
    main()
