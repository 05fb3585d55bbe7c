"""The words on receipts, in one place for each language."""

import msgspec


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    """Every word that a receipt can need. Names in braces are filled in."""

    language: str
    receipt: str
    payment_of_receipt: str
    bill: str
    payment_of_bill: str
    cancelled: str
    test: str
    copy: str
    credit_note: str
    not_paid: str
    order: str
    table: str
    takeaway: str
    share: str
    part: str
    total: str
    tax: str
    tax_in_part: str
    tip: str
    paid_with: str
    given_back: str
    rounding: str
    outstanding: str
    refunded: str
    tax_refunded: str
    methods: dict[str, str]


ENGLISH = Texts(
    language="en",
    receipt="Receipt {number}",
    payment_of_receipt="Receipt {number}, one payment",
    bill="Bill of order {order}",
    payment_of_bill="Payment for order {order}",
    cancelled="CANCELLED",
    test="TEST - no value",
    copy="COPY, first issued {at}",
    credit_note="WITH CREDIT NOTE",
    not_paid="NOT PAID IN FULL - this is no receipt",
    order="Order {order}, {at}",
    table="Table {table}",
    takeaway="For {name}",
    share="Share: {share}",
    part="This payment pays of it",
    total="Total {currency}",
    tax="incl. tax {rate} % on {base}",
    tax_in_part="    with tax of",
    tip="Tip",
    paid_with="{method}, {at}",
    given_back="Given back, {method}, {at}",
    rounding="    of which rounding of cash",
    outstanding="Still to be paid",
    refunded="Credit note: given back of the total",
    tax_refunded="    with tax of",
    methods={
        "cash": "Cash",
        "customer_credit": "Credit",
        "qr_bank_transfer": "Bank transfer",
        "payconic_card": "Card",
        "payconic_bank_transfer": "Bank transfer",
        "payconic_digital_wallet": "Wallet",
        "card_terminal": "Card",
    },
)
