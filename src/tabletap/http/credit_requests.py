"""What callers send about customer credit beyond its contract's oldest part (contract 2, `/credits`)."""

from datetime import datetime
from typing import Annotated

import msgspec

from tabletap.credits.model import CreditKind
from tabletap.credits.service import MoveCredit
from tabletap.http.requests import CreditRequest, Given, LongText

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class AddCreditRequest(CreditRequest, frozen=True):
    """`POST /credits/add`. `expiresAt: null`: never; left out: as the cafe's settings say."""

    kind: CreditKind | msgspec.UnsetType = msgspec.UNSET
    expires_at: Moment | None | msgspec.UnsetType = msgspec.UNSET


class AccountStatusRequest(Given, frozen=True):
    """`POST /credits/accounts/{customerId}/suspend`, `/reactivate` and `/close`."""

    reason: LongText


class LiabilityQuery(Given, frozen=True):
    """`GET /credits/liability`: as of a moment; left out: now."""

    at: Moment | None = None


def wanted(data: CreditRequest) -> MoveCredit:
    """As the service takes it."""
    asked = MoveCredit(
        customer_id=data.customer_id,
        amount_minor=data.amount,
        reason=data.reason,
        order_id=data.order_id,
        metadata=data.metadata,
        currency=data.currency,
    )
    if not isinstance(data, AddCreditRequest):
        return asked
    kind = asked.kind if isinstance(data.kind, msgspec.UnsetType) else data.kind
    return msgspec.structs.replace(asked, kind=kind, expires_at=data.expires_at)
