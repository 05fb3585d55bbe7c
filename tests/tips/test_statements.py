"""What workers read of their tips: statements, balances, their own part of what was shared."""

import pytest

from tabletap.cafes.business_day import business_day_of
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Role
from tabletap.tips.rules.packs import due_on
from tests.support.world import World
from tests.tips.conftest import Staffed
from tests.tips.steps import hired, in_the_sixth_hour, refund, rule, tip, today

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_worker_has_a_statement_of_their_own(staffed: Staffed) -> None:
    world, people = staffed
    await rule(world, mode="per_payment", pack="UK")
    payment = await tip(world, 100)
    await tip(world, 200)
    await refund(world, payment)
    pay = {"staffId": people["cook"], "method": "cash", "amount": 10}
    await world.call("POST", "/tips/payouts", "manager", pay, key=new_id())
    day = today(world)
    path = f"/tips/statements?from={day}&to={day}"

    own = await world.call("GET", path, "cook")
    others = await world.call("GET", f"{path}&staffId={people['cook']}", "waiter")
    async with world.session.get(
        f"{world.url}/api/v1{path}&format=csv", headers={"Authorization": f"Bearer {world.home.tokens['cook']}"}
    ) as answer:
        table = await answer.text()
    async with world.session.get(
        f"{world.url}/api/v1{path}&format=html", headers={"Authorization": f"Bearer {world.home.tokens['cook']}"}
    ) as answer:
        page = await answer.text()

    assert [(line["kind"], line["amount"], line["balance"]) for line in own.body["lines"]] == [
        ("shared", 30, 30), ("shared", 60, 90), ("clawback", -30, 60), ("paid_cash", -10, 50),
    ]  # fmt: skip
    assert (own.body["opening"], own.body["closing"]) == (0, 50)
    assert own.body["lines"][0]["dueOn"] > day
    assert others.status == 403
    assert len(table.splitlines()) == 5
    assert "0.30,0.30,AUD" in table
    assert "Still to be paid" in page
    assert "0.50" in page


async def test_what_is_still_to_be_paid_has_the_day_by_which_the_law_wants_it(
    staffed: Staffed,
) -> None:
    world, people = staffed
    await rule(world, mode="per_payment", pack="UK")
    await tip(world, 100)

    await rule(world, pack="none")
    balances = (await world.call("GET", "/tips/balances", "manager")).body["items"]
    day = business_day_of(world.home.cafe, world.clock.now()).date
    path = f"/tips/statements?from={day}&to={day}&staffId={people['cook']}"
    statement = (await world.call("GET", path, "manager")).body

    assert {each["staffId"] for each in balances} == set(people.values())
    assert {each["dueOn"] for each in balances} == {due_on("UK", day).isoformat()}  # type: ignore[union-attr]  # it has one
    assert statement["lines"][0]["dueOn"] == balances[0]["dueOn"]
    assert statement["cafeTotal"] == 100


@pytest.mark.parametrize(
    "period",
    ["from=0001-01-01&to=0001-01-02", "from=9999-12-30&to=9999-12-31", "from=2026-02-01&to=2026-01-01",
     "from=2020-01-01&to=2026-01-01"],
)  # fmt: skip
async def test_a_statement_is_about_days_that_can_be(world: World, period: str) -> None:
    answer = await world.call("GET", f"/tips/statements?{period}", "staff")

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, "to")


async def test_others_see_of_what_was_shared_only_what_they_had_a_part_in(
    staffed: Staffed,
) -> None:
    world, _ = staffed
    await rule(world, mode="per_payment", distribution={"kitchenStaff": 10_000, "serviceStaff": 0, "management": 0})
    payment = await tip(world, 100)
    day = today(world)

    async def seen(who: str, asked: str = "") -> int:
        answer = await world.call("GET", f"/tips/distributions?limit=9{asked}", who)
        assert answer.status == 200
        return len(answer.body["items"])

    assert [await seen(who) for who in ("manager", "cook", "waiter", "customer", "other:manager")] == [1, 1, 0, 0, 0]
    assert await seen("manager", f"&groupId={payment['paymentId']}&businessDay={day}") == 1
    assert await seen("manager", f"&groupId={new_id()}") == 0
    assert await seen("manager", "&businessDay=2020-01-01") == 0


async def test_a_name_on_a_statement_is_text_and_nothing_else(own_world: World) -> None:
    world = await in_the_sixth_hour(own_world)
    name = "<script>alert(1)</script>"
    await hired(world, name, Role.STAFF)

    headers = {"Authorization": f"Bearer {world.home.tokens[name]}"}
    url = f"{world.url}/api/v1/tips/statements?from=2026-01-01&to=2026-01-02&format=html"
    async with world.session.get(url, headers=headers) as answer:
        page, policy = await answer.text(), answer.headers["Content-Security-Policy"]

    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in policy
    assert not [what for what in ("style", "src=", "href=", "http:", "https:") if what in page]
