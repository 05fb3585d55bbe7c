"""Settings: where they come from, what is refused, what is never shown."""

import secrets
from pathlib import Path

import pytest

from tabletap.infra.settings import SETTINGS, Settings, SettingsError, load_settings

STRONG = "3f9a5c7e1b2d4860af37c9e51d82b6049c7e3a1f"


def test_without_anything_set_the_defaults_are_in_force() -> None:
    settings = load_settings({}, None)

    assert settings == Settings()
    assert settings.database_url == "sqlite:///tabletap-data/tabletap.db"
    assert settings.address() == "http://127.0.0.1:8000"


def test_every_setting_is_described_once() -> None:
    assert [setting.name for setting in SETTINGS] == list(Settings.__struct_fields__)
    assert all(setting.says.endswith(".") for setting in SETTINGS)


def test_values_are_read_as_what_they_are() -> None:
    settings = load_settings(
        {
            "TABLETAP_DATABASE_URL": "postgresql://tabletap:pw@db.example.org:5432/tabletap",
            "TABLETAP_PORT": "0",
            "TABLETAP_WORKERS": " 4 ",
            "TABLETAP_ALLOWED_ORIGINS": "https://Cafe.example.org/, http://localhost:5173",
            "TABLETAP_TRUSTED_PROXIES": "10.0.0.0/8,::1",
            "TABLETAP_LOG_FORMAT": "JSON",
            "TABLETAP_REDIS_URL": "",
            "TABLETAP_PUBLIC_URL": "https://cafe.example.org/",
            "PATH": "/bin",
        },
        None,
    )

    assert (settings.port, settings.workers, settings.log_format, settings.redis_url) == (0, 4, "json", None)
    assert settings.allowed_origins == ("https://cafe.example.org", "http://localhost:5173")
    assert settings.trusted_proxies == ("10.0.0.0/8", "::1/128")
    assert settings.address(9) == "https://cafe.example.org"


def test_the_database_lies_in_the_data_folder_unless_it_is_named() -> None:
    moved = load_settings({"TABLETAP_DATA_DIR": "/srv/cafe"}, None)
    named = load_settings({"TABLETAP_DATA_DIR": "/srv/cafe", "TABLETAP_DATABASE_URL": "sqlite:////x.db"}, None)

    given = load_settings({"TABLETAP_DATA_DIR": "/srv/cafe"}, None, data_dir=Path("/srv/demo"))

    assert moved.database_url == "sqlite:////srv/cafe/tabletap.db"
    assert (given.data_dir, given.database_url) == (Path("/srv/demo"), "sqlite:////srv/demo/tabletap.db")
    assert named.database_url == "sqlite:////x.db"


def test_a_name_that_does_not_exist_is_named_with_the_one_that_was_meant() -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({"TABLETAP_JWT_SECRETE": "x", "TABLETAP_COFFEE": "x", "tabletap_port": "1"}, None)

    assert "TABLETAP_JWT_SECRETE is not a setting; did you mean TABLETAP_JWT_SECRET." in refused.value.detail
    assert "TABLETAP_COFFEE is not a setting." in refused.value.detail
    assert "tabletap_port is not a setting; did you mean TABLETAP_PORT." in refused.value.detail


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "８０"),
        ("WORKERS", "0"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("DATABASE_URL", "sqlite:///"),
        ("DATABASE_URL", "postgresql+asyncpg://localhost/x"),
        ("DATABASE_URL", "postgresql://localhost:port/x"),
        ("REDIS_URL", "http://localhost"),
        ("PUBLIC_URL", "cafe.example.org"),
        ("PUBLIC_URL", "https://"),
        ("PUBLIC_URL", "https://[::1"),
        ("ALLOWED_ORIGINS", "https://a.example.org/path"),
        ("ALLOWED_ORIGINS", "a.example.org"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TRUSTED_PROXIES", "proxy"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("PAYCONIC_TIMEOUT_SECONDS", "1.5"),
    ],
)
def test_a_wrong_value_is_refused_with_a_sentence_that_names_it(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({f"TABLETAP_{name}": value}, None)

    assert refused.value.detail.startswith(f"TABLETAP_{name} must be ")
    assert refused.value.errors[0].field == f"TABLETAP_{name}"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        "\ufeff# our cafe\n\nexport TABLETAP_PORT=9000\nTABLETAP_HOST = '192.0.2.7'  # here alone\n"
        'TABLETAP_JWT_SECRET="a # b=c"\nTABLETAP_LOG_LEVEL=debug # for now\nTABLETAP_REDIS_URL=\nOTHER=x#y\n'
    )

    settings = load_settings({"TABLETAP_PORT": "9001"}, file)

    assert (settings.port, settings.host, settings.jwt_secret) == (9001, "192.0.2.7", "a # b=c")
    assert (settings.log_level, settings.redis_url) == ("debug", None)


def test_a_file_that_is_not_there_is_no_fault(tmp_path: Path) -> None:
    assert load_settings({}, tmp_path / ".env") == Settings()


@pytest.mark.parametrize("line", ["TABLETAP_PORT", "= 5", "1A=2", 'A="b', "A='b' c", "A B=c"])
def test_a_line_that_is_no_setting_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / ".env"
    file.write_text(f"A=b\n{line}\n")

    with pytest.raises(SettingsError, match="line 2"):
        load_settings({}, file)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"TABLETAP_HOST=caf\xe9")

    with pytest.raises(SettingsError, match="UTF-8"):
        load_settings({}, file)


def test_a_wrong_name_in_the_file_stops_the_start_too(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("TABLETAP_PROT=1\n")

    with pytest.raises(SettingsError, match="TABLETAP_PROT"):
        load_settings({}, file)


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "short",
        "x" * 31,
        "a" * 64,
        "abcd1234" * 8,
        "change-me-change-me-change-me-please",
        "your-256-bit-secret-your-256-bit-secret",
        "my_super_secret_jwt_key_for_production_2024",
        "0123456789abcdef0123456789abcdefghij",
    ],
)
def test_a_server_does_not_start_with_a_secret_that_others_know(secret: str) -> None:
    settings = load_settings({"TABLETAP_JWT_SECRET": secret}, None)

    with pytest.raises(SettingsError) as refused:
        settings.require_strong_secret()

    assert refused.value.detail.startswith("TABLETAP_JWT_SECRET ")
    assert not secret or secret not in refused.value.detail


def test_a_random_secret_is_accepted() -> None:
    for secret in (STRONG, secrets.token_hex(32), secrets.token_urlsafe(32), secrets.token_hex(16)):
        assert load_settings({"TABLETAP_JWT_SECRET": secret}, None).require_strong_secret() == secret


def test_nothing_that_shows_the_settings_shows_a_secret() -> None:
    settings = load_settings(
        {
            "TABLETAP_JWT_SECRET": STRONG,
            "TABLETAP_PAYCONIC_API_KEY": "key-77",
            "TABLETAP_PAYCONIC_WEBHOOK_SECRET": "hook-88",
            "TABLETAP_DATABASE_URL": "postgresql://tabletap:pw-99@db:5432/tabletap",
            "TABLETAP_REDIS_URL": "redis://:pw-66@cache:6379/0",
        },
        None,
    )

    shown = f"{settings.masked()} {settings!r} {settings} {list(settings.__rich_repr__())}"

    for hidden in (STRONG, "key-77", "hook-88", "pw-99", "pw-66"):
        assert hidden not in shown
    masked = settings.masked()
    assert masked["TABLETAP_JWT_SECRET"] == "•••••• (40 characters)"
    assert masked["TABLETAP_DATABASE_URL"] == "postgresql://tabletap:••••••@db:5432/tabletap"
    assert masked["TABLETAP_PUBLIC_URL"] == "not set"


def test_an_address_of_six_is_written_in_brackets() -> None:
    assert load_settings({"TABLETAP_HOST": "::1"}, None).address(8080) == "http://[::1]:8080"


def test_any_origin_can_be_let_in_on_purpose() -> None:
    assert load_settings({"TABLETAP_ALLOWED_ORIGINS": "*"}, None).allowed_origins == ("*",)
