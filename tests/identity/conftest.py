"""A database on each engine with two cafes in it, and who signs in there."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher

from tabletap.cafes.model import Cafe
from tabletap.cafes.service import CafeService
from tabletap.identity.passwords import Passwords
from tabletap.identity.service import IdentityService
from tabletap.identity.tokens import Tokens
from tabletap.infra.db.open import AnyDatabase
from tests.support.rows import MovedClock, fresh_database

SECRET = "b7c1f2a94e0d4f6f8a3b5c7d9e1f2a3b4c5d6e7f"


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
def tokens(clock: MovedClock) -> Tokens:
    return Tokens(SECRET, clock)


@pytest.fixture
def identity(db: AnyDatabase, tokens: Tokens, clock: MovedClock) -> IdentityService:
    quick = Passwords(Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1))
    return IdentityService(db, tokens, clock, quick)


@pytest.fixture
async def cafe(db: AnyDatabase, clock: MovedClock) -> Cafe:
    return await CafeService(db, clock, dict).create("Blue Door", "AUD", "Australia/Sydney")


@pytest.fixture
async def other_cafe(db: AnyDatabase, clock: MovedClock) -> Cafe:
    return await CafeService(db, clock, dict).create("Red Door", "EUR", "Europe/Brussels")
