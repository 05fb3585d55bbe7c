"""Who may know whom. import-linter keeps the order of the layers (`make check`); here is what it cannot say."""

import pytest

from tests.architecture.code import REPOSITORY, SOURCE, File, layers, source_files

DOMAINS = {"cafes", "identity", "ledger", "orders", "credits", "tips", "qr", "till", "payments", "webhooks"} | {
    "reconciliation"
}
DOMAIN_FILES = {"__init__", "model", "events", "errors", "store", "service", "jobs"}
ALSO: dict[str, set[str]] = {
    "cafes": {"business_day", "menu", "menu_file"},
    "payments": {
        "accounts",
        "asking",
        "books",
        "disputes",
        "flags",
        "late_money",
        "reviewing",
        "schedule",
        "refunds",
        "security",
        "splits",
        "tipping",
        "split_items",
        "policy",
        "priority",
        "cash",
        "companions",
        "daily",
        "counter",
        "top_ups",
        "changing",
        "moving",
        "refund_plan",
        "refunding",
        "order_refunds",
        "pay_page",
        "settling",
        "transfers",
        "views",
        "gateways",
    },
    "credits": {"accounts", "book", "expiring", "holding", "lots", "moving", "sums", "views"},
    "orders": {"checking", "lines"},
    "ledger": {"audit", "checking", "explorer"},
    "identity": {"policy", "passwords", "sessions", "tokens"},
    "reconciliation": {
        "booking",
        "checks",
        "deciding",
        "expected",
        "importing",
        "lines",
        "matching",
        "payouts",
        "readers",
        "records",
        "resolving",
        "suggesting",
        "uploading",
        "views",
    },
    "till": {"days"},
    "webhooks": {"open_items"},
    "tips": {"payouts", "rules", "sharing", "shifts"},
    "qr": {"accounts", "emvco", "image", "payloads", "references", "schemes"},
}
"""Domain by domain, the parts that have a name of their own. A new one is a decision: write it down here."""

ONLY_IN: dict[str, tuple[str, ...]] = {
    # web frameworks: the edges, and where everything is built
    "litestar": ("http", "screens", "realtime", "sandbox", "app", "cli"),
    "socketio": ("realtime", "app", "cli"),
    "engineio": ("realtime", "app", "cli"),
    "uvicorn": ("app", "cli", "realtime/engine", "sandbox"),
    # clients: a call to somebody else never hides in a domain
    "aiohttp": ("payments/gateways", "webhooks", "sandbox", "testing", "cli"),
    "httpx": (),
    "requests": (),
    "urllib.request": (),
    "http.client": (),
    # drivers: only infra knows the two engines apart; the sandbox is a program of its own, with a file of its own
    "asyncpg": ("infra",),
    "sqlite3": ("infra", "sandbox"),
    "redis": ("infra",),
    "aiosmtplib": ("infra",),
    "pgqueuer": ("infra",),
    # what people type and read
    "typer": ("cli",),
    "rich": ("cli",),
}


def test_every_package_has_its_line_in_the_layer_contract() -> None:
    listed = {name for line in layers() for name in line}
    existing = {path.stem for path in SOURCE.iterdir() if (path / "__init__.py").exists() or path.suffix == ".py"} - {
        "__init__",
        "__main__",
    }

    assert existing - listed == set()


def test_the_page_on_architecture_draws_every_layer() -> None:
    page = REPOSITORY / "ARCHITECTURE.md"
    drawn = page.read_text() if page.exists() else " ".join(name for line in layers() for name in line)

    assert [name for line in layers() for name in line if name not in drawn] == []


def test_only_the_command_line_starts_the_sandbox_or_the_gateway_kit() -> None:
    for special in ("sandbox", "testing"):
        strangers = [
            file.at(found.line)
            for file in source_files()
            if file.package not in {special, "cli"}
            for found in file.imports
            if found.is_of(f"tabletap.{special}")
        ]
        assert strangers == []


def test_every_domain_uses_the_same_file_names() -> None:
    others = [
        file.at(1)
        for file in source_files()
        if file.package in DOMAINS and len(file.place) > 1
        if file.place[1] not in DOMAIN_FILES | ALSO.get(file.package, set())
    ]

    assert others == []


def test_sql_is_written_in_stores_alone() -> None:
    strangers = [
        file.at(found.line)
        for file in source_files()
        if file.package != "infra" and file.path.stem != "store"
        for found in file.imports
        if found.is_of("sqlalchemy", "alembic")
    ]

    assert strangers == []


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_stays_where_it_belongs(library: str) -> None:
    strangers = [
        file.at(found.line)
        for file in source_files()
        if not _lives_in(file, ONLY_IN[library])
        for found in file.imports
        if found.is_of(library)
    ]

    assert strangers == []


def _lives_in(file: File, places: tuple[str, ...]) -> bool:
    return any(file.place[: place.count("/") + 1] == tuple(place.split("/")) for place in places)
