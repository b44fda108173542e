"""The report of the simulated worlds: the page is made of its figures, and they speak of this code."""

from __future__ import annotations

from tests.simulation import campaign, report
from tests.simulation.plan import Plan, draw_short
from tests.simulation.planted import BUGS
from tests.simulation.world import World

RESULTS = report.load()


def test_the_page_is_made_of_its_figures() -> None:
    assert report.PAGE.read_text("utf-8") == report.page(RESULTS)


def test_every_planted_bug_was_found_by_one_of_its_seeds() -> None:
    assert set(RESULTS["planted"]) == set(BUGS)
    assert all(found["seed"] < BUGS[name].seeds for name, found in RESULTS["planted"].items())


def test_the_large_run_had_its_worlds_and_every_fault_of_the_table() -> None:
    run = max(RESULTS["runs"], key=lambda each: int(each["worlds"]))
    assert run["fewest_events"] >= campaign.LEAST_EVENTS
    assert len(run["blocks"]) == run["worlds"] // campaign.BLOCK
    assert [what for what, key, _ in report.ROWS if not run["injected"].get(key)] == []
    hit = {key.split("|")[1] for key in run["places"] if key.startswith("crash|")}
    assert hit >= set(report.AIMED)


def test_a_block_is_told_by_the_digests_of_its_chunks() -> None:
    chunk = campaign.play_chunk(1, 2)
    whole = [campaign.Chunk(**{**chunk, "first": first, "count": 500}) for first in (2_000, 2_500, 3_000)]
    blocks = campaign.blocks(whole)
    assert list(blocks) == ["2000"]  # the other is not whole
    assert blocks == campaign.blocks(whole[:2])


def test_faults_are_aimed_at_every_place_and_bits_rot_in_some_of_the_first_worlds() -> None:
    plans: list[Plan] = [draw_short(seed) for seed in range(400)]
    assert {aim.place for plan in plans for aim in plan.aims} == set(report.AIMED)
    assert any(plan.rots for plan in plans)


def test_a_flipped_bit_is_named_at_the_end_and_put_back_for_the_checkers() -> None:
    seed = next(seed for seed in range(400) if draw_short(seed).rots)
    world = World(draw_short(seed))
    world.run()
    rots = ("bit rot", "bit rot in a coordinator's log")
    assert sum(world.injected[rot] for rot in rots) == len(world.rot.spots) > 0
    spot = world.rot.spots[0]
    rotten = spot.inode.seen[spot.position]
    with world.rot.as_written():
        assert spot.inode.seen[spot.position] == rotten ^ 1 << spot.bit
    assert spot.inode.seen[spot.position] == rotten
