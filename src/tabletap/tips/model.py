"""A cafe's tip configuration and the arithmetic of tips (contract 2.2). Pure; percentages are basis points."""

from datetime import datetime
from typing import Literal

import msgspec

from tabletap.kernel.ids import Id
from tabletap.kernel.money import basis_points_of, share_out
from tabletap.tips.errors import TipConfigurationInvalid, TipNotAllowed

MAX_CHOICES = 6
TipRole = Literal["kitchen_staff", "service_staff", "management"]
ROLES: tuple[TipRole, ...] = ("kitchen_staff", "service_staff", "management")


class TipDistributionShares(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Who gets which part of a tip, in basis points that sum to 10,000."""

    kitchen_staff: int = 3_000
    service_staff: int = 7_000
    management: int = 0


class TipConfiguration(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What a cafe offers. No tip is always allowed."""

    tip_enabled: bool = True
    tip_type: Literal["percentage", "fixed", "both"] = "percentage"
    percentages: tuple[int, ...] = (1_000, 1_500, 2_000)
    fixed_amounts: tuple[int, ...] = ()
    custom_tip_enabled: bool = True
    max_tip_percentage: int = 5_000
    min_tip_amount: int = 50
    max_tip_amount: int = 10_000
    distribution: TipDistributionShares = TipDistributionShares()


class TipConfigurationRow(msgspec.Struct, frozen=True):
    """A row of `tip_configuration`."""

    cafe_id: Id
    configuration: dict[str, object]
    version: int
    updated_at: datetime


class TipQuote(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The answer of `POST /tips/calculate`."""

    order_amount: int
    tip_amount: int
    total_amount: int
    distribution: dict[str, int]
    tip_percentage: int | None = None


def check_configuration(configuration: TipConfiguration) -> TipConfiguration:
    """The configuration itself if it can work. Raises TipConfigurationInvalid with what is wrong."""
    shares = msgspec.structs.astuple(configuration.distribution)
    choices = (*configuration.percentages, *configuration.fixed_amounts)
    faults = (
        (sum(shares) != 10_000 or min(shares) < 0, "the shares of the distribution must sum to 10,000 basis points"),
        (any(choice <= 0 for choice in choices), "every offered tip must be above zero"),
        (max(len(configuration.percentages), len(configuration.fixed_amounts)) > MAX_CHOICES, "at most 6 choices"),
        (not 0 < configuration.max_tip_percentage <= 10_000, "maxTipPercentage must be between 1 and 10,000"),
        (
            not 0 <= configuration.min_tip_amount <= configuration.max_tip_amount,
            "minTipAmount must be at least 0 and not above maxTipAmount",
        ),
        (
            any(percentage > configuration.max_tip_percentage for percentage in configuration.percentages),
            "no offered percentage may be above maxTipPercentage",
        ),
        (
            any(amount > configuration.max_tip_amount for amount in configuration.fixed_amounts),
            "no offered amount may be above maxTipAmount",
        ),
    )
    for wrong, sentence in faults:
        if wrong:
            raise TipConfigurationInvalid(f"This tip configuration cannot work: {sentence}.")
    return configuration


def check_tip(configuration: TipConfiguration, order_minor: int, tip_minor: int) -> int:
    """The tip itself if the cafe takes it on an order of this size. No tip always passes. Raises TipNotAllowed."""
    if tip_minor == 0:
        return 0
    if tip_minor < 0:
        raise TipNotAllowed("A tip cannot be negative.")
    if not configuration.tip_enabled:
        raise TipNotAllowed("This cafe does not take tips.")
    if _is_offered(configuration, order_minor, tip_minor):
        return tip_minor
    if not configuration.custom_tip_enabled:
        raise TipNotAllowed("Choose one of the offered tips.")
    if not configuration.min_tip_amount <= tip_minor <= configuration.max_tip_amount:
        raise TipNotAllowed(
            f"A tip is between {configuration.min_tip_amount} and {configuration.max_tip_amount} minor units here."
        )
    if tip_minor > basis_points_of(order_minor, configuration.max_tip_percentage):
        raise TipNotAllowed(f"A tip is at most {configuration.max_tip_percentage} basis points of the amount here.")
    return tip_minor


def _is_offered(configuration: TipConfiguration, order_minor: int, tip_minor: int) -> bool:
    by_percentage = configuration.tip_type != "fixed" and tip_minor in (
        basis_points_of(order_minor, percentage) for percentage in configuration.percentages
    )
    return by_percentage or (configuration.tip_type != "percentage" and tip_minor in configuration.fixed_amounts)


def quote(
    configuration: TipConfiguration, order_minor: int, percentage: int | None, fixed_minor: int | None
) -> TipQuote:
    """What a tip comes to and who would get it. Raises TipNotAllowed."""
    tip = basis_points_of(order_minor, percentage) if percentage is not None else (fixed_minor or 0)
    check_tip(configuration, order_minor, tip)
    names = configuration.distribution.__struct_encode_fields__
    parts = share_out(tip, msgspec.structs.astuple(configuration.distribution))
    return TipQuote(order_minor, tip, order_minor + tip, dict(zip(names, parts, strict=True)), percentage)
