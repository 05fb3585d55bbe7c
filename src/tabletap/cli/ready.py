"""What the demo says when it answers requests: the ready file of contract 1.1, and the same for people."""

from pathlib import Path

import msgspec
from rich.console import Console

from tabletap.app import App
from tabletap.cafes.model import MenuItemView
from tabletap.cli.console import table
from tabletap.cli.folder import write_private
from tabletap.cli.furnishing import Furnished, Member
from tabletap.cli.provider import Provider
from tabletap.kernel.ids import Id
from tabletap.kernel.money import format_major
from tabletap.payments.accounts.model import ProviderAccount


class ReadyTable(msgspec.Struct, frozen=True):
    """A table and the code that its QR tent carries: guests open `/t/{code}`."""

    id: Id
    number: str
    code: str


class ReadyUser(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Somebody to sign in as, signed in already."""

    person_id: Id
    email: str
    password: str
    access_token: str
    customer_id: Id | None = None


class ReadyCafe(msgspec.Struct, frozen=True, rename="camel"):
    """The second tenant."""

    cafe_id: Id
    users: dict[str, ReadyUser]


class ReadyProvider(msgspec.Struct, frozen=True, rename="camel"):
    """Where payments go."""

    url: str
    control_url: str
    webhook_url: str
    webhook_secret: str


class Ready(msgspec.Struct, frozen=True, rename="camel"):
    """The ready file."""

    url: str
    cafe_id: Id
    currency: str
    tables: list[ReadyTable]
    menu: list[MenuItemView]
    users: dict[str, ReadyUser]
    other_cafe: ReadyCafe
    payconic: ReadyProvider

    def write(self, path: Path) -> None:
        """Write the file atomically; only its owner may read it."""
        write_private(path, msgspec.json.format(msgspec.json.encode(self)) + b"\n")


def ready(app: App, home: Furnished, other: Furnished, provider: Provider, account: ProviderAccount) -> Ready:
    """Everything that somebody needs who wants to use the demo."""
    return Ready(
        url=app.public_url,
        cafe_id=home.cafe.cafe_id,
        currency=home.cafe.currency,
        tables=[ReadyTable(seat.id, seat.number, seat.code) for seat in home.tables],
        menu=home.menu,
        users=_users(app, home),
        other_cafe=ReadyCafe(other.cafe.cafe_id, _users(app, other)),
        payconic=ReadyProvider(
            url=provider.url,
            control_url=provider.control_url,
            webhook_url=app.services.provider_accounts.webhook_url(account),
            webhook_secret=account.webhook_secrets[0],
        ),
    )


def _users(app: App, cafe: Furnished) -> dict[str, ReadyUser]:
    return {role: _user(app, cafe.cafe.cafe_id, role, member) for role, member in cafe.people.items()}


def _user(app: App, cafe_id: Id, role: str, member: Member) -> ReadyUser:
    token = app.services.tokens.issue(cafe_id=cafe_id, person_id=member.id, roles=member.roles)
    customer_id = member.id if role == "customer" else None
    return ReadyUser(member.id, member.email, member.password, token, customer_id)


def show(ready_: Ready, name: str, console: Console) -> None:
    """Print the address of every screen and who to sign in as."""
    console.print(f"\n{name} is open at {ready_.url}\n", style="bold", markup=False)
    screens = table("Screens", "screen", "address")
    for seat in ready_.tables:
        screens.add_row(f"table {seat.number}", f"{ready_.url}/t/{seat.code}")
    screens.add_row("kitchen", f"{ready_.url}/kitchen")
    screens.add_row("webhooks (manager)", f"{ready_.url}/admin/webhooks")
    screens.add_row("HTTP API", f"{ready_.url}/docs")
    screens.add_row("payment provider", f"{ready_.payconic.url} (simulated, no money moves)")
    console.print(screens)
    people = table("\nSign in as", "who", "e-mail", "password")
    for role, user in ready_.users.items():
        people.add_row(role, user.email, user.password)
    console.print(people)
    prices = [format_major(item.price, ready_.currency) for item in ready_.menu]
    console.print(
        f"\n{len(prices)} items on the menu from {min(prices, key=float)} {ready_.currency}; "
        f"cafe {ready_.cafe_id}. Stop with Ctrl-C.\n",
        markup=False,
    )
