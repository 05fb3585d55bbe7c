"""What happens with tips, in steps that tests tell."""

from typing import Any
from zoneinfo import ZoneInfo

from tabletap.cafes.business_day import business_day_of
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Actor, Role
from tabletap.ledger import service as ledger
from tabletap.tips.sharing import service as sharing
from tests.support.books import assert_books_are_right
from tests.support.world import Answer, World


async def hired(world: World, name: str, role: Role) -> str:
    """A member of staff, signed in."""
    admin = world.home.people["admin"]
    view = await world.app.services.identity.add_staff(
        name=name, email=f"{name}-{new_id()}@example.org", password="a-long-password-of-tests",
        roles=frozenset({role}), by=admin,
    )  # fmt: skip
    world.home.people[name] = Actor(cafe_id=world.home.id, person_id=view.id, roles=frozenset({role}))
    world.home.tokens[name] = world.app.services.tokens.issue(
        cafe_id=world.home.id, person_id=view.id, roles=frozenset({role})
    )
    return view.id


async def in_the_sixth_hour(world: World) -> World:
    """The world with business days that begin about six hours before now: no test runs over their end."""
    local = world.clock.now().astimezone(ZoneInfo(world.home.cafe.time_zone))
    minute = (local.hour * 60 + local.minute) // 15 * 15 - 6 * 60
    body = {"dayStartsMinute": minute % (24 * 60)}
    changed = await world.call("PUT", f"/cafes/{world.home.id}", "manager", body)
    assert changed.status == 200, changed
    world.home.cafe = await world.app.services.cafes.get(world.home.id)
    return world


async def let_hours_pass(world: World, hours: int) -> None:
    """Longer than tokens hold: everybody signs in again."""
    await world.let_time_pass(hours=hours)
    for name, person in world.home.people.items():
        world.home.tokens[name] = world.app.services.tokens.issue(
            cafe_id=world.home.id, person_id=person.person_id, roles=person.roles
        )


def today(world: World) -> str:
    """The business day it is."""
    return business_day_of(world.home.cafe, world.clock.now()).date.isoformat()


async def tip(world: World, amount: int = 51) -> dict[str, Any]:
    """An order that is paid with a tip at once."""
    order = await world.order()
    answer = await world.pay(order, "customer_credit", tipAmount=amount)
    assert answer.status == 201, answer
    payment: dict[str, Any] = answer.body
    return payment


async def pool(world: World) -> dict[str, Any]:
    """The newest pool."""
    found: dict[str, Any] = (await world.call("GET", "/tips/pools", "manager")).body["items"][0]
    return found


async def share_out(world: World) -> Answer:
    """Share the newest pool out."""
    path = f"/tips/pools/{(await pool(world))['poolId']}/distribute"
    return await world.call("POST", path, "manager", {}, key=new_id())


async def refund(world: World, payment: dict[str, Any], **body: Any) -> Answer:
    """Give a payment back, all of it unless an amount is given."""
    return await world.call("POST", f"/payments/{payment['paymentId']}/refunds", "manager", body, key=new_id())


async def rule(world: World, **wanted: Any) -> Answer:
    """Set how tips are shared."""
    return await world.call("PUT", "/tips/rules", "manager", wanted)


async def owed(world: World, staff_id: str) -> int:
    """What a worker is still to get, by the ledger."""
    booked = await world.app.db.read(world.home.id, lambda reader: ledger.balances(reader, world.home.id))
    return -booked.get(f"tips_payable:{staff_id}", 0)


async def assert_all_is_right(world: World) -> None:
    """The books, and what verifying says of tips."""
    assert await world.app.db.read(world.home.id, sharing.check, consistent=True) == []
    await assert_books_are_right(world)
