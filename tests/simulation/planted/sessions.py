"""Planted bugs of fetch sessions: what is not said, what is said too often or too late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any  # Any: the patched functions keep the shapes of what they replace

from neuraxis.broker.fetch_sessions import Entry, FetchSession, FetchSessions
from tests.simulation.plan import TopicPlan
from tests.simulation.planted.bug import Bug, small

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.simulation.plan import Plan
    from tests.simulation.planted.bug import Patch


def _clean_after_every_answer() -> Iterable[Patch]:
    real = FetchSession.settle
    yield FetchSession, "settle", lambda self, entry, *, more, sent: real(self, entry, more=False, sent=sent)


def _advances_are_not_seen() -> Iterable[Patch]:
    yield FetchSession, "watch", lambda self, entry, partition: None


def _high_watermarks_are_no_news() -> Iterable[Patch]:
    yield Entry, "tells", lambda self, data: bool(data.records) or data.error_code != 0


def _forgotten_topics_stay() -> Iterable[Patch]:
    yield FetchSession, "_forget", lambda self, key: None


def _the_first_offset_stays() -> Iterable[Patch]:
    real = FetchSession.update

    def update(self: FetchSession, request: Any) -> None:
        before = {key: entry.asked for key, entry in self.entries.items()}
        real(self, request)
        for key, asked in before.items():
            if key in self.entries:
                self.entries[key].asked = asked

    yield FetchSession, "update", update


def _any_epoch_goes_on() -> Iterable[Patch]:
    real = FetchSessions.open

    def opened(self: FetchSessions, request: Any, **rest: Any) -> Any:
        session = self.sessions.get(request.session_id)
        if session is not None and request.session_epoch > 0:
            request.session_epoch = session.epoch
        return real(self, request, **rest)

    yield FetchSessions, "open", opened


def _sessions(plan: Plan, **changes: Any) -> Plan:
    topics = (TopicPlan("stable-0", 3, {"segment.bytes": "700"}), TopicPlan("stable-1", 1, {}))
    return small(plan, **{"session_readers": 2, "readers": 0, "topics": topics, **changes})


BUGS = (
    Bug("clean after every answer", _clean_after_every_answer, _sessions),
    Bug("advances are not seen", _advances_are_not_seen, _sessions),
    Bug("high watermarks are no news", _high_watermarks_are_no_news, _sessions),
    Bug("forgotten topics stay", _forgotten_topics_stay, _sessions),
    Bug("the first offset stays", _the_first_offset_stays, _sessions),
    Bug("any epoch goes on", _any_epoch_goes_on, _sessions, seeds=30),
)
