"""Secrets at rest: sealed for one place, opened by any key we have and by no other."""

import pytest

from tabletap.infra.secrets import Sealer, SecretsUnreadable

TOKEN_SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a6978"
OLD_KEY, NEW_KEY = "1a" * 32, "2b" * 32
PLACE = ("cafe", "account", "api_key")


def test_what_was_sealed_for_a_place_opens_there() -> None:
    sealer = Sealer([], TOKEN_SECRET)

    sealed = sealer.seal("sk_live_ä", *PLACE)

    assert sealer.open(sealed, *PLACE) == "sk_live_ä"
    assert "sk_live" not in sealed
    assert sealer.seal("sk_live_ä", *PLACE) != sealed, "twice the same secret is not to be recognised"


@pytest.mark.parametrize(
    "place",
    [
        ("other cafe", "account", "api_key"),
        ("cafe", "other account", "api_key"),
        ("cafe", "account", "webhook_secret"),
        ("cafea", "ccount", "api_key"),
        ("cafe", "account"),
    ],
)
def test_a_sealed_text_copied_to_another_place_does_not_open(place: tuple[str, ...]) -> None:
    sealer = Sealer([], TOKEN_SECRET)
    sealed = sealer.seal("sk_live", *PLACE)

    with pytest.raises(SecretsUnreadable) as refused:
        sealer.open(sealed, *place)

    assert refused.value.detail.startswith("A stored secret opens with no key in TABLETAP_ENCRYPTION_KEYS")


def test_keys_rotate_the_first_seals_and_all_open() -> None:
    before = Sealer([OLD_KEY], TOKEN_SECRET)
    during = Sealer([NEW_KEY, OLD_KEY], TOKEN_SECRET)
    after = Sealer([NEW_KEY], "another secret of tokens, just as long as before")
    old = before.seal("sk_live", *PLACE)

    new = during.seal(during.open(old, *PLACE), *PLACE)

    assert (during.is_current(old), during.is_current(new)) == (False, True)
    assert after.open(new, *PLACE) == "sk_live"
    with pytest.raises(SecretsUnreadable):
        after.open(old, *PLACE)


def test_who_sets_keys_later_still_opens_what_the_secret_of_tokens_sealed() -> None:
    sealed = Sealer([], TOKEN_SECRET).seal("sk_live", *PLACE)

    assert Sealer([NEW_KEY], TOKEN_SECRET).open(sealed, *PLACE) == "sk_live"
    with pytest.raises(SecretsUnreadable):
        Sealer([], TOKEN_SECRET + "x").open(sealed, *PLACE)


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "s1",
        "s1..",
        "sk_live",
        "s1.{name}.",
        "s1.{name}.not base64!",
        "s1.{name}.AAAA",
        "s2.{name}.{text}",
        "{all}A",
    ],
)
def test_what_is_damaged_is_refused_in_one_sentence(damaged: str) -> None:
    sealer = Sealer([OLD_KEY], TOKEN_SECRET)
    sealed = sealer.seal("sk_live", *PLACE)
    _, name, text = sealed.split(".")

    with pytest.raises(SecretsUnreadable) as refused:
        sealer.open(damaged.format(name=name, text=text, all=sealed[:-6]), *PLACE)

    assert refused.value.__cause__ is None


def test_no_key_shows_in_a_repr() -> None:
    assert repr(Sealer([OLD_KEY], TOKEN_SECRET)) == "Sealer(2 keys)"
