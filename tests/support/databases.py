"""Migrated databases, each for one test: the first on an engine is migrated, the others are copies of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tabletap.infra.db.migrate import migrate
from tabletap.kernel.ids import new_id
from tests.support import services

_files: list[bytes] = []
"""What an empty SQLite file holds, once there was one."""
_templates: dict[str, str] = {}
"""The template of each PostgreSQL server."""


@asynccontextmanager
async def migrated_database(folder: Path, postgres_url: str | None) -> AsyncIterator[str]:
    """The address of an empty database, gone afterwards: on PostgreSQL where a server is given, else in a new file."""
    name = f"test_{new_id().replace('-', '')}"
    if postgres_url is None:
        file = folder / f"{name}.db"
        if _files:
            file.write_bytes(_files[0])
        else:
            await migrate(f"sqlite:///{file}")
            _files.append(file.read_bytes())
        yield f"sqlite:///{file}"
        return
    if postgres_url not in _templates:
        await migrate(await services.create_database(postgres_url, f"template_{name}"))
        _templates[postgres_url] = f"template_{name}"
    url = await services.create_database(postgres_url, name, _templates[postgres_url])
    try:
        yield url
    finally:
        await services.drop_database(postgres_url, name)
