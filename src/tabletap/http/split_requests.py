"""How callers say in which shares a bill is split (contract 2.2, "splits"): one shape for each method."""

from typing import Annotated

import msgspec

from tabletap.http.requests import Given, ShortText
from tabletap.kernel.ids import GivenId
from tabletap.payments.split_items import Part
from tabletap.payments.splits import SplitBill, WantedShare


class EqualSplitRequest(Given, frozen=True, tag="equal", tag_field="method"):
    """So many equal shares."""

    count: int

    def wanted(self) -> SplitBill:
        """As the service takes it."""
        return SplitBill(method="equal", count=self.count)


class PercentageShare(Given, frozen=True):
    """A share in hundredths of a percent."""

    basis_points: int
    label: ShortText | None = None


class PercentageSplitRequest(Given, frozen=True, tag="percentage", tag_field="method"):
    """Shares that sum to 10,000 basis points."""

    shares: tuple[PercentageShare, ...]

    def wanted(self) -> SplitBill:
        """As the service takes it."""
        shares = tuple(WantedShare(basis_points=share.basis_points, label=share.label) for share in self.shares)
        return SplitBill(method="percentage", shares=shares)


class CustomShare(Given, frozen=True):
    """A share as an amount."""

    amount: int
    label: ShortText | None = None


class CustomSplitRequest(Given, frozen=True, tag="custom", tag_field="method"):
    """Shares that sum to what is outstanding."""

    shares: tuple[CustomShare, ...]

    def wanted(self) -> SplitBill:
        """As the service takes it."""
        shares = tuple(WantedShare(amount_minor=share.amount, label=share.label) for share in self.shares)
        return SplitBill(method="custom", shares=shares)


class PartRequest(Given, frozen=True):
    """An item, or a part of it: a third is 1 of 3."""

    order_item_id: GivenId
    numerator: int = 1
    denominator: int = 1


class ItemsShare(Given, frozen=True):
    """A share as what it covers."""

    items: Annotated[tuple[PartRequest, ...], msgspec.Meta(max_length=100)]
    label: ShortText | None = None


class ItemsSplitRequest(Given, frozen=True, tag="items", tag_field="method"):
    """Shares by who had what: the parts of each item over all shares are exactly one."""

    shares: tuple[ItemsShare, ...]

    def wanted(self) -> SplitBill:
        """As the service takes it."""
        shares = tuple(
            WantedShare(
                items=tuple(Part(part.order_item_id, part.numerator, part.denominator) for part in share.items),
                label=share.label,
            )
            for share in self.shares
        )
        return SplitBill(method="items", shares=shares)


SplitRequest = EqualSplitRequest | PercentageSplitRequest | CustomSplitRequest | ItemsSplitRequest
"""`POST /orders/{id}/splits`."""
