"""A cafe, its tables and its menu, and how callers see them (contract section 2). Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from tabletap.kernel.ids import Id

PaymentPolicy = Literal["pay_first", "pay_later"]
LateMoneyPolicy = Literal["credit", "refund", "review"]

EXPIRY_MINUTES: Mapping[str, int] = {
    "qr_bank_transfer": 15,
    "payconic_card": 30,
    "payconic_bank_transfer": 60,
    "payconic_digital_wallet": 30,
    "customer_credit": 5,
}
"""How long a payment stays open unless the cafe says otherwise (contract section 3); the gateways take it from here."""
DEFAULT_CATEGORY = "Menu"
MAX_EXPIRY_MINUTES = 7 * 24 * 60

GivenMinor = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
GivenMinutes = Annotated[int, msgspec.Meta(ge=1, le=MAX_EXPIRY_MINUTES)]
GivenCafeName = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
GivenLine = Annotated[str, msgspec.Meta(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")]
GivenMinuteOfDay = Annotated[int, msgspec.Meta(ge=0, lt=24 * 60, multiple_of=15)]
GivenMethod = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Cafe(msgspec.Struct, frozen=True):
    """A cafe and its settings: a row of `cafe`. `version` grows with every change and guards it."""

    cafe_id: Id
    name: str
    currency: str
    time_zone: str
    """A name of the IANA time zone database; the business day is counted in it."""
    payment_policy: PaymentPolicy
    expiry_minutes: dict[str, int]
    """By payment method; only what differs from the defaults."""
    cash_rounding_minor: int
    """Cash totals are rounded to a multiple of this: 5 in Australia, 0 or 1 for none."""
    late_money_policy: LateMoneyPolicy
    bank_details: dict[str, Any] | None
    """JSON of `qr.model.BankDetails`, checked when entered."""
    counter_credit_limit_minor: int
    """The most credit that the counter may add or deduct at once without a manager."""
    refund_limit_minor: int | None
    """Refunds above it need a manager's PIN; None: no such limit."""
    version: int
    created_at: datetime
    day_starts_minute: int = 0
    """When the business day begins, in minutes after midnight on the cafe's clocks: 240 for bars that close at 3."""
    business_details: dict[str, Any] | None = None
    """JSON of `BusinessDetails`: who stands on receipts and reports."""
    credit_settings: dict[str, Any] | None = None
    """JSON of `CreditSettings`; None: the defaults."""

    def rounded_cash_minor(self, total_minor: int) -> int:
        """What is due in cash for a total: the nearest multiple of the rounding, halves up."""
        step = self.cash_rounding_minor
        return total_minor if step <= 1 else (2 * total_minor + step) // (2 * step) * step


class BusinessDetails(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """Who stands on receipts, invoices and reports."""

    legal_name: GivenLine | None = None
    """The company; None: the cafe's name."""
    address_lines: Annotated[tuple[GivenLine, ...], msgspec.Meta(max_length=4)] = ()
    tax_number: GivenLine | None = None
    """ABN, VAT number or the like, as it is to be printed."""
    phone: GivenLine | None = None
    email: GivenLine | None = None
    footer_lines: Annotated[tuple[GivenLine, ...], msgspec.Meta(max_length=4)] = ()


class CreditSettings(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """How long prepaid credit lasts and how much of it a customer may hold."""

    paid_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] | None = None
    """Bought credit; None: for ever. Gift-card law often asks for three years at least."""
    promotional_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] | None = 365
    """Given credit; None: for ever."""
    max_balance_amount: GivenMinor | None = None
    """The most a customer may hold after buying credit; None: no such limit."""


class CafeTable(msgspec.Struct, frozen=True):
    """A table of a cafe: a row of `cafe_table`."""

    cafe_id: Id
    id: Id
    number: str
    code: str
    """128 random bits, URL-safe: who has it sits at the table."""
    active: bool


class TableSession(msgspec.Struct, frozen=True):
    """The people who sit at a table together: a row of `table_session`. A table has at most one open session."""

    cafe_id: Id
    id: Id
    table_id: Id
    opened_at: datetime
    closed_at: datetime | None


class Seat(msgspec.Struct, frozen=True):
    """Where somebody who scanned a table's code sits."""

    cafe_id: Id
    table_id: Id
    table_number: str
    session_id: Id


class Modifier(msgspec.Struct, frozen=True, rename="camel"):
    """One choice of a menu item: oat milk for 70 cents more."""

    id: Id
    group: str
    name: str
    price_delta: int


class MenuItem(msgspec.Struct, frozen=True):
    """Something to order: a row of `menu_item`."""

    cafe_id: Id
    id: Id
    name: str
    price_minor: int
    category: str
    description: str | None
    tax_basis_points: int
    """Tax that the price contains, in hundredths of a percent."""
    station: str | None
    """Where it is made; None: the kitchen as a whole."""
    allergens: list[str]
    modifiers: list[dict[str, Any]]
    """JSON of `Modifier`."""
    available: bool
    position: int
    removed: bool
    """No longer on the menu; kept because orders point at it, and back under its old id if the name returns."""

    @property
    def choices(self) -> dict[Id, Modifier]:
        """The modifiers by id, in the order of the menu."""
        return {choice["id"]: msgspec.convert(choice, Modifier) for choice in self.modifiers}


class MenuRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a menu as somebody wrote it, checked."""

    name: str
    price_minor: int
    category: str = DEFAULT_CATEGORY
    description: str | None = None
    tax_basis_points: int = 0
    station: str | None = None
    allergens: list[str] = []
    modifiers: list["ModifierRow"] = []
    available: bool = True


class ModifierRow(msgspec.Struct, frozen=True):
    """One choice of a line of a menu."""

    group: str
    name: str
    price_delta_minor: int


class MenuImported(msgspec.Struct, frozen=True):
    """What taking over a menu changed."""

    added: int
    changed: int
    unchanged: int
    removed: int


# --- what callers see and send ------------------------------------------------------


class ModifierView(msgspec.Struct, frozen=True, rename="camel"):
    """A choice on the menu."""

    id: Id
    name: str
    price_delta: int


class ModifierGroupView(msgspec.Struct, frozen=True, rename="camel"):
    """Choices that belong together: the kinds of milk."""

    name: str
    options: list[ModifierView]


class MenuItemView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An item on the menu. `taxRate` is in basis points."""

    id: Id
    name: str
    price: int
    category: str
    allergens: list[str]
    available: bool
    modifier_groups: list[ModifierGroupView]
    description: str | None = None
    tax_rate: int | None = None


class CategoryView(msgspec.Struct, frozen=True, rename="camel"):
    """A heading of the menu and what is under it."""

    name: str
    items: list[MenuItemView]


class MenuView(msgspec.Struct, frozen=True, rename="camel"):
    """`GET /cafes/{id}/menu`."""

    cafe_id: Id
    name: str
    currency: str
    categories: list[CategoryView]


class TableView(msgspec.Struct, frozen=True, rename="camel"):
    """A table as staff see it; the code is what its QR tent carries."""

    id: Id
    number: str
    code: str
    active: bool


class CafeView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """`GET /cafes/{id}`."""

    id: Id
    name: str
    currency: str
    time_zone: str
    payment_policy: PaymentPolicy
    expiry_minutes: dict[str, int]
    """By method: the defaults with the cafe's own on top."""
    cash_rounding_amount: int
    late_money_policy: LateMoneyPolicy
    counter_credit_limit_amount: int
    version: int
    created_at: datetime
    bank_details: dict[str, Any] | None = None
    refund_limit_amount: int | None = None
    day_starts_minute: int = 0
    business_details: BusinessDetails = BusinessDetails()
    credit_settings: CreditSettings = CreditSettings()


class ChangeSettings(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`PUT /cafes/{id}`: what is not named stays, `null` clears. `expectedVersion` refuses to undo another's change."""

    name: GivenCafeName | msgspec.UnsetType = msgspec.UNSET
    currency: str | msgspec.UnsetType = msgspec.UNSET
    time_zone: str | msgspec.UnsetType = msgspec.UNSET
    payment_policy: PaymentPolicy | msgspec.UnsetType = msgspec.UNSET
    expiry_minutes: dict[GivenMethod, GivenMinutes] | msgspec.UnsetType = msgspec.UNSET
    cash_rounding_amount: Annotated[int, msgspec.Meta(ge=0, le=10_000)] | msgspec.UnsetType = msgspec.UNSET
    late_money_policy: LateMoneyPolicy | msgspec.UnsetType = msgspec.UNSET
    bank_details: dict[str, Any] | None | msgspec.UnsetType = msgspec.UNSET
    counter_credit_limit_amount: GivenMinor | msgspec.UnsetType = msgspec.UNSET
    refund_limit_amount: GivenMinor | None | msgspec.UnsetType = msgspec.UNSET
    day_starts_minute: GivenMinuteOfDay | msgspec.UnsetType = msgspec.UNSET
    business_details: BusinessDetails | msgspec.UnsetType = msgspec.UNSET
    credit_settings: CreditSettings | msgspec.UnsetType = msgspec.UNSET
    expected_version: int | None = None
    cafe_id: Id | None = None
    """An assertion, as everywhere: another cafe is refused."""


def cafe_view(cafe: Cafe) -> CafeView:
    """The settings as staff see them."""
    return CafeView(
        id=cafe.cafe_id,
        name=cafe.name,
        currency=cafe.currency,
        time_zone=cafe.time_zone,
        payment_policy=cafe.payment_policy,
        expiry_minutes={**EXPIRY_MINUTES, **cafe.expiry_minutes},
        cash_rounding_amount=cafe.cash_rounding_minor,
        late_money_policy=cafe.late_money_policy,
        counter_credit_limit_amount=cafe.counter_credit_limit_minor,
        version=cafe.version,
        created_at=cafe.created_at,
        bank_details=cafe.bank_details,
        refund_limit_amount=cafe.refund_limit_minor,
        day_starts_minute=cafe.day_starts_minute,
        business_details=business_details_of(cafe),
        credit_settings=credit_settings_of(cafe),
    )


def business_details_of(cafe: Cafe) -> BusinessDetails:
    """Who stands on receipts; nothing but defaults while nothing was entered."""
    return msgspec.convert(cafe.business_details or {}, BusinessDetails)


def credit_settings_of(cafe: Cafe) -> CreditSettings:
    """The terms of credit in force."""
    return msgspec.convert(cafe.credit_settings or {}, CreditSettings)
