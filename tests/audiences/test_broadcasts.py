"""What a manager announces is heard by exactly those who were meant, once each, and stands in their streams."""

from typing import Any

import msgspec
import pytest

from tabletap.audiences import broadcasts
from tabletap.audiences.broadcasts import Announce, AnnouncementView, TooManyAddressed
from tabletap.identity.errors import PersonNotFound
from tabletap.kernel.errors import InvalidRequest, NotAllowed, OtherCafe, Refusal
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Actor, Role
from tests.audiences.place import Place

ENVELOPE = {"eventId", "causeId", "name", "timestamp", "schemaVersion", "cafeId", "stream", "epoch", "seq"}


async def announce(place: Place, by: Actor | None = None, **request: Any) -> AnnouncementView:
    """Say something; lists become what they are in a request."""
    wanted = Announce(message="Kitchen closes at nine", **{name: frozenset(each) for name, each in request.items()})
    return (await place.services.broadcasts.announce(wanted, by or place[Role.MANAGER])).value


async def heard(place: Place, *streams: str) -> list[Any]:
    """The announcements in these streams."""
    events = [event for key in streams for event in await place.told(key)]
    return [msgspec.json.decode(event.wire()) for event in events if event.name == "announcement"]


async def heard_by(place: Place, *people: Actor) -> list[int]:
    """How often each of them was told, by themselves."""
    return [len(await heard(place, f"user:{person.person_id}")) for person in people]


async def test_with_nobody_named_it_is_for_the_staff_and_the_board(place: Place) -> None:
    cook, waiter = await place.hire(Role.KITCHEN), await place.hire(Role.STAFF)

    said = await announce(place)

    keys = [f"cafe:{place.id}:{tail}" for tail in ("board", "staff")]
    on_board, to_staff = await heard(place, *keys)
    assert {name: on_board[name] for name in on_board if name not in ENVELOPE} == {"message": "Kitchen closes at nine"}
    assert to_staff["announcedBy"] == place[Role.MANAGER].person_id
    assert on_board["eventId"] == to_staff["eventId"] == said.announcement_id
    assert on_board["causeId"] == to_staff["causeId"]
    assert said.streams == keys
    assert await heard(place, *(f"cafe:{place.id}:{tail}" for tail in ("kitchen", "counter", "management"))) == []
    assert await heard_by(place, cook, waiter) == [0, 0]


async def test_somebody_with_two_of_the_roles_hears_it_once(place: Place) -> None:
    both, counter = await place.hire(Role.COUNTER, Role.KITCHEN), await place.hire(Role.COUNTER)
    waiter, chief = await place.hire(Role.STAFF), await place.hire(Role.MANAGER)

    said = await announce(place, include_roles=[Role.COUNTER, Role.KITCHEN], include_users=[both.person_id])

    assert await heard_by(place, both, counter, waiter, chief) == [1, 1, 0, 0]
    assert said.people == 2
    ids = {event["eventId"] for event in await heard(place, f"user:{both.person_id}", f"user:{counter.person_id}")}
    assert ids == {said.announcement_id}
    assert await heard(place, f"cafe:{place.id}:staff", f"cafe:{place.id}:board") == []


async def test_exclusion_wins_over_inclusion(place: Place) -> None:
    counter, busy = await place.hire(Role.COUNTER), await place.hire(Role.COUNTER)
    both = await place.hire(Role.COUNTER, Role.KITCHEN)

    said = await announce(
        place,
        include_roles=[Role.COUNTER],
        include_users=[both.person_id, busy.person_id],
        exclude_roles=[Role.KITCHEN],
        exclude_users=[busy.person_id, new_id()],
    )

    assert await heard_by(place, counter, busy, both) == [1, 0, 0]
    assert said.people == 1


async def test_with_exclusions_alone_everybody_else_who_works_here_is_meant(place: Place, other_place: Place) -> None:
    cook, waiter, busy = [await place.hire(role) for role in (Role.KITCHEN, Role.STAFF, Role.STAFF)]
    gone = await place.hire(Role.STAFF)
    await place.services.identity.disable(gone.person_id, place[Role.ADMIN])
    guest, stranger = await place.known_guest(), await other_place.hire(Role.STAFF)

    await announce(place, exclude_roles=[Role.KITCHEN], exclude_users=[busy.person_id])

    assert await heard_by(place, cook, waiter, busy, gone, guest) == [0, 1, 0, 0, 0]
    assert await heard_by(other_place, stranger) == [0]


async def test_guests_are_meant_where_their_role_is_named_and_only_while_they_are_here(place: Place) -> None:
    early = await place.known_guest()
    place.services.clock.let_time_pass(hours=5)
    here, waiter, account = await place.known_guest(), await place.hire(Role.STAFF), await place.customer()

    await announce(place, include_roles=[Role.CUSTOMER])
    await announce(place, include_users=[account.person_id])

    assert await heard_by(place, early, here, waiter, account) == [0, 1, 0, 1]
    [told] = await heard(place, f"user:{here.person_id}")
    assert set(told) - ENVELOPE == {"message"}


async def test_the_stream_of_a_role_hears_what_is_said_to_it_by_name(place: Place) -> None:
    key = f"cafe:{place.id}:role:kitchen"
    cook = await place.hire(Role.KITCHEN)

    said = await announce(place, streams=[key])

    [told] = await heard(place, key)
    assert told["announcedBy"] == place[Role.MANAGER].person_id
    assert said.streams == [key]
    assert await heard_by(place, cook) == [0]


async def test_where_nobody_is_left_nobody_hears(place: Place) -> None:
    cook = await place.hire(Role.KITCHEN)

    said = await announce(place, include_roles=[Role.KITCHEN], exclude_roles=[Role.KITCHEN])

    assert said.people == 0
    assert await heard_by(place, cook) == [0]


REFUSED: dict[str, tuple[dict[str, Any], type[Refusal]]] = {
    "people and streams": ({"streams": ["cafe:{own}:staff"], "exclude_users": [new_id()]}, InvalidRequest),
    "a board, which is nobody": ({"include_roles": [Role.BOARD]}, InvalidRequest),
    "no stream": ({"streams": ["cafe:{own}:everybody"]}, InvalidRequest),
    "a stream of orders": ({"streams": [f"order:{new_id()}"]}, InvalidRequest),
    "the kitchen's tickets": ({"streams": ["cafe:{own}:kitchen"]}, InvalidRequest),
    "another cafe's stream": ({"streams": ["cafe:{other}:staff"]}, OtherCafe),
    "somebody who is not there": ({"include_users": [new_id()]}, PersonNotFound),
}


async def test_what_cannot_be_announced_is_told_to_nobody(place: Place, other_place: Place) -> None:
    ids = {"{own}": place.id, "{other}": other_place.id}

    for request, refusal in REFUSED.values():
        filled: dict[str, Any] = {name: [_filled(each, ids) for each in values] for name, values in request.items()}
        with pytest.raises(refusal):
            await announce(place, **filled)

    for cafe in (place, other_place):
        assert await heard(cafe, f"cafe:{cafe.id}:staff", f"cafe:{cafe.id}:board", f"cafe:{cafe.id}:kitchen") == []


def _filled(text: str, ids: dict[str, str]) -> str:
    for mark, id_ in ids.items():
        text = text.replace(mark, id_)
    return text


async def test_only_who_leads_the_cafe_announces(place: Place) -> None:
    for role in (Role.COUNTER, Role.STAFF, Role.KITCHEN, Role.CUSTOMER):
        with pytest.raises(NotAllowed):
            await announce(place, place[role])


async def test_an_announcement_has_words(place: Place) -> None:
    for message in ("   ", "\x07", "a\x00b"):
        with pytest.raises(InvalidRequest):
            await place.services.broadcasts.announce(Announce(message=message), place[Role.MANAGER])


async def test_nobody_writes_to_more_people_than_are_in_any_cafe(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcasts, "MOST_ADDRESSED", 2)
    for _ in range(3):
        await place.hire(Role.STAFF)

    with pytest.raises(TooManyAddressed):
        await announce(place, include_roles=[Role.STAFF])


async def test_the_same_request_again_is_not_said_again(place: Place) -> None:
    once = place.once(place[Role.MANAGER], "closing")
    wanted = Announce(message="Kitchen closes at nine")

    first, second = [await place.services.broadcasts.announce(wanted, place[Role.MANAGER], once) for _ in range(2)]

    assert (first.replayed, second.replayed) == (False, True)
    assert second.value == first.value
    assert len(await heard(place, f"cafe:{place.id}:staff")) == 1
