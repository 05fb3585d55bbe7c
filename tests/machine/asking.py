"""Asking the server for something, now and again under the same key, and surviving its death."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar, TypeVar

import msgspec
from hypothesis.stateful import RuleBasedStateMachine

from tabletap.http.services import Services
from tabletap.infra.idempotency import Once, Outcome
from tabletap.kernel.errors import Kind, Refusal
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Actor
from tests.machine import invariants
from tests.machine.invariants import PaymentRow
from tests.machine.place import Crashed, Place
from tests.support.world import CafeWorld

STORED = (Kind.NOT_FOUND, Kind.REFUSED)
"""Refusals that are an answer to be given again; the others say that it may be tried again."""

SOME = range(6)
"""Which of what there is: counted from the newest, around the corner."""

Ask = Callable[[Services, Once], Awaitable[Outcome[Any]]]


class Asked:
    """A request that a caller made under a key, and what it came to, if the caller ever learnt it."""

    def __init__(self, what: str, ask: Ask, by: Actor) -> None:
        self.what, self.ask = what, ask
        self.once = Once(by.cafe_id, by.person_id, what, new_id(), what.encode())
        self.answer: str | None = None
        self.was_cut_off = False


class Action(msgspec.Struct, frozen=True):
    """Something that can happen, how often, with one of what, and when it makes sense."""

    weight: int
    given: dict[str, Sequence[Any]]
    when: Callable[[Any], bool]


ACTIONS: dict[str, Action] = {}
_Method = TypeVar("_Method", bound=Callable[..., None])


def sometimes(
    weight: int, *, when: Callable[[Any], bool] = lambda _: True, **given: Sequence[Any]
) -> Callable[[_Method], _Method]:
    """Let a method of the machine happen now and then."""

    def note(method: _Method) -> _Method:
        ACTIONS[method.__name__] = Action(weight, given, when)
        return method

    return note


class Caller(RuleBasedStateMachine):
    """Somebody who asks the server for things, and remembers what it said."""

    place: ClassVar[Place]
    cafe: CafeWorld
    people: dict[str, Actor]
    asked: list[Asked]
    orders: list[str]
    payments: list[PaymentRow]
    decided: set[str]
    """Payments about which a manager had the last word."""

    def attempt(self, work: Callable[[Services], Awaitable[Any]]) -> Any:
        """Have the server do something: its answer, its refusal, or Crashed, when another server runs already."""

        async def run() -> Any:
            return await work(self.place.app.services)

        try:
            return self.place.run(run())
        except Refusal as refusal:
            return refusal
        except Crashed as crashed:
            self.place.note(f"killed at {crashed}")
            self.place.die()
            return crashed
        finally:
            self.payments = invariants.payments(self.place, self.cafe.id)

    def ask(self, what: str, by: str, ask: Ask) -> Any:
        """A request under a new key."""
        asked = Asked(what, ask, self.people[by])
        self.asked.append(asked)
        return self.send(asked)

    def send(self, asked: Asked) -> Any:
        """A request, or the same once more: a second answer is the first one."""
        result = self.attempt(lambda services: asked.ask(services, asked.once))
        if isinstance(result, Crashed):
            asked.was_cut_off = True
            return result
        said = _said(result)
        self.note(asked.what, result)
        if asked.answer is not None:
            assert said == asked.answer, f"{asked.what}: another answer to the same key"
            assert result.replayed, f"{asked.what}: done twice"
        asked.answer = said
        return result

    def note(self, what: str, result: Any) -> None:
        if not isinstance(result, Crashed):
            self.place.note(f"{what}: {result.code if isinstance(result, Refusal) else 'done'}")

    def payment(self, some: int) -> PaymentRow:
        return self.payments[-1 - some % len(self.payments)]

    def order(self, some: int) -> str:
        return self.orders[-1 - some % len(self.orders)]


def _said(result: Any) -> str | None:
    """An answer as its caller has it; None when it says nothing that has to stay so."""
    if isinstance(result, Refusal):
        return f"{result.code}: {result.detail}" if result.kind in STORED else None
    return msgspec.json.encode(result.value).decode()
