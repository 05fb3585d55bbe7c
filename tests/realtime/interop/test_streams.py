"""Streams as the official clients hear them: the answer, what was missed, then what happens; all of it or none."""

from typing import Any

import pytest

from tabletap.kernel.people import Role
from tests.realtime.interop.stage import HEADER, Stage

STRANGE = "naïve Ω 漢字 한국어 עברית 👩‍🍳🏳️‍🌈 \\ \" ' / <script> \u0000 \u001e \u2028 \u2029 \ufeff \ufffd 0{2} 42[1] -"
"""Text that is hard on protocols: separators of theirs, control characters, other planes, both directions."""


def at(seq: int, epoch: int = 1) -> dict[str, int]:
    return {"epoch": epoch, "seq": seq}


async def test_the_answer_comes_then_what_was_missed_then_what_happens(stage: Stage) -> None:
    await stage.happen(*(f"number {number}" for number in range(1, 21)))
    socket = await stage.socket("/orders")

    [number] = await socket.client.send("/orders", ("subscribe", {"stream": stage.key, "cursor": at(5)}))
    await socket.reaches(stage.key, 20)
    await stage.happen("number 21", "number 22")
    await socket.reaches(stage.key, 22)

    assert (await socket.ack(number))["result"] == {"stream": stage.key, "epoch": 1, "head": 20, "replayed": 15}
    order = [(each.kind, each.name) for each in socket.heard if each.name != "heartbeat"]
    assert order[1:] == [("event", "session_ready"), ("ack", str(number)), *[("event", "announcement")] * 17]
    assert socket.seqs(stage.key) == list(range(6, 23))
    assert [event["message"] for event in socket.named("announcement")] == [f"number {n}" for n in range(6, 23)]


async def test_without_a_cursor_a_stream_is_live_from_now(stage: Stage) -> None:
    await stage.happen("old", "older")
    socket = await stage.socket("/orders")

    result = await socket.result("subscribe", {"stream": stage.key})
    await stage.happen("new")

    assert result == {"stream": stage.key, "epoch": 1, "head": 2, "replayed": 0}
    assert await socket.reaches(stage.key, 3) == [3]


async def test_an_event_arrives_as_it_was_written_whatever_letters_it_has(stage: Stage) -> None:
    socket = await stage.socket("/orders")
    await socket.result("subscribe", {"stream": stage.key})

    await stage.happen(STRANGE)
    event = await socket.hears("announcement")

    assert event["message"] == STRANGE
    assert set(event) == {"message", *HEADER}
    assert (event["cafeId"], event["stream"], event["name"]) == (stage.world.home.id, stage.key, "announcement")


async def test_the_handshakes_cursors_resume_each_stream_by_itself(stage: Stage) -> None:
    await stage.happen("one", "two", "three")
    staff = f"cafe:{stage.world.home.id}:staff"
    foreign = f"cafe:{stage.world.other.id}:staff"
    cursors = {stage.key: at(1), foreign: at(0), staff: at(0, epoch=7)}

    client = await stage.client("/orders", auth={"token": stage.token(Role.STAFF), "cursors": cursors})
    socket = client.on("/orders")
    await socket.reaches(stage.key, 3)

    ready = await socket.hears("session_ready")
    assert ready["streams"] == [{"stream": stage.key, "epoch": 1, "head": 3, "replayed": 2}]
    assert socket.seqs(stage.key) == [2, 3]
    assert (await socket.hears("exception"))["stream"] == foreign
    assert (await socket.hears("snapshot_required"))["stream"] == staff


@pytest.mark.parametrize("cursor", [at(1, epoch=2), at(4)], ids=["another epoch", "a seq that never was"])
async def test_what_cannot_be_replayed_whole_is_not_replayed_at_all(stage: Stage, cursor: Any) -> None:
    await stage.happen("one", "two", "three")
    socket = await stage.socket("/orders")

    error = await socket.error("subscribe", {"stream": stage.key, "cursor": cursor})
    needed = await socket.hears("snapshot_required")
    await stage.happen("four")
    await socket.result("stream_ack", {"cursors": {}})

    assert (error["type"], error["code"]) == ("conflict", "snapshot_required")
    assert needed["stream"] == stage.key
    assert needed["reason"]
    assert socket.seqs(stage.key) == [], "the stream is left unsubscribed"
    assert (await socket.result("subscribe", {"stream": stage.key, "cursor": at(3)}))["replayed"] == 1
    assert await socket.reaches(stage.key, 4) == [4]


async def test_a_stream_that_is_restarted_has_to_be_begun_again(stage: Stage) -> None:
    await stage.happen("one")
    socket = await stage.socket("/orders")
    await socket.result("subscribe", {"stream": stage.key})

    await stage.restart(stage.key)

    assert (await socket.hears("snapshot_required"))["stream"] == stage.key


async def test_a_long_absence_is_replayed_whole_and_in_order(stage: Stage) -> None:
    await stage.happen(*(f"number {number}" for number in range(700)))

    socket = await stage.socket("/orders")
    await socket.result("subscribe", {"stream": stage.key, "cursor": at(0)})

    assert await socket.reaches(stage.key, 700) == list(range(1, 701))


async def test_what_happens_in_a_burst_arrives_in_order(stage: Stage) -> None:
    socket = await stage.socket("/orders")
    await socket.result("subscribe", {"stream": stage.key})

    for number in range(60):
        await stage.happen(f"number {number}")

    assert await socket.reaches(stage.key, 60) == list(range(1, 61))


async def test_nothing_comes_after_unsubscribing(stage: Stage) -> None:
    socket = await stage.socket("/orders")
    await socket.result("subscribe", {"stream": stage.key})
    await stage.happen("heard")
    await socket.reaches(stage.key, 1)

    assert await socket.result("unsubscribe", {"stream": stage.key}) == {"stream": stage.key}
    await stage.happen("unheard")
    await socket.result("subscribe", {"stream": stage.key})
    await stage.happen("heard again")

    assert await socket.reaches(stage.key, 3) == [1, 3]
