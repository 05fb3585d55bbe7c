"""The tip configuration's table and statements."""

import msgspec
import sqlalchemy as sa

from tabletap.infra.db.schema import Id, Instant, Json, Whole, column, columns_of, metadata, param
from tabletap.infra.db.statement import Statement
from tabletap.infra.db.transaction import Reader
from tabletap.tips.model import TipConfiguration, TipConfigurationRow

tip_configuration = sa.Table(
    "tip_configuration",
    metadata,
    column("cafe_id", Id, primary_key=True),
    column("configuration", Json),
    column("version", Whole),
    column("updated_at", Instant),
    sa.ForeignKeyConstraint(["cafe_id"], ["cafe.cafe_id"]),
)

_GET = Statement(
    sa.select(*columns_of(tip_configuration, TipConfigurationRow)).where(
        tip_configuration.c.cafe_id == param("cafe_id")
    )
)


async def row(reader: Reader, *, lock: bool = False) -> TipConfigurationRow | None:
    """The cafe's own configuration, None while it uses the default."""
    return await reader.one(_GET, TipConfigurationRow, lock=lock, cafe_id=reader.cafe_id)


async def configuration(reader: Reader) -> TipConfiguration:
    """The configuration in force: the cafe's own or the default."""
    return configuration_of(await row(reader))


def configuration_of(found: TipConfigurationRow | None) -> TipConfiguration:
    """What a row says; without one, the default."""
    return msgspec.convert(found.configuration, TipConfiguration) if found else TipConfiguration()
