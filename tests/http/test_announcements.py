"""Announcements through the API."""

from typing import Any

from tabletap.kernel.ids import new_id
from tests.http.conftest import Place


async def said(place: Place, tail: str) -> list[Any]:
    key = f"cafe:{place.cafe.cafe_id}:{tail}"
    return list((await place.manager.get(f"/events?stream={key}")).body["items"])


async def test_a_manager_says_something_to_the_cafe(place: Place) -> None:
    made = await place.manager.post("/announcements", {"message": " Kitchen closes at nine "})

    assert made.status == 201
    streams = [f"cafe:{place.cafe.cafe_id}:{tail}" for tail in ("board", "staff")]
    assert (made.body["message"], made.body["streams"]) == ("Kitchen closes at nine", streams)
    [on_board] = await said(place, "board")
    assert on_board["eventId"] == made.body["announcementId"]
    assert on_board["message"] == "Kitchen closes at nine"


async def test_the_lists_of_roles_and_people_are_heeded(place: Place) -> None:
    body = {"message": "Hands!", "includeRoles": ["staff", "kitchen"], "excludeRoles": ["kitchen"], "excludeUsers": []}

    made = await place.manager.post("/announcements", body)

    assert (made.status, made.body["people"]) == (201, 1)
    assert "streams" not in made.body
    assert await said(place, "staff") == []


async def test_a_key_makes_repeating_safe(place: Place) -> None:
    first, second = [await place.manager.post("/announcements", {"message": "Hello"}, key="k") for _ in range(2)]

    assert (first.raw, second.status) == (second.raw, 201)
    assert second.headers["idempotency-replayed"] == "true"
    assert len(await said(place, "staff")) == 1


MISSHAPEN: tuple[dict[str, Any], ...] = (
    {},
    {"message": ""},
    {"message": " "},
    {"message": "x" * 501},
    {"message": 1},
    {"message": "Hello", "includeRoles": ["cook"]},
    {"message": "Hello", "includeRoles": "kitchen"},
    {"message": "Hello", "excludeUsers": ["me"]},
    {"message": "Hello", "excludeUsers": [new_id() for _ in range(501)]},
    {"message": "Hello", "streams": ["cafe"]},
    {"message": "Hello", "cafe": new_id()},
)


async def test_what_has_another_shape_is_refused_in_one_sentence(place: Place) -> None:
    for body in MISSHAPEN:
        reply = await place.manager.post("/announcements", body)
        assert (reply.status, reply.code) == (400, "invalid_request"), body
        assert reply.body["detail"].endswith(".")
    assert await said(place, "staff") == []


async def test_only_managers_announce_and_never_a_card_number(place: Place) -> None:
    for caller in (place.counter, place.staff, place.kitchen, place.customer):
        assert (await caller.post("/announcements", {"message": "Hello"})).status == 403
    assert (await place.anybody.post("/announcements", {"message": "Hello"})).status == 401
    assert (await place.manager.post("/announcements", {"message": "Card 4242 4242 4242 4242"})).status >= 400
    assert await said(place, "staff") == []
