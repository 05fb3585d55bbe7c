"""A database on each engine, and the cafes in it."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tabletap.cafes.model import Cafe
from tabletap.cafes.service import CafeService
from tabletap.infra.db.open import AnyDatabase
from tabletap.kernel.errors import InvalidRequest
from tests.support.rows import MovedClock, fresh_database


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
