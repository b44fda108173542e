"""What the differential test sends and how it compares: variations, reduced answers, differences, findings."""

from __future__ import annotations

from pathlib import Path

from compat.differential import findings, golden
from compat.differential.cases import Scenario
from compat.differential.compare import batches, differences, reduce_answer
from compat.differential.families.common import batch
from compat.differential.generator import variations
from compat.differential.world import World
from neuraxis.wire.messages.list_groups import ListedGroup, ListGroupsRequest, ListGroupsResponse
from neuraxis.wire.messages.metadata import MetadataRequest, MetadataRequestTopic


def _ask(world: World) -> MetadataRequest:
    return MetadataRequest([MetadataRequestTopic(name=world.name("a"))], allow_auto_topic_creation=False)


def names(version: int) -> list[str]:
    return [name for name, _ in variations(Scenario(MetadataRequest, _ask), version)]


def test_every_field_that_a_version_carries_is_varied_and_no_other() -> None:
    assert names(0) == [
        "valid",
        "topics=none",
        "topics=twice",
        "topics[0].name=empty",
        "topics[0].name=unknown",
        "topics[0].name=invalid",
        "topics[0].name=long",
        "frame=cut",
        "frame=longer",
    ]
    assert {"topics=null", "topics[0].name=null", "topics[0].topic_id=unknown", "frame=unknown tag"} <= set(
        names(12)
    )
    assert "allow_auto_topic_creation=true" in names(4)


def test_a_variation_changes_one_field_of_a_new_request() -> None:
    world = World()
    world.begin("a case")
    step = dict(variations(Scenario(MetadataRequest, _ask), 1))["topics=twice"]
    assert step.build is not None
    assert step.build(world) == MetadataRequest(
        [MetadataRequestTopic(name=world.name("a"))] * 2, allow_auto_topic_creation=False
    )
    assert len(_ask(world).topics) == 1


def test_what_another_case_made_is_not_looked_at_and_order_means_nothing() -> None:
    world = World()
    world.begin("another case")
    foreign = world.name("group")
    world.begin("this case")
    own = world.name("group")
    asked = (ListGroupsRequest, 0)
    first = ListGroupsResponse(groups=[ListedGroup("z", "consumer"), ListedGroup(foreign), ListedGroup(own)])
    second = ListGroupsResponse(groups=[ListedGroup(own), ListedGroup("z", "consumer")])
    assert reduce_answer(first, asked, world) == reduce_answer(second, asked, world)


def test_learned_ids_become_symbols() -> None:
    world = World()
    world.begin("a case")
    world.learn("member", "differential-1")
    answer = ListGroupsResponse(groups=[ListedGroup("differential-1")])
    assert reduce_answer(answer, (ListGroupsRequest, 0), world)["groups"][0]["group_id"] == "<member>"


def test_a_batch_cut_short_is_as_if_it_was_not_there() -> None:
    whole = batch(b"a", b"b")
    assert batches(whole + whole[:-1]) == batches(whole) == [[0, 1, -1, 0, [["k", "a"], ["k", "b"]]]]


def test_differences_name_the_item_they_are_in() -> None:
    kafka = {"topics": [{"name": "a", "error_code": 0}, {"name": "b", "error_code": 3}]}
    ours = {"topics": [{"name": "a", "error_code": 0}, {"name": "b", "error_code": 17}]}
    assert list(differences(kafka, ours)) == [("topics[b].error_code", "3", "17")]
    assert list(differences({"topics": [{"name": "a"}]}, {"topics": []})) == [
        ("topics[]", '{"name": "a"}', "absent")
    ]


def test_a_finding_explains_what_its_globs_match(tmp_path: Path) -> None:
    table = tmp_path / "FINDINGS.md"
    table.write_text(
        "| Case | Field | Kafka | Neuraxis | Right | Reason |\n|---|---|---|---|---|---|\n"
        "| `Fetch v* a[0]=*` | `*.error_code` | `3` | `17` | Kafka | Sometimes it is. |\n"
    )
    (row,) = findings.read(table)
    assert row.sometimes
    known = findings.Difference("Fetch v4 a[0]=1", "0.error_code", "3", "17")
    new = findings.Difference("Fetch v4 a[1]=1", "0.error_code", "3", "17")
    unexplained, counts = findings.explain([known, new], [row])
    assert (unexplained, counts) == ([new], {row: 1})


def test_answers_that_two_runs_do_not_agree_on_are_not_compared(tmp_path: Path) -> None:
    agreed = golden.agreed({"a": [1], "b": [2]}, {"a": [1], "b": [3]})
    golden.write(agreed, tmp_path / "answers.xz")
    kept = golden.read(tmp_path / "answers.xz")
    assert kept == {"a": [1], "b": golden.UNSTABLE}
    assert list(findings.compare(kept, {"a": [4], "b": [4]})) == [findings.Difference("a", "0", "1", "4")]
