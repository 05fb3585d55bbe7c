"""A bank transfer as its page shows it: the details that a bank's app asks for, in its words and ready to be copied."""

from collections.abc import Iterator

import msgspec

from tabletap.kernel.money import format_major
from tabletap.payments.pay_page import PayPage, TransferState
from tabletap.qr.image import SVG_MEDIA_TYPE, data_url, svg

_DETAILS_BY_CURRENCY = {
    "AUD": ("pay_id", "bsb", "account_number"),
    "EUR": ("iban", "bic"),
    "SGD": ("pay_now_uen", "pay_now_mobile"),
    "THB": ("prompt_pay_id",),
    "BRL": ("pix_key",),
}
_ELSEWHERE = ("iban", "bic", "bsb", "account_number", "pay_id")
_LABELS = {
    "pay_id": "PayID",
    "bsb": "BSB",
    "account_number": "Account number",
    "iban": "IBAN",
    "bic": "BIC",
    "pay_now_uen": "PayNow UEN",
    "pay_now_mobile": "PayNow mobile number",
    "prompt_pay_id": "PromptPay ID",
    "pix_key": "Pix key",
}
_LONG_CHARACTERS = 80


class Detail(msgspec.Struct, frozen=True):
    """One line of the details: what it is called, how it is read, how it is pasted."""

    label: str
    shown: str
    copied: str

    @property
    def is_long(self) -> bool:
        """A whole code, which nobody reads."""
        return len(self.shown) > _LONG_CHARACTERS


class TransferPage(msgspec.Struct, frozen=True, kw_only=True):
    """What the template draws."""

    qr_payment_id: str
    status: TransferState
    payee: str
    amount: str
    received: str
    missing: str
    details: list[Detail]
    image: str
    is_link: bool
    """The code leads to this page: no bank's app reads it."""
    expires_at: str | None


def transfer_page(page: PayPage) -> TransferPage:
    """The page of a transfer. Only while it is awaited are there details to be copied and a code to be scanned."""
    status = page.status
    waiting = status.status == "waiting"
    return TransferPage(
        qr_payment_id=page.qr_payment_id,
        status=status.status,
        payee=page.details.account_name,
        amount=_amount(status.amount, status.currency),
        received=_amount(status.received_amount, status.currency),
        missing=_amount(status.missing_amount, status.currency),
        details=list(_details(page)) if waiting else [],
        image=data_url(svg(page.payload, "QR code"), SVG_MEDIA_TYPE) if waiting else "",
        is_link=page.format == "link",
        expires_at=status.expires_at.isoformat() if status.expires_at and waiting else None,
    )


def _amount(amount_minor: int, currency: str) -> str:
    """With the currency's code: a sign alone would not say whose dollars they are."""
    return f"{currency}\u00a0{format_major(amount_minor, currency)}"


def _details(page: PayPage) -> Iterator[Detail]:
    status, details = page.status, page.details
    exact = format_major(status.amount, status.currency)
    yield Detail("Amount", _amount(status.amount, status.currency), exact)
    yield Detail("Reference", page.reference, page.reference)
    yield Detail("Account name", details.account_name, details.account_name)
    for name in _DETAILS_BY_CURRENCY.get(status.currency, _ELSEWHERE):
        if value := getattr(details, name):
            yield Detail(_LABELS[name], _shown(name, value), value)
    if status.currency == "BRL":
        yield Detail("Pix copia e cola", page.payload, page.payload)


def _shown(name: str, value: str) -> str:
    """In groups, as such numbers are printed."""
    if name == "bsb":
        return f"{value[:3]}-{value[3:]}"
    if name == "iban":
        return " ".join(value[start : start + 4] for start in range(0, len(value), 4))
    return value
