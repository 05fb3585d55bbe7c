"""The state file: one SQLite database that a killed process leaves intact."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import msgspec

from tabletap.sandbox.errors import StateInUse, StateUnreadable
from tabletap.sandbox.model import Dispute, Mode, Notice, Payment, Refund, SandboxAccount

_P = ParamSpec("_P")
_T = TypeVar("_T")
_S = TypeVar("_S", bound=msgspec.Struct)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS account (
  merchant_id TEXT PRIMARY KEY, api_key TEXT NOT NULL, webhook_secret TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS payment (
  id TEXT PRIMARY KEY, merchant_id TEXT NOT NULL, reference TEXT NOT NULL, order_id TEXT NOT NULL,
  method TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0), currency TEXT NOT NULL, status TEXT NOT NULL,
  refunded INTEGER NOT NULL CHECK (refunded BETWEEN 0 AND amount), return_url TEXT, webhook_url TEXT,
  metadata BLOB NOT NULL, created_at_ms INTEGER NOT NULL, expires_at_ms INTEGER NOT NULL, late_at_ms INTEGER) STRICT;
CREATE INDEX IF NOT EXISTS payment_reference ON payment (reference);
CREATE INDEX IF NOT EXISTS payment_open ON payment (expires_at_ms) WHERE status = 'pending';
CREATE INDEX IF NOT EXISTS payment_late ON payment (late_at_ms) WHERE late_at_ms IS NOT NULL;
CREATE TABLE IF NOT EXISTS refund (
  id TEXT PRIMARY KEY, payment_id TEXT NOT NULL REFERENCES payment, reference TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0), status TEXT NOT NULL, created_at_ms INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS refund_payment ON refund (payment_id);
CREATE TABLE IF NOT EXISTS dispute (
  id TEXT PRIMARY KEY, payment_id TEXT NOT NULL REFERENCES payment, amount INTEGER NOT NULL CHECK (amount > 0),
  status TEXT NOT NULL, reason TEXT NOT NULL, opened_at_ms INTEGER NOT NULL, closed_at_ms INTEGER) STRICT;
CREATE INDEX IF NOT EXISTS dispute_payment ON dispute (payment_id);
CREATE TABLE IF NOT EXISTS used_key (
  merchant_id TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, made_id TEXT NOT NULL,
  PRIMARY KEY (merchant_id, key)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notice (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL, payment_id TEXT NOT NULL, merchant_id TEXT NOT NULL,
  event_type TEXT NOT NULL, url TEXT NOT NULL, body BLOB NOT NULL, timestamp TEXT NOT NULL,
  forged INTEGER NOT NULL, waits INTEGER NOT NULL, attempts INTEGER NOT NULL, created_at_ms INTEGER NOT NULL,
  next_at_ms INTEGER) STRICT;
CREATE INDEX IF NOT EXISTS notice_due ON notice (next_at_ms) WHERE next_at_ms IS NOT NULL;
CREATE INDEX IF NOT EXISTS notice_payment ON notice (payment_id);
CREATE TABLE IF NOT EXISTS mode (
  only INTEGER PRIMARY KEY CHECK (only = 1), auto_approve INTEGER NOT NULL, webhooks INTEGER NOT NULL) STRICT;
"""


def _insert(table: str, shape: type[msgspec.Struct], but: tuple[str, ...] = ()) -> str:
    names = [name for name in shape.__struct_fields__ if name not in but]
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(':' + name for name in names)})"  # noqa: S608 - names of our own fields


_ADD_PAYMENT = _insert("payment", Payment)
_ADD_REFUND = _insert("refund", Refund)
_ADD_DISPUTE = _insert("dispute", Dispute)
_ADD_NOTICE = _insert("notice", Notice, but=("seq",))


def _add_what_is_missing(connection: sqlite3.Connection) -> None:
    """Bring the file of an earlier version up to date."""
    columns = {row["name"] for row in connection.execute("PRAGMA table_info(payment)")}
    if "disputed" not in columns:
        connection.execute("ALTER TABLE payment ADD COLUMN disputed INTEGER NOT NULL DEFAULT 0 CHECK (disputed >= 0)")
        connection.execute("ALTER TABLE notice ADD COLUMN given_up INTEGER NOT NULL DEFAULT 0")


class Store:
    """Reads and writes the state file, on one thread of its own, one transaction after another.

    `run` is the way in; every other method is for the work that is handed to it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="payconic-sandbox")
        self._opened: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open or make the file. Raises StateInUse when another process has it, StateUnreadable when it is no state."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._open)

    async def close(self) -> None:
        """Finish what runs and close the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    async def run(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Do some work in one transaction; when this returns it is on the disk."""
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, partial(self._transact, partial(work, *args, **kwargs))
        )

    def _open(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=2, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise StateUnreadable(f"The state file {self._path} cannot be opened: {error}.") from error
        try:
            connection.row_factory = sqlite3.Row
            # One process only, and so quick: two would send every notice twice.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(_SCHEMA)
            _add_what_is_missing(connection)
        except sqlite3.Error as error:
            connection.close()
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise StateInUse(f"Another sandbox is using the state file {self._path}.") from error
            raise StateUnreadable(f"{self._path} is not the state of a sandbox: {error}.") from error
        self._opened = connection

    def _close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    @property
    def _db(self) -> sqlite3.Connection:
        if self._opened is None:
            raise RuntimeError("the state file is not open")
        return self._opened

    def _transact(self, work: Callable[[], _T]) -> _T:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            result = work()
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        return result

    def _all(self, shape: type[_S], statement: str, *values: Any) -> list[_S]:
        return [msgspec.convert(dict(row), shape, strict=False) for row in self._db.execute(statement, values)]

    def _one(self, shape: type[_S], statement: str, *values: Any) -> _S | None:
        return next(iter(self._all(shape, statement, *values)), None)

    # --- accounts and mode

    def put_account(self, account: SandboxAccount) -> None:
        """Add an account, or change its key and secret."""
        self._db.execute(
            "INSERT INTO account (merchant_id, api_key, webhook_secret) VALUES (?, ?, ?) ON CONFLICT (merchant_id) "
            "DO UPDATE SET api_key = excluded.api_key, webhook_secret = excluded.webhook_secret",
            (account.merchant_id, account.api_key, account.webhook_secret),
        )

    def accounts(self) -> list[SandboxAccount]:
        """Every account."""
        rows = self._db.execute("SELECT merchant_id, api_key, webhook_secret FROM account")
        return [SandboxAccount(*row) for row in rows]

    def mode(self) -> Mode:
        """The mode last set, or the usual one."""
        row = self._db.execute("SELECT auto_approve, webhooks FROM mode").fetchone()
        return Mode(auto_approve=bool(row["auto_approve"]), webhooks=bool(row["webhooks"])) if row else Mode()

    def put_mode(self, mode: Mode) -> None:
        """Keep a mode."""
        self._db.execute(
            "REPLACE INTO mode (only, auto_approve, webhooks) VALUES (1, ?, ?)", (mode.auto_approve, mode.webhooks)
        )

    # --- keys

    def used_key(self, merchant_id: str, key: str) -> tuple[str, str] | None:
        """The fingerprint of the request that used a key, and the id of what it made."""
        row = self._db.execute(
            "SELECT fingerprint, made_id FROM used_key WHERE merchant_id = ? AND key = ?", (merchant_id, key)
        ).fetchone()
        return (row["fingerprint"], row["made_id"]) if row else None

    def use_key(self, merchant_id: str, key: str, fingerprint: str, made_id: str) -> None:
        """Remember what a key made."""
        self._db.execute("INSERT INTO used_key VALUES (?, ?, ?, ?)", (merchant_id, key, fingerprint, made_id))

    # --- payments and refunds

    def add_payment(self, payment: Payment) -> None:
        """Keep a new payment."""
        self._db.execute(_ADD_PAYMENT, msgspec.structs.asdict(payment))

    def save_payment(self, payment: Payment) -> None:
        """Keep what can change about a payment."""
        self._db.execute(
            "UPDATE payment SET status = :status, amount = :amount, currency = :currency, refunded = :refunded, "
            "disputed = :disputed, expires_at_ms = :expires_at_ms, late_at_ms = :late_at_ms WHERE id = :id",
            msgspec.structs.asdict(payment),
        )

    def payment(self, payment_id: str) -> Payment | None:
        """One payment by its id."""
        return self._one(Payment, "SELECT * FROM payment WHERE id = ?", payment_id)

    def payments_by_reference(self, reference: str) -> list[Payment]:
        """The payments under a merchant's reference, oldest first."""
        return self._all(Payment, "SELECT * FROM payment WHERE reference = ? ORDER BY id", reference)

    def charged_payments(self) -> list[Payment]:
        """Every payment whose money was taken, oldest first."""
        return self._all(Payment, "SELECT * FROM payment WHERE status = 'succeeded' ORDER BY id")

    def overdue_payments(self, now_ms: int) -> list[Payment]:
        """The payments whose guest did not come in time."""
        return self._all(
            Payment, "SELECT * FROM payment WHERE status = 'pending' AND expires_at_ms <= ? ORDER BY id", now_ms
        )

    def late_payments(self, now_ms: int) -> list[Payment]:
        """The payments whose late money has now arrived."""
        return self._all(
            Payment, "SELECT * FROM payment WHERE late_at_ms IS NOT NULL AND late_at_ms <= ? ORDER BY id", now_ms
        )

    def add_refund(self, refund: Refund) -> None:
        """Keep a new refund."""
        self._db.execute(_ADD_REFUND, msgspec.structs.asdict(refund))

    def refund(self, refund_id: str) -> Refund | None:
        """One refund by its id."""
        return self._one(Refund, "SELECT * FROM refund WHERE id = ?", refund_id)

    def refunds(self, payment_id: str) -> list[Refund]:
        """The refunds of a payment, oldest first."""
        return self._all(Refund, "SELECT * FROM refund WHERE payment_id = ? ORDER BY id", payment_id)

    def add_dispute(self, dispute: Dispute) -> None:
        """Keep a new dispute."""
        self._db.execute(_ADD_DISPUTE, msgspec.structs.asdict(dispute))

    def save_dispute(self, dispute: Dispute) -> None:
        """Keep how a dispute ended."""
        self._db.execute(
            "UPDATE dispute SET status = :status, closed_at_ms = :closed_at_ms WHERE id = :id",
            msgspec.structs.asdict(dispute),
        )

    def disputes(self, payment_id: str) -> list[Dispute]:
        """The disputes of a payment, oldest first."""
        return self._all(Dispute, "SELECT * FROM dispute WHERE payment_id = ? ORDER BY id", payment_id)

    # --- notices

    def add_notice(self, notice: Notice) -> None:
        """Keep a notice; it is sent when its time has come."""
        self._db.execute(_ADD_NOTICE, msgspec.structs.asdict(notice))

    def due_notices(self, now_ms: int) -> list[Notice]:
        """The notices to be sent now, oldest first."""
        return self._all(
            Notice, "SELECT * FROM notice WHERE next_at_ms IS NOT NULL AND next_at_ms <= ? ORDER BY seq", now_ms
        )

    def notices_of(self, payment_id: str) -> list[Notice]:
        """The notices about a payment, oldest first, each once."""
        return self._all(
            Notice,
            "SELECT * FROM notice WHERE seq IN (SELECT min(seq) FROM notice WHERE payment_id = ? GROUP BY event_id) "
            "ORDER BY seq",
            payment_id,
        )

    def given_up(self) -> list[Notice]:
        """The notices that are no longer tried though nobody accepted them, oldest first."""
        return self._all(Notice, "SELECT * FROM notice WHERE given_up = 1 ORDER BY seq")

    def attempted(self, seq: int, next_at_ms: int | None, given_up: bool) -> None:
        """Count an attempt and say when to try again, None for never."""
        self._db.execute(
            "UPDATE notice SET attempts = attempts + 1, waits = 0, next_at_ms = ?, given_up = ? WHERE seq = ?",
            (next_at_ms, given_up, seq),
        )

    def let_go(self, before_seq: int, now_ms: int) -> None:
        """Send the notices that waited for a later one to overtake them."""
        self._db.execute(
            "UPDATE notice SET waits = 0, next_at_ms = ? WHERE waits = 1 AND seq < ?", (now_ms, before_seq)
        )

    def next_due_ms(self, after_ms: int) -> int | None:
        """When there is something to do after this moment: a notice, an expiry, late money."""
        row = self._db.execute(
            "SELECT min(at) FROM (SELECT min(next_at_ms) AS at FROM notice WHERE next_at_ms > ?1 UNION ALL "
            "SELECT min(expires_at_ms) FROM payment WHERE status = 'pending' AND expires_at_ms > ?1 UNION ALL "
            "SELECT min(late_at_ms) FROM payment WHERE late_at_ms > ?1)",
            (after_ms,),
        ).fetchone()
        return None if row[0] is None else int(row[0])
