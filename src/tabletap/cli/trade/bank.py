"""The cafe's bank: transfers that arrive, and the camt.053 that says so at the end of the day."""

from datetime import date
from xml.sax.saxutils import escape

import msgspec

from tabletap.kernel.money import format_major

_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"


class Transfer(msgspec.Struct, frozen=True):
    """Money that arrived."""

    reference: str
    amount_minor: int
    text: str


class Bank:
    """One account at a bank that writes a statement for each day on which something arrived."""

    def __init__(self, account: str, currency: str) -> None:
        self.account, self.currency = account, currency
        self.balance_minor = 0
        self._arrived: list[Transfer] = []
        self._count = 0

    def receive(self, amount_minor: int, text: str) -> None:
        """Somebody sent money."""
        self._count += 1
        self._arrived.append(Transfer(f"SIM{self._count:09d}", amount_minor, text))

    def statement(self, day: date) -> bytes | None:
        """What arrived since the last statement, as a file of the day. None: nothing did."""
        if not self._arrived:
            return None
        arrived, self._arrived = self._arrived, []
        before = self.balance_minor
        self.balance_minor += sum(each.amount_minor for each in arrived)
        entries = "".join(self._entry(each, day) for each in arrived)
        balances = self._balance("OPBD", before, day) + self._balance("CLBD", self.balance_minor, day)
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="{_NAMESPACE}"><BkToCstmrStmt>'
            f"<GrpHdr><MsgId>SIM-{day}</MsgId><CreDtTm>{day}T21:00:00Z</CreDtTm></GrpHdr>"
            f"<Stmt><Id>SIM-{day}</Id><Acct><Id><Othr><Id>{escape(self.account)}</Id></Othr></Id>"
            f"<Ccy>{self.currency}</Ccy></Acct>{balances}{entries}</Stmt></BkToCstmrStmt></Document>"
        ).encode()

    def _amount(self, amount_minor: int) -> str:
        return (
            f'<Amt Ccy="{self.currency}">{format_major(amount_minor, self.currency)}</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
        )

    def _balance(self, code: str, amount_minor: int, day: date) -> str:
        kind = f"<Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
        return f"<Bal>{kind}{self._amount(amount_minor)}<Dt><Dt>{day}</Dt></Dt></Bal>"

    def _entry(self, transfer: Transfer, day: date) -> str:
        return (
            f"<Ntry>{self._amount(transfer.amount_minor)}<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt>"
            f"<AcctSvcrRef>{transfer.reference}</AcctSvcrRef>"
            f"<NtryDtls><TxDtls><RmtInf><Ustrd>{escape(transfer.text)}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
        )
