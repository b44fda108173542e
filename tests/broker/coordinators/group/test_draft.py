"""A group under change: the original stays as it is, counts stay right, answers fit their version."""

from __future__ import annotations

from dataclasses import replace

from neuraxis.broker.coordinators.group.draft import Draft
from neuraxis.broker.coordinators.group.facts import GroupMetadata, MetadataFact
from neuraxis.broker.coordinators.group.notes import MembershipChanged
from neuraxis.broker.coordinators.group.settings import GroupSettings
from neuraxis.broker.coordinators.group.state import Group, Member, Phase, Waiting
from neuraxis.broker.work import Now

NOW = Now(1_000, 2_000)
ONE = Member("one", "i1", "c", "/h", 10, 20, (("range", b"r"), ("sticky", b"s")), joining=Waiting(1, 9))
TWO = Member("two", None, "c", "/h", 10, 20, (("range", b"r"),), syncing=Waiting(2, 5))


def draft(group: Group | None = None) -> Draft:
    made = Draft("g", group, GroupSettings(), NOW)
    made.put(ONE)
    made.put(TWO)
    return made


def test_counts_follow_the_members() -> None:
    each = draft()
    membership = each.membership
    assert membership.protocol_counts == {"range": 2, "sticky": 1}
    assert (membership.joining, membership.leader, membership.static_members) == (1, "one", {"i1": "one"})
    each.change("one", joining=None, protocols=(("range", b""),))
    assert (membership.protocol_counts, membership.joining) == ({"range": 2}, 0)
    each.remove("two", 25)
    assert membership.protocol_counts == {"range": 1}


def test_the_oldest_member_left_leads_after_the_leader() -> None:
    each = draft()
    each.remove("one", 25)
    assert each.membership.leader == "two"
    assert each.membership.static_members == {}
    each.remove("two", 25)
    assert each.membership.leader is None


def test_the_parked_calls_of_a_removed_member_get_the_error() -> None:
    each = draft()
    each.remove("one", 25)
    each.remove("two", 27)
    assert [(reply.token, reply.body.error_code) for reply in each.replies] == [(1, 25), (2, 27)]
    assert each.timers == {"one": None, "two": None}


def test_an_instance_id_that_was_handed_on_is_not_removed_with_its_old_holder() -> None:
    each = draft()
    each.put(replace(ONE, member_id="new", joining=None))
    each.remove("one", 82)
    assert each.membership.static_members == {"i1": "new"}


def test_the_group_itself_is_not_touched() -> None:
    group = Group("g", GroupMetadata("consumer", 3, None, None, 5))
    each = draft(group)
    each.enter(Phase.STABLE)
    assert group == Group("g", GroupMetadata("consumer", 3, None, None, 5))
    assert each.membership.state_timestamp_ms == NOW.wall_ms


def test_the_record_is_of_the_group_as_it_is_in_the_end() -> None:
    each = draft()
    each.create()
    each.store()
    each.set_timer("one", 30)
    each.membership.generation_id = 4
    each.membership.protocol_name = "range"
    outcome = each.outcome()
    empty, last = outcome.records
    assert empty == MetadataFact("g", GroupMetadata("", 0, None, None, NOW.wall_ms))
    assert isinstance(last, MetadataFact)
    assert last.metadata is not None
    assert last.metadata.generation_id == 4
    assert [member.subscription for member in last.metadata.members] == [b"r", b"r"]
    (note,) = outcome.notes
    assert note == MembershipChanged("g", each.membership, (("one", 1_030),))


def test_a_null_protocol_name_is_sent_only_to_versions_that_know_it() -> None:
    each = draft()
    each.refuse_join(Waiting(5, 6), 25)
    each.refuse_join(Waiting(6, 7), 25)
    assert [reply.body.protocol_name for reply in each.replies] == ["", None]
