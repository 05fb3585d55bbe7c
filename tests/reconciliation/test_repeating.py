"""One file, once: again, killed midway, twice at once, dry; the same lines in another file; a wrong account."""

import asyncio
from typing import Any

import pytest

from tabletap.reconciliation.errors import StatementAccountUnknown, StatementCurrency
from tabletap.reconciliation.importing import ImportService
from tabletap.reconciliation.model import StatementLine
from tabletap.reconciliation.views import ImportReport
from tests.reconciliation.bank import (
    assert_lines_agree,
    awaited,
    bank_and_suspense,
    books,
    line,
    payment,
    statement,
    take_in,
    tally_of,
)
from tests.support.world import World, money_row_counts

pytestmark = pytest.mark.asyncio(loop_scope="package")


class Killed(Exception):
    """The process is gone."""


def counts(report: ImportReport) -> dict[str, tuple[int, int]]:
    """How many new lines ended where, and what they sum to."""
    names = ("matched", "partly_paid", "overpaid", "suggested", "suspense")
    return {name: (getattr(report.tally, name).lines, getattr(report.tally, name).amount) for name in names}


async def mixed_lines(world: World) -> list[StatementLine]:
    """Some of everything, more than are booked at the same time; two lines of them say the same."""
    wanted = [await awaited(world) for _ in range(24)]
    references = [each["reference"] for each in wanted]
    twin = line(480, references[20], bank_reference=None)
    return [
        *(line(480, reference) for reference in references[:14]),
        line(300, references[14]),
        line(600, references[15]),
        line(960, f"{references[16]} {references[17]}"),
        line(900, f"{references[18]} {references[19]}"),
        twin,
        twin,
        *(line(1_000_000 + n, "nobody knows") for n in range(40)),
        *(line(-2_000_000 - n, "rent") for n in range(20)),
    ]


EXPECTED = {"matched": 16, "partly_paid": 1, "overpaid": 1, "suggested": 2, "suspense": 60}


async def test_a_second_run_of_the_same_file_changes_nothing_and_says_so(own_world: World) -> None:
    lines = await mixed_lines(own_world)
    first = await take_in(own_world, *lines, content=b"one file")
    before = (await books(own_world), await money_row_counts(own_world))

    second = await take_in(own_world, *lines, content=b"one file")

    assert {name: count for name, (count, _) in counts(first).items()} == EXPECTED
    assert first.tally.amount_minor == sum(each.amount_minor for each in lines)
    assert (first.already_imported, first.new_lines, first.known_lines) == (False, len(lines), 0)
    assert (second.already_imported, second.new_lines, second.known_lines) == (True, 0, len(lines))
    assert (await books(own_world), await money_row_counts(own_world)) == before
    assert await tally_of(own_world) == EXPECTED
    await assert_lines_agree(own_world)


async def test_a_dry_run_says_what_would_happen_and_changes_nothing(own_world: World) -> None:
    lines = await mixed_lines(own_world)
    before = (await books(own_world), await money_row_counts(own_world))

    dry = await take_in(own_world, *lines, content=b"one file", dry_run=True)

    assert (await books(own_world), await money_row_counts(own_world)) == before
    assert await tally_of(own_world) == {}
    real = await take_in(own_world, *lines, content=b"one file")
    assert dry.dry_run
    assert counts(dry) == counts(real)


@pytest.mark.parametrize("after", [1, 2])
async def test_a_run_that_was_killed_is_finished_by_the_next(own_world: World, after: int) -> None:
    lines = [*await mixed_lines(own_world), *(line(3_000_000 + n, "more") for n in range(100))]
    bank, _ = await bank_and_suspense(own_world)
    calls = 0

    def die(done: int, of: int) -> None:
        nonlocal calls
        calls += 1
        if calls == after:
            raise Killed

    with pytest.raises(Killed):
        await take_in(own_world, *lines, content=b"one file", progress=die)
    assert 0 < sum((await tally_of(own_world)).values()) < len(lines)
    await assert_lines_agree(own_world)

    report = await take_in(own_world, *lines, content=b"one file")

    assert not report.already_imported
    assert report.new_lines + report.known_lines == len(lines)
    assert await tally_of(own_world) == {**EXPECTED, "suspense": 160}
    total = sum(each.amount_minor for each in lines)
    assert (await bank_and_suspense(own_world))[0] == bank + total
    await assert_lines_agree(own_world)


async def test_two_runs_of_one_file_at_the_same_time_take_every_line_in_once(own_world: World) -> None:
    lines = await mixed_lines(own_world)
    bank, _ = await bank_and_suspense(own_world)

    reports = await asyncio.gather(*(take_in(own_world, *lines, content=b"one file") for _ in range(3)))

    assert sum(report.new_lines for report in reports) == len(lines)
    assert await tally_of(own_world) == EXPECTED
    assert (await bank_and_suspense(own_world))[0] == bank + sum(each.amount_minor for each in lines)
    await assert_lines_agree(own_world)


async def test_a_days_statement_repeats_the_notifications_of_the_day(world: World) -> None:
    wanted = await awaited(world)
    told = line(480, wanted["reference"])
    await take_in(world, told)
    bank, suspense = await bank_and_suspense(world)

    report = await take_in(world, told, line(7, "new"))

    assert (report.known_lines, report.new_lines, report.already_imported) == (1, 1, False)
    assert await bank_and_suspense(world) == (bank + 7, suspense + 7)


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"account": "AU99 PRIVATE 12345"}, StatementAccountUnknown),
        ({"currency": "EUR"}, StatementCurrency),
    ],
    ids=["account", "currency"],
)
async def test_a_statement_that_is_not_the_cafes_is_refused_whole(
    world: World, more: dict[str, Any], refusal: type[Exception]
) -> None:
    wanted = await awaited(world)
    manager = world.home.people["manager"]
    before = await money_row_counts(world)
    service = ImportService(world.app.db, world.app.gateways)

    with pytest.raises(refusal):
        await service.take_in(b"private", [statement([line(480, wanted["reference"])], **more)], manager)

    assert await money_row_counts(world) == before
    assert (await payment(world, wanted["paymentId"])).state == "pending"


async def test_another_account_of_the_cafe_is_right_when_somebody_says_so_once(own_world: World) -> None:
    manager = own_world.home.people["manager"]
    service = ImportService(own_world.app.db, own_world.app.gateways)
    second = {"account": "BE68 5390 0754 7034"}

    await service.take_in(b"first", [statement([line(5)], **second)], manager, account="be68539007547034")

    assert (await service.take_in(b"next", [statement([line(6)], **second)], manager)).new_lines == 1


@pytest.mark.parametrize("short", ["12345678", "0012345678", None, "062-000 12345678"])
async def test_banks_write_the_same_account_in_many_ways(world: World, short: str | None) -> None:
    service = ImportService(world.app.db, world.app.gateways)
    told = line(3)

    report = await service.take_in(
        f"{short}".encode(), [statement([told], account=short)], world.home.people["manager"]
    )
    again = await take_in(world, told)

    assert report.statements[0].account == "06200012345678"
    assert again.known_lines == 1
