"""Everybody asks for everything, everywhere, in every way there is: they get what the contract names and nothing more.

The tables here are the contract's (4 and 4.3), written down a second time and not taken from our code.
"""

import asyncio
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Role
from tests.realtime.world import Screen
from tests.support.shared_world import opened
from tests.support.world import CafeWorld, World

LEADERS = {"manager", "admin"}
AT_THE_COUNTER = {"counter", *LEADERS}
STAFF = {"staff", *AT_THE_COUNTER}
HEARERS = {
    "kitchen": {"kitchen", *LEADERS},
    "role:kitchen": {"kitchen", *LEADERS},
    "counter": AT_THE_COUNTER,
    "staff": STAFF,
    "management": LEADERS,
    "board": {"board", *LEADERS},
    **{f"role:{role}": LEADERS for role in Role if role != "kitchen"},
}
"""Which of the cafe's people hear which of its streams."""
OFFERED = {
    "/orders": {"order", "user", "staff"},
    "/kitchen": {"kitchen", "role:kitchen"},
    "/counter": {"counter", "staff", "order"},
    "/customers": {"order", "user", "board"},
    "/payments": {"payment", "order", "user", "counter"},
    "/admin": {"order", "payment", "user", *HEARERS},
}
"""Which streams may be asked for where."""
EVERYBODY = {*STAFF, "kitchen", "customer", "friend", "board"}
ADMITTED = {
    "/orders": EVERYBODY,
    "/kitchen": {"kitchen", *LEADERS},
    "/counter": STAFF,
    "/customers": {"customer", "friend", "board"},
    "/payments": EVERYBODY,
    "/admin": LEADERS,
}
"""Who may connect where."""
JOINS = {
    "join_order": ("order", "orderId", {"/orders", "/customers", "/payments"}),
    "join_payment": ("payment", "paymentId", {"/payments"}),
}
QUESTIONS_EACH = 14
"""That a person asks in a namespace; more would meet the limit of messages."""


class Person(NamedTuple):
    """Somebody who asks."""

    cafe_id: Id
    name: str
    id: Id
    token: str


class Stream(NamedTuple):
    """Something to ask for: whose it is decides who hears it."""

    cafe_id: Id
    kind: str
    key: str
    owner_id: Id | None = None


def may_hear(person: Person, stream: Stream) -> bool:
    """Contract 4.3, "Who may hear which"."""
    if person.cafe_id != stream.cafe_id:
        return False
    if stream.kind == "user":
        return person.id == stream.owner_id
    if stream.kind in ("order", "payment"):
        return person.name in STAFF or person.id == stream.owner_id
    return person.name in HEARERS[stream.kind]


def people_of(world: World, cafe: CafeWorld) -> Iterator[Person]:
    for name, actor in cafe.people.items():
        yield Person(cafe.id, name, actor.person_id, cafe.tokens[name])
    board = new_id()
    token = world.app.services.tokens.issue(cafe_id=cafe.id, person_id=board, roles=frozenset({Role.BOARD}))
    yield Person(cafe.id, "board", board, token)


async def trade(world: World, cafe: CafeWorld) -> tuple[Id, Id]:
    """The cafe's customer orders and pays; the order and the payment."""
    token, key = cafe.tokens["customer"], new_id()
    lines = [{"menuItemId": cafe.menu["Flat white"].id, "quantity": 1}]
    order = (await world.call("POST", "/orders", token, {"items": lines})).body
    body = {"orderId": order["id"], "paymentMethod": "customer_credit"}
    paid = await world.call("POST", "/payments", token, body, key=key)
    assert paid.status == 201, paid
    return order["id"], paid.body["paymentId"]


async def streams_of(world: World, cafe: CafeWorld, people: list[Person]) -> list[Stream]:
    customer = cafe.people["customer"].person_id
    order_id, payment_id = await trade(world, cafe)
    return [
        *(Stream(cafe.id, kind, f"cafe:{cafe.id}:{kind}") for kind in HEARERS),
        Stream(cafe.id, "order", f"order:{order_id}", customer),
        Stream(cafe.id, "payment", f"payment:{payment_id}", customer),
        *(Stream(cafe.id, "user", f"user:{each.id}", each.id) for each in people if each.cafe_id == cafe.id),
    ]


async def ask(screen: Screen, person: Person, namespace: str, stream: Stream, verb: str) -> None:
    """Ask for a stream in a way, and hold the answer against the contract."""
    if verb in JOINS:
        kind, field, where = JOINS[verb]
        if kind != stream.kind or namespace not in where:
            return
        ack = await screen.ask(verb, {field: stream.key.split(":")[1]})
    else:
        ack = await screen.ask("subscribe", {"stream": stream.key})
    allowed = may_hear(person, stream) and stream.kind in OFFERED[namespace]
    assert ack["ok"] is allowed, (person, namespace, verb, stream, ack)
    if not allowed:
        assert ack["error"]["type"] in ("authorization_denied", "resource_not_found"), ack


async def read(world: World, person: Person, stream: Stream) -> None:
    """The same over HTTP, where there are no namespaces."""
    for path in (f"/events?stream={stream.key}&after=0", f"/streams/{stream.key}/snapshot"):
        answer = await world.call("GET", path, person.token)
        expected = {200} if may_hear(person, stream) else {403, 404}
        assert answer.status in expected, (person, path, answer)


class Questioner:
    """Puts the questions, and keeps every screen open to see what it hears."""

    def __init__(self, world: World, people: list[Person], streams: list[Stream]) -> None:
        self.world, self.people, self.streams = world, people, streams
        self.chance = random.Random(20_26)  # noqa: S311 - not for secrets
        self.screens: list[tuple[Person, str, Screen]] = []

    async def come_everywhere(self) -> None:
        """Everybody connects to every namespace that lets them in, and names every stream as one to go on with."""
        cursors = {stream.key: {"epoch": 1, "seq": 0} for stream in self.streams}
        for person in self.people:
            for namespace, admitted in ADMITTED.items():
                if person.name not in admitted:
                    continue
                screen = Screen(self.world.url, namespace)
                self.screens.append((person, namespace, screen))
                await screen.connect({"token": person.token, "cursors": cursors})
                ready = await screen.hears("session_ready")
                resumed = {each["stream"] for each in ready["streams"]}
                assert resumed == {each.key for each in self.allowed(person, namespace)}, (person, namespace)
                if refused := len(self.streams) - len(resumed):
                    await screen.hears("exception", refused)

    def allowed(self, person: Person, namespace: str) -> list[Stream]:
        return [each for each in self.streams if may_hear(person, each) and each.kind in OFFERED[namespace]]

    async def ask_at_random(self) -> None:
        """Some of everything else that can be said, and read."""
        for person, namespace, screen in self.screens:
            for stream in self.chance.sample(self.streams, QUESTIONS_EACH):
                await ask(screen, person, namespace, stream, self.chance.choice(["subscribe", *JOINS]))
            for stream in self.chance.sample(self.streams, 2):
                await read(self.world, person, stream)
            own = await screen.ask("join_cafe", {"cafeId": person.cafe_id})
            joined = {each["stream"] for each in own["result"]["streams"]}
            of_cafe = {each.key for each in self.allowed(person, namespace) if each.kind not in ("order", "payment")}
            assert joined == of_cafe, (person, namespace)
            for stream in {each.cafe_id: each for each in self.streams}.values():
                if stream.cafe_id != person.cafe_id:
                    assert (await screen.ask("join_cafe", {"cafeId": stream.cafe_id}))["ok"] is False

    def assert_nobody_heard_more(self) -> int:
        """Of all that was sent; answers how much it was."""
        heard = 0
        for person, namespace, screen in self.screens:
            allowed = {each.key for each in self.allowed(person, namespace)}
            for event in screen.events():
                assert event["cafeId"] == person.cafe_id, (person, namespace, event)
                assert event["stream"] in allowed, (person, namespace, event)
                heard += 1
        return heard

    async def leave(self) -> None:
        await asyncio.gather(*(screen.leave() for *_, screen in self.screens), return_exceptions=True)


@pytest.mark.timeout(240)
async def test_nobody_hears_more_than_the_contract_says_wherever_and_however_they_ask(
    engine_name: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with opened(request, tmp_path_factory, engine_name) as world:
        cafes = (world.home, world.other)
        people = [person for cafe in cafes for person in people_of(world, cafe)]
        streams = [stream for cafe in cafes for stream in await streams_of(world, cafe, people)]
        questioner = Questioner(world, people, streams)
        try:
            await questioner.come_everywhere()
            await questioner.ask_at_random()
            for cafe in cafes:
                await trade(world, cafe)
            for _, namespace, screen in questioner.screens:
                if namespace == "/admin":
                    await screen.hears("new_paid_order", 2)
            heard: Any = questioner.assert_nobody_heard_more()
            assert heard > 100
        finally:
            await questioner.leave()
