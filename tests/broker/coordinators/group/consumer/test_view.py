from __future__ import annotations

from neuraxis.broker.coordinators.group.consumer.view import NoView


def test_no_view_has_no_topics_and_kafkas_defaults() -> None:
    view = NoView()
    assert (view.version(), list(view.names()), view.topic("t"), view.topic_by_id(bytes(16))) == (
        0,
        [],
        None,
        None,
    )
    assert view.group_config("g", "consumer.session.timeout.ms") == 45_000
