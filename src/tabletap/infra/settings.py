"""The settings in force: environment variables `TABLETAP_*`, a `.env` file below them, defaults below that."""

import difflib
import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from email.utils import parseaddr
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from tabletap.infra.crash import read_crash_at
from tabletap.kernel.errors import FieldError, Refusal

PREFIX = "TABLETAP_"
MIN_SECRET_CHARACTERS = 32
"""HS256 needs a key at least as long as its output (RFC 7518, section 3.2)."""

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["console", "json"]
_EXAMPLES = re.compile(
    "change.?me|your.?(super|jwt|256|secret)|super.?secret|my.?secret|secret.?key|jwt.?secret|password|example"
    "|replace.?(me|this)|insecure|default|0123456789|abcdefghij|^(?P<part>.{1,8}?)(?P=part)+$",
    re.IGNORECASE,
)
"""What secrets look like that were copied from a guide."""


class SettingsError(Refusal):
    """A setting is wrong."""

    code = "settings_invalid"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be set from outside, by the name of its variable in lower case and without `TABLETAP_`."""

    data_dir: Path = Path("tabletap-data")
    database_url: str = "sqlite:///tabletap-data/tabletap.db"
    database_connections: int = 4
    redis_url: str | None = None
    jwt_secret: str | None = None
    encryption_keys: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    return_origins: tuple[str, ...] = ()
    public_url: str | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    trusted_proxies: tuple[str, ...] = ()
    live_connections_per_cafe: int = 5_000
    live_connects_per_minute: int = 600
    log_level: LogLevel = "info"
    log_format: LogFormat = "console"
    payconic_api_url: str | None = None
    payconic_api_key: str | None = None
    payconic_merchant_id: str | None = None
    payconic_webhook_secret: str | None = None
    payconic_timeout_seconds: int = 30
    stream_retention_days: int = 7
    smtp_url: str | None = None
    mail_from: str | None = None
    crash_at: str | None = None

    def masked(self) -> dict[str, str]:
        """Every variable with its value as it may be shown: secrets and passwords hidden."""
        return {PREFIX + each.name.upper(): _shown(each, getattr(self, each.name)) for each in SETTINGS}

    def __repr__(self) -> str:
        return f"Settings({self.masked()})"

    def __rich_repr__(self) -> Any:
        yield from self.masked().items()

    def address(self, port: int | None = None) -> str:
        """Where people reach us: the public URL if there is one, else where we listen."""
        if self.public_url is not None:
            return self.public_url
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{port or self.port}"

    def require_strong_secret(self) -> str:
        """The secret that signs tokens. Raises SettingsError when it is missing, short or one that others know too."""
        advice = "set it to what `openssl rand -hex 32` prints."
        if self.jwt_secret is None:
            raise SettingsError(f"TABLETAP_JWT_SECRET is missing: {advice}")
        if len(self.jwt_secret) < MIN_SECRET_CHARACTERS:
            raise SettingsError(f"TABLETAP_JWT_SECRET has fewer than {MIN_SECRET_CHARACTERS} characters: {advice}")
        if len(set(self.jwt_secret)) < 8 or _EXAMPLES.search(self.jwt_secret):
            raise SettingsError(
                f"TABLETAP_JWT_SECRET looks like one from an example, which anybody can guess: {advice}"
            )
        return self.jwt_secret


# --- reading one value ----------------------------------------------------------------


class Setting(msgspec.Struct, frozen=True):
    """One setting: its name, how its text is read (ValueError says what it must be), what it is for."""

    name: str
    read: Callable[[str], Any]
    says: str
    secret: bool = False


def _text(text: str) -> str:
    return text


def _whole(lowest: int, highest: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not lowest <= int(text) <= highest:
            raise ValueError(f"a whole number from {lowest} to {highest}")
        return int(text)

    return read


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"one of {', '.join(words)}")
        return text.lower()

    return read


def _url(what: str, *schemes: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        try:
            parts = urlsplit(text)
            complete = parts.scheme in schemes and parts.hostname and (parts.port is None or parts.port > 0)
        except ValueError:
            complete = False
        if not complete or re.search(r"\s", text):
            raise ValueError(what)
        return text.rstrip("/")

    return read


_web_address = _url("a web address like https://cafe.example.org", "http", "https")


def _database(text: str) -> str:
    if text.startswith("sqlite:///") and len(text) > len("sqlite:///"):
        return text
    return _url("sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME", "postgresql", "postgres")(text)


def _list_of(read: Callable[[str], str]) -> Callable[[str], tuple[str, ...]]:
    return lambda text: tuple(read(part.strip()) for part in text.split(",") if part.strip())


def _origin(text: str) -> str:
    what = "a list of origins like https://cafe.example.org, with commas between them"
    if text == "*":
        return text
    origin = _url(what, "http", "https")(text)
    if urlsplit(origin).path or "?" in origin or "#" in origin or "@" in origin:
        raise ValueError(what)
    return origin.lower()


def _sender(text: str) -> str:
    _, address = parseaddr(text)
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", address):
        raise ValueError("who mails are from: Corner Cafe <hello@example.org>")
    return text


def _key(text: str) -> str:
    if len(text) < MIN_SECRET_CHARACTERS or len(set(text)) < 8 or _EXAMPLES.search(text):
        raise ValueError("a list of what `openssl rand -hex 32` prints, the newest first, with commas between them")
    return text


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        raise ValueError("a list of addresses or networks like 10.0.0.0/8, with commas between them") from None


SETTINGS: tuple[Setting, ...] = (
    Setting("data_dir", Path, "Folder for the database file and whatever else is kept on disk."),
    Setting("database_url", _database, "`sqlite:///FILE` or `postgresql://…`; by default a file in the data folder."),
    Setting("database_connections", _whole(1, 100), "Connections to PostgreSQL from each process."),
    Setting(
        "redis_url",
        _url("redis://HOST:PORT/0", "redis", "rediss"),
        "For several processes.",
    ),
    Setting("jwt_secret", _text, "Signs tokens; at least 32 characters, the same for all processes.", secret=True),
    Setting(
        "encryption_keys",
        _list_of(_key),
        "Seal the secrets in the database: the first seals, all open; by default one made of the JWT secret.",
        secret=True,
    ),
    Setting("allowed_origins", _list_of(_origin), "Other sites whose pages may call us, commas between them."),
    Setting("return_origins", _list_of(_origin), "Other sites that a guest may be sent back to after paying."),
    Setting("public_url", _web_address, "Where guests reach us, if not at host and port."),
    Setting("host", _text, "Address to listen at."),
    Setting("port", _whole(0, 65535), "Port to listen at; 0 takes a free one."),
    Setting("workers", _whole(1, 64), "Server processes; more than one needs PostgreSQL and Redis."),
    Setting("trusted_proxies", _list_of(_network), "Proxies whose word on the guest's address is believed."),
    Setting("live_connections_per_cafe", _whole(1, 1_000_000), "Live connections of one cafe to each process."),
    Setting("live_connects_per_minute", _whole(1, 1_000_000), "New live connections from one network address."),
    Setting("log_level", _one_of("debug", "info", "warning", "error"), "What is worth a line."),
    Setting("log_format", _one_of("console", "json"), "Lines for people or for machines."),
    Setting("payconic_api_url", _web_address, "The payment provider, or its sandbox."),
    Setting("payconic_api_key", _text, "For cafes without a provider account of their own.", secret=True),
    Setting("payconic_merchant_id", _text, "For cafes without a provider account of their own."),
    Setting("payconic_webhook_secret", _text, "For cafes without a provider account of their own.", secret=True),
    Setting("payconic_timeout_seconds", _whole(1, 50), "How long the provider may take to answer."),
    Setting("stream_retention_days", _whole(1, 3650), "For how long screens that were away are told what they missed."),
    Setting("smtp_url", _url("smtp://USER:PASSWORD@HOST:587", "smtp", "smtps"), "Sends receipts.", secret=True),
    Setting("mail_from", _sender, "Who mails are from: `Corner Cafe <hello@example.org>`."),
    Setting("crash_at", read_crash_at, "For tests alone: where the process kills itself, `start.recorded`."),
)
"""Every setting there is, in the order in which they are shown."""
_BY_VARIABLE = {PREFIX + setting.name.upper(): setting for setting in SETTINGS}


# --- all of them ----------------------------------------------------------------------


def load_settings(
    environment: Mapping[str, str] | None = None,
    env_file: Path | None = Path(".env"),
    *,
    data_dir: Path | None = None,
) -> Settings:
    """The settings from the environment and, below it, a file. A name that is set to nothing counts as not set.

    `data_dir`, from the command line, wins over both; the database lies in it unless a URL is set.

    Raises SettingsError, with one sentence for every wrong value and every `TABLETAP_*` name that does not exist.
    """
    given = dict(read_env_file(env_file)) if env_file is not None and env_file.is_file() else {}
    given.update(os.environ if environment is None else environment)
    faults: list[FieldError] = []
    values: dict[str, Any] = {}
    for variable in sorted(name for name in given if name.upper().startswith(PREFIX)):
        setting, text = _BY_VARIABLE.get(variable), given[variable].strip()
        if setting is None:
            faults.append(FieldError(variable, f"{variable} is not a setting{_suggestion(variable)}."))
        elif text:
            try:
                values[setting.name] = setting.read(text)
            except ValueError as fault:
                faults.append(FieldError(variable, f"{variable} must be {fault}."))
    if faults:
        raise SettingsError(" ".join(fault.message for fault in faults), errors=faults)
    if data_dir is not None:
        values["data_dir"] = data_dir
    if "data_dir" in values:
        values.setdefault("database_url", f"sqlite:///{values['data_dir'] / 'tabletap.db'}")
    return Settings(**values)


def read_env_file(path: Path) -> dict[str, str]:
    """The names and values of a `.env` file: `NAME=value` lines, quotes, comments. Raises SettingsError."""
    values: dict[str, str] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read as UTF-8 text: {type(error).__name__}.") from None
    for number, line in enumerate(lines, 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, equals, text = stripped.removeprefix("export ").partition("=")
        value = _env_value(text.strip())
        if not equals or value is None or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name.strip()):
            raise SettingsError(f"{path}, line {number}, is not of the form NAME=value.")
        values[name.strip()] = value
    return values


def _env_value(text: str) -> str | None:
    """A value without its quotes and without a comment after it; None when a quote is not closed."""
    quote = text[:1]
    if quote not in ("'", '"'):
        return re.split(r"(?:^|\s)#", text, maxsplit=1)[0].strip()
    value, closed, rest = text[1:].partition(quote)
    return value if closed and re.fullmatch(r"\s*(#.*)?", rest) else None


def _suggestion(variable: str) -> str:
    near = difflib.get_close_matches(variable.upper(), _BY_VARIABLE, n=1, cutoff=0.75)
    return f"; did you mean {near[0]}" if near else ""


def _shown(setting: Setting, value: Any) -> str:
    if value is None or value == ():
        return "not set"
    if setting.secret and isinstance(value, tuple):
        return f"•••••• ({len(value)} {'key' if len(value) == 1 else 'keys'})"
    if setting.secret:
        return f"•••••• ({len(value)} characters)"
    text = ", ".join(value) if isinstance(value, tuple) else str(value)
    return re.sub(r"(://[^:/@\s]*):[^@\s]*@", r"\1:••••••@", text)
