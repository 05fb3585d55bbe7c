"""${message}"""

import sqlalchemy as sa
from alembic import op

from tabletap.infra.db import schema

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Bring the schema one version on."""
    ${upgrades if upgrades else "pass"}
