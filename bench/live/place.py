"""Where the live bench happens: a database with cafes in it, a token for every member, a certificate."""

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tabletap.app import App
from tabletap.identity.tokens import Tokens
from tabletap.infra.db.migrate import migrate
from tabletap.infra.settings import Settings
from tabletap.kernel.clock import SystemClock
from tabletap.kernel.ids import Id, new_id
from tabletap.kernel.people import Role


class Room(msgspec.Struct, frozen=True, rename="camel"):
    """A cafe whose kitchen members listen to."""

    cafe_id: Id
    stream: str


class Certificate(msgspec.Struct, frozen=True):
    """A key and its certificate, as PEM."""

    key: str
    certificate: str


class Place(msgspec.Struct, frozen=True):
    """A database with cafes, and the secret that tokens are signed with."""

    folder: Path
    database_url: str
    secret: str
    rooms: list[Room]

    def tokens(self, members: int, rooms: int) -> list[tuple[int, str]]:
        """For so many members, spread evenly: the number of the room, and the token of a person of its own."""
        tokens = Tokens(self.secret, SystemClock())
        return [
            (
                number % rooms,
                tokens.issue(
                    cafe_id=self.rooms[number % rooms].cafe_id, person_id=new_id(), roles=frozenset({Role.KITCHEN})
                ),
            )
            for number in range(members)
        ]


async def prepare(folder: Path, rooms: int) -> Place:
    """A fresh SQLite database in a folder, with so many cafes."""
    database_url = f"sqlite:///{folder / 'tabletap.db'}"
    await migrate(database_url)
    secret = secrets.token_hex(32)
    app = App(Settings(database_url=database_url), secret)
    await app.open()
    try:
        cafes = [
            await app.services.cafes.create(f"Bench Cafe {number}", "AUD", "Australia/Sydney")
            for number in range(rooms)
        ]
    finally:
        await app.stop()
    return Place(folder, database_url, secret, [Room(cafe.cafe_id, f"cafe:{cafe.cafe_id}:kitchen") for cafe in cafes])


def certificate() -> Certificate:
    """A certificate for 127.0.0.1 that nobody has to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Certificate(private.decode(), made.public_bytes(pem).decode())
