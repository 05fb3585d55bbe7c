"""What is refused about provider accounts."""

from tabletap.kernel.errors import Kind, Refusal


class ProviderAccountNotFound(Refusal):
    """This cafe has no account at that provider."""

    code, kind = "provider_account_not_found", Kind.NOT_FOUND


class ProviderUnknown(Refusal):
    """No gateway here speaks to a provider of that name."""

    code, kind = "provider_unknown", Kind.NOT_FOUND


class ProviderAddressRefused(Refusal):
    """The provider's address must be one with https; only a sandbox on this machine may do without."""

    code = "provider_address_refused"


class ProviderKeyNeeded(Refusal):
    """Enter the apiKey again where apiUrl changes: a key is never sent to an address it was not given for."""

    code = "provider_key_needed"


class LiveModeRefused(Refusal):
    """A provider that simulates payments can only ever be used in test mode."""

    code = "live_mode_refused"


class ProviderAccountInUse(Refusal):
    """Payments through this account are still open: change whose account it is when they are finished."""

    code, kind = "provider_account_in_use", Kind.CONFLICT


class ProviderSecretWeak(Refusal):
    """A secret has 8 to 512 printable characters without spaces."""

    code = "provider_secret_weak"
