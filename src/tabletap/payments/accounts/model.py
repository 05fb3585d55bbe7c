"""What a cafe's account at a payment provider is: as gateways use it, as it is stored and as managers see it. Pure."""

import ipaddress
import re
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from tabletap.kernel.errors import FieldError, InvalidRequest
from tabletap.kernel.ids import Id
from tabletap.payments.accounts.errors import LiveModeRefused, ProviderAddressRefused, ProviderSecretWeak

Mode = Literal["live", "test"]
PREVIOUS_VALID_HOURS, MOST_PREVIOUS_HOURS = 24, 168
_PROVIDER = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SECRET = re.compile(r"[\x21-\x7e]{8,512}")
_MERCHANT = re.compile(r"[\x21-\x7e]{1,200}")
_HINT_CHARACTERS, _LEAST_FOR_HINT = 4, 12
"""The end of a shorter secret would give away too much of it."""


class _Discreet(msgspec.Struct, frozen=True):
    """A struct whose secrets show in no repr: not in a log, not in a traceback, not in a failed assertion."""

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(name, "••••••" if name in _SECRETS else getattr(self, name)) for name in self.__struct_fields__]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"


_SECRETS = frozenset({
    "api_key", "webhook_secret", "webhook_secrets", "sealed_api_key", "sealed_webhook_secret", "sealed_previous_secret",
})  # fmt: skip


class ProviderAccount(_Discreet, frozen=True):
    """An opened account, as gateways are given it: its secrets are in memory alone."""

    cafe_id: Id
    id: Id
    provider: str
    token: str
    """What tells this account's webhook address from all others."""
    api_url: str
    merchant_id: str
    api_key: str
    webhook_secrets: tuple[str, ...]
    """Those that are valid now, the newest first; none: the account takes no notices."""
    mode: Mode


class AccountRow(_Discreet, frozen=True):
    """An account as it is stored: a row of `provider_account`. `version` counts every change but the refused notices.

    `api_key` and `webhook_secret` held the secrets in clear before they were sealed; they are empty now.
    """

    cafe_id: Id
    id: Id
    provider: str
    token: str
    api_url: str
    merchant_id: str
    api_key: str
    webhook_secret: str
    mode: Mode
    sealed_api_key: str | None = None
    sealed_webhook_secret: str | None = None
    sealed_previous_secret: str | None = None
    previous_secret_until: datetime | None = None
    api_key_set_at: datetime | None = None
    webhook_secret_set_at: datetime | None = None
    version: int = 1
    refused_count: int = 0
    refused_at: datetime | None = None


class ChangeAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A request to open an account or to change it. What is None stays as it is."""

    api_url: str | None = None
    merchant_id: str | None = None
    api_key: str | None = None
    webhook_secret: str | None = None
    mode: Mode | None = None

    def __repr__(self) -> str:
        return f"ChangeAccount(api_url={self.api_url!r}, merchant_id={self.merchant_id!r}, mode={self.mode!r}, …)"


class ChangeSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A request for another webhook secret: a given one, or a fresh one that we make."""

    webhook_secret: str | None = None
    previous_valid_hours: int = PREVIOUS_VALID_HOURS

    def __repr__(self) -> str:
        return f"ChangeSecret(previous_valid_hours={self.previous_valid_hours}, …)"


class SecretView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """What may be shown of a secret: its end, if it is long enough, and since when it is in force."""

    ends_with: str | None
    set_at: datetime | None


class AccountView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """An account as managers see it. Secrets go in and never come out."""

    account_id: Id
    provider: str
    api_url: str
    merchant_id: str
    mode: str
    webhook_url: str
    api_key: SecretView
    webhook_secret: SecretView | None
    refused_notices: int
    """How many notices came that were not signed as this account signs. Nothing else is kept of them."""
    previous_secret_valid_until: datetime | None = None
    last_refused_at: datetime | None = None
    readable: bool = True
    """False: this server's keys do not open the stored secrets; enter them anew, or give it the right keys."""


class NewSecretView(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """A new webhook secret. It is shown this once."""

    account_id: Id
    webhook_url: str
    webhook_secret: str
    previous_secret_valid_until: datetime | None = None

    def __repr__(self) -> str:
        return f"NewSecretView(account_id={self.account_id!r}, …)"


def hint_of(secret: str) -> str | None:
    """The end of a secret, by which people tell one from another; None where it is too short for that."""
    return secret[-_HINT_CHARACTERS:] if len(secret) >= _LEAST_FOR_HINT else None


def checked_secret(secret: str) -> str:
    """The secret, if a header and an HMAC can carry it. Raises ProviderSecretWeak, which never quotes it."""
    if not _SECRET.fullmatch(secret):
        raise ProviderSecretWeak
    return secret


def checked_merchant(merchant_id: str) -> str:
    """The merchant's id, if a header can carry it. Raises InvalidRequest."""
    if not _MERCHANT.fullmatch(merchant_id):
        raise _wrong("merchantId", "merchantId has 1 to 200 printable characters without spaces.")
    return merchant_id


def is_provider_name(text: str) -> bool:
    """Whether a gateway could have this name."""
    return _PROVIDER.fullmatch(text) is not None


def is_loopback(url: str) -> bool:
    """Whether an address leads to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def checked_api_url(url: str, *, own_url: str, named_by_operator: str | None) -> str:
    """A provider's address without its last slash.

    It must be https. What the operator names in TABLETAP_PAYCONIC_API_URL is always fine; so is a sandbox on this
    machine, as long as we ourselves are only reached there, too: else a manager could make us call our own neighbours.
    Raises ProviderAddressRefused.
    """
    shown = url.rstrip("/")
    try:
        parts = urlsplit(shown)
        complete = bool(parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port))
    except ValueError:
        raise ProviderAddressRefused("apiUrl is not a web address.") from None
    if not complete or len(shown) > 500 or re.search(r"[\s?#@\\]", shown) or not shown.isascii():
        raise ProviderAddressRefused("apiUrl is not a web address like https://api.payconic.example/v1.")
    if named_by_operator is not None and shown == named_by_operator.rstrip("/"):
        return shown
    if is_loopback(shown):
        if not is_loopback(own_url):
            raise ProviderAddressRefused("A sandbox on this machine cannot be used by a server that others reach.")
        return shown
    if parts.scheme != "https" or _is_inside(parts.hostname or ""):
        raise ProviderAddressRefused
    return shown


def checked_mode(mode: Mode, api_url: str) -> Mode:
    """The mode. Live money goes to a provider out there, over https. Raises LiveModeRefused."""
    if mode == "live" and not may_be_live(api_url):
        raise LiveModeRefused
    return mode


def may_be_live(api_url: str) -> bool:
    """Whether real money could be behind an address."""
    return api_url.startswith("https://") and not is_loopback(api_url)


def _is_inside(host: str) -> bool:
    """Whether a host is named by an address of a private network."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


def checked_hours(hours: int) -> int:
    """How long the previous secret stays valid. Raises InvalidRequest."""
    if not 0 <= hours <= MOST_PREVIOUS_HOURS:
        raise _wrong("previousValidHours", f"previousValidHours is a number from 0 to {MOST_PREVIOUS_HOURS}.")
    return hours


def missing(field: str) -> InvalidRequest:
    """The refusal for what a new account cannot do without."""
    return _wrong(field, f"{field} is needed to open an account.")


def _wrong(field: str, sentence: str) -> InvalidRequest:
    return InvalidRequest(sentence, errors=[FieldError(field, sentence)])
