"""Turns: everybody's work is done, in order, and never much of it in one round of the loop."""

import asyncio
from functools import partial
from itertools import pairwise

from tabletap.realtime.engine.turns import A_TURN, Turns


async def test_a_crowd_is_served_in_order_and_others_get_their_turn_between() -> None:
    turns = Turns()
    done: list[int] = []
    crowd = range(A_TURN * 10)

    for number in crowd:
        turns.begin(partial(done.append, number))
    lengths = [len(done)]
    while len(done) < len(crowd):
        await asyncio.sleep(0)
        lengths.append(len(done))

    assert done == list(crowd)
    assert max(after - before for before, after in pairwise(lengths)) <= A_TURN


async def test_little_is_done_at_once() -> None:
    turns = Turns()
    done: list[int] = []

    for number in range(5):
        turns.begin(partial(done.append, number))
        assert done[-1] == number, "nobody waited"
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def test_work_that_asks_for_more_is_served_after_those_who_wait() -> None:
    turns = Turns()
    done: list[str] = []

    def greedy() -> None:
        done.append("greedy")
        turns.begin(lambda: done.append("more"))

    turns.begin(greedy)
    for _ in range(A_TURN * 2):
        turns.begin(lambda: done.append("patient"))
    for _ in range(A_TURN * 4):
        await asyncio.sleep(0)

    assert sorted(done) == sorted(["greedy", "more", *["patient"] * (A_TURN * 2)])
