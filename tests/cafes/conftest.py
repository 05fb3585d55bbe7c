"""A database on each engine, and the cafes in it."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tabletap.cafes.model import Cafe, MenuRow, ModifierRow
from tabletap.cafes.service import CafeService
from tabletap.infra.db.open import AnyDatabase
from tabletap.kernel.errors import InvalidRequest
from tabletap.kernel.ids import new_id
from tabletap.kernel.people import Actor, Role
from tests.support.rows import MovedClock, fresh_database

MENU = [
    MenuRow(
        name="Flat white",
        price_minor=480,
        category="Coffee",
        tax_basis_points=1000,
        allergens=["milk"],
        modifiers=[ModifierRow("Milk", "oat", 70), ModifierRow("Milk", "soy", 70), ModifierRow("Size", "large", 100)],
    ),
    MenuRow(name="Carrot cake", price_minor=650, category="Cake", description="With walnuts", available=False),
    MenuRow(name="Espresso", price_minor=350, category="Coffee", station="bar"),
]


def somebody(cafe: Cafe, role: Role) -> Actor:
    return Actor(cafe_id=cafe.cafe_id, person_id=new_id(), roles=frozenset({role}))


def check_bank_details(details: Mapping[str, Any]) -> dict[str, Any]:
    if not details.get("accountName"):
        raise InvalidRequest("accountName is needed.")
    return {**details, "checked": True}


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
async def db(
    engine_name: str, tmp_path: Path, clock: MovedClock, request: pytest.FixtureRequest
) -> AsyncIterator[AnyDatabase]:
    postgres_url = request.getfixturevalue("postgres_url") if engine_name == "postgres" else None
    async with fresh_database(tmp_path, postgres_url, clock) as database:
        yield database


@pytest.fixture
def cafes(db: AnyDatabase, clock: MovedClock) -> CafeService:
    return CafeService(db, clock, check_bank_details)


@pytest.fixture
async def cafe(cafes: CafeService) -> Cafe:
    return await cafes.create("Blue Door", "AUD", "Australia/Sydney")


@pytest.fixture
async def other_cafe(cafes: CafeService) -> Cafe:
    return await cafes.create("Red Door", "EUR", "Europe/Brussels")
