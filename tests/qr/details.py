"""Cafes in several countries, and where they want to be paid."""

from tabletap.qr.model import BankDetails, checked_bank_details

BELGIAN = checked_bank_details(BankDetails(account_name="Café Zoë", iban="BE68539007547034", bic="GEBABEBB"))
STRUCTURED = checked_bank_details(
    BankDetails(account_name="Café Zoë", iban="BE68539007547034", reference_style="belgian")
)
AUSTRALIAN = checked_bank_details(
    BankDetails(account_name="Flat White Pty Ltd", bsb="062000", account_number="12345678", pay_id="pay@flat.example")
)
SINGAPOREAN = checked_bank_details(
    BankDetails(account_name="Kopi Corner", pay_now_uen="201403121W", merchant_category_code="5814")
)
THAI = checked_bank_details(BankDetails(account_name="ร้านกาแฟ", prompt_pay_id="081 234 5678"))
BRAZILIAN = checked_bank_details(
    BankDetails(account_name="Padaria Pão Quente", pix_key="zoe@padaria.example", city="São Paulo")
)
BY_CURRENCY = {"EUR": BELGIAN, "SGD": SINGAPOREAN, "THB": THAI, "BRL": BRAZILIAN}
PAY_PAGE = "https://cafe.example/pay/019a0000-0000-7000-8000-000000000001"
