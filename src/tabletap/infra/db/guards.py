"""What the database itself refuses, beyond what a table definition can say: safe to apply again after every migration.

- a journal sums to zero, and nothing is added to it later (money.md, invariant 7)
- entries, journals, payment changes and credit transactions are never updated or deleted
- PostgreSQL: row-level security by cafe, for a role that owns nothing (architecture.md, rule 5)
"""

from tabletap.infra.db.postgres import STALE_STATE, TENANT_ROLE
from tabletap.infra.db.schema import metadata

APPEND_ONLY = (
    "entry",
    "journal",
    "payment_change",
    "dispute_change",
    "credit_transaction",
    "credit_consumption",
    "credit_hold_part",
    "credit_account_change",
    "security_event",
    "tip_rule",
    "tip_income",
    "tip_distribution",
    "tip_share",
    "tip_payout",
    "drawer_move",
    "drawer_count",
    "day_close",
    "bank_line",
    "bank_match",
    "payout_line",
    "stream_event",
    "audit_seal",
    "audit_head",
)
"""Tables whose rows never change. Old stream events are pruned by upkeep, which is no tenant."""

_SQLITE_SUMS = """
CREATE TRIGGER IF NOT EXISTS journal_sums_to_zero BEFORE INSERT ON journal
WHEN (SELECT coalesce(sum(amount_minor), 1) FROM entry WHERE cafe_id = NEW.cafe_id AND journal_id = NEW.id) <> 0
BEGIN SELECT RAISE(ABORT, 'journal does not sum to zero'); END
"""
_SQLITE_SEALED = """
CREATE TRIGGER IF NOT EXISTS entry_before_its_journal BEFORE INSERT ON entry
WHEN EXISTS (SELECT 1 FROM journal WHERE cafe_id = NEW.cafe_id AND id = NEW.journal_id)
BEGIN SELECT RAISE(ABORT, 'journal is sealed'); END
"""
_POSTGRES_SUMS = """
CREATE OR REPLACE FUNCTION tabletap_entries_sum_to_zero() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT 1 FROM entry e JOIN (SELECT DISTINCT cafe_id, journal_id FROM added) a USING (cafe_id, journal_id)
    GROUP BY e.cafe_id, e.journal_id HAVING sum(e.amount_minor) <> 0
  ) THEN RAISE EXCEPTION 'journal does not sum to zero' USING ERRCODE = 'check_violation'; END IF;
  IF EXISTS (
    SELECT 1 FROM journal j JOIN added a ON a.cafe_id = j.cafe_id AND a.journal_id = j.id
    WHERE j.xmin <> pg_current_xact_id()::xid
  ) THEN RAISE EXCEPTION 'journal is sealed' USING ERRCODE = 'check_violation'; END IF;
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER entries_sum_to_zero AFTER INSERT ON entry REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION tabletap_entries_sum_to_zero();
CREATE OR REPLACE FUNCTION tabletap_journal_has_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM entry WHERE cafe_id = NEW.cafe_id AND journal_id = NEW.id)
  THEN RAISE EXCEPTION 'journal has no entries' USING ERRCODE = 'check_violation'; END IF;
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER journal_has_entries AFTER INSERT ON journal
FOR EACH ROW EXECUTE FUNCTION tabletap_journal_has_entries();
CREATE OR REPLACE FUNCTION tabletap_never_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is never changed', TG_TABLE_NAME USING ERRCODE = 'check_violation'; END $$;
"""
_POSTGRES_STALE = f"""
CREATE OR REPLACE FUNCTION tabletap_stale() RETURNS int LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'stale' USING ERRCODE = '{STALE_STATE}'; END $$;
"""
_POSTGRES_ROLE = f"""
DO $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{TENANT_ROLE}') THEN CREATE ROLE {TENANT_ROLE} NOLOGIN; END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
DO $$ BEGIN
  IF NOT pg_has_role(current_user, '{TENANT_ROLE}', 'MEMBER') THEN
    EXECUTE format('GRANT {TENANT_ROLE} TO %I', current_user);
  END IF;
END $$;
GRANT USAGE ON SCHEMA public TO {TENANT_ROLE};
"""


def sqlite_guards() -> list[str]:
    """Triggers for SQLite. Entries are written before the journal that seals them."""
    statements = [_SQLITE_SUMS, _SQLITE_SEALED]
    for table in APPEND_ONLY:
        if table == "stream_event":
            continue  # pruned by upkeep, which on SQLite is the same user
        for verb in ("UPDATE", "DELETE"):
            statements.append(
                f"CREATE TRIGGER IF NOT EXISTS {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is never changed'); END"
            )
    return statements


def postgres_guards() -> list[str]:
    """Functions, triggers, the tenant role and its row-level security for PostgreSQL."""
    statements = [_POSTGRES_ROLE, _POSTGRES_STALE, _POSTGRES_SUMS]
    for table in APPEND_ONLY:
        if table != "stream_event":
            statements.append(
                f"CREATE OR REPLACE TRIGGER {table}_never_changed BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION tabletap_never_changed()"
            )
    for name in metadata.tables:
        rights = "SELECT, INSERT" if name in APPEND_ONLY else "SELECT, INSERT, UPDATE, DELETE"
        statements += [_row_level_security(name), f"GRANT {rights} ON {name} TO {TENANT_ROLE}"]
    return statements


def _row_level_security(table: str) -> str:
    """Only what is missing is made: altering a table would wait for every transaction that uses it."""
    own = "cafe_id = nullif(current_setting('app.cafe_id', true), '')::uuid"
    return f"""DO $$ BEGIN
      IF NOT (SELECT relrowsecurity FROM pg_class WHERE oid = '{table}'::regclass) THEN
        ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
      END IF;
      IF NOT EXISTS (SELECT 1 FROM pg_policies WHERE tablename = '{table}' AND policyname = 'own_cafe') THEN
        CREATE POLICY own_cafe ON {table} TO {TENANT_ROLE} USING ({own}) WITH CHECK ({own});
      END IF;
    END $$"""
