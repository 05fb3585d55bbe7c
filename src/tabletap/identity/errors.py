"""What sign-in and customer accounts turn down."""

from tabletap.kernel.errors import Kind, Refusal


class CredentialsInvalid(Refusal):
    """E-mail address and password do not belong together."""

    code, kind = "credentials_invalid", Kind.NOT_SIGNED_IN


class CafeRequired(Refusal):
    """You belong to several cafes: name the one to sign in to as cafeId."""

    code = "cafe_required"


class RefreshTokenInvalid(Refusal):
    """The refresh token is unknown, expired or signed out; sign in again."""

    code, kind = "refresh_token_invalid", Kind.NOT_SIGNED_IN


class RefreshTokenReused(Refusal):
    """This refresh token was used before, so all that came from it is signed out; sign in again."""

    code, kind = "refresh_token_reused", Kind.NOT_SIGNED_IN


class EmailTaken(Refusal):
    """Somebody at this cafe has that e-mail address already."""

    code = "email_taken"


class PasswordTooWeak(Refusal):
    """A password has 8 to 256 characters and is neither a common one nor the e-mail address."""

    code = "password_too_weak"


class PasswordNeedsEmail(Refusal):
    """An account with a password needs an e-mail address to sign in with."""

    code = "password_needs_email"


class PersonNotFound(Refusal):
    """There is nobody with that id at this cafe."""

    code, kind = "person_not_found", Kind.NOT_FOUND
