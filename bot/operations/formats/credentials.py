"""The forms of settings that are secrets, and of what goes with them."""

import re

from pydantic import AfterValidator, SecretStr

from bot.operations.environment import comma_separated, error_of_list, named

SIGNING_SECRET_PLACE = "Basic Information > App Credentials > Signing Secret in your Slack app"  # noqa: S105 - a place


MOST_SIGNING_SECRETS = 2
"""The new one and the old one, while the secret is changed."""


KEY = r"[A-Za-z0-9_-]{43}="
"""The form of a Fernet key: 32 bytes in URL-safe base64."""


SHORTEST_TOKEN = 20
"""Characters."""


MAKE_A_TOKEN = "python -c 'import secrets; print(secrets.token_urlsafe())'"  # noqa: S105 - how to make one


MAKE_A_KEY = "python -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())'"


def secret_beginning(prefix: str, where: str) -> AfterValidator:
    """Accept a secret that begins with `prefix`. `where`: where to copy it.

    People paste secrets with a line break, or the wrong one of several; the problem does not show the value.
    """

    def check(secret: SecretStr) -> SecretStr:
        value = secret.get_secret_value()
        if foreign := next((character for character in value if not character.isascii()), ""):
            raise ValueError(f"contains {named(foreign)}. Copy it again from {where}")
        if not value or not value.isprintable() or " " in value:
            raise ValueError(f"is empty, or contains a space or line break. Copy it again from {where}")
        if not value.startswith(prefix):
            raise ValueError(f"should start with {prefix}. Copy it from {where}")
        return secret

    return AfterValidator(check)


def signing_secrets(value: object) -> object:
    """One signing secret, or two while it is changed.

    Slack does not document their form. All that were seen have 32 letters and digits; a token or an address has not.
    """
    given = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    secrets = [part.strip() for part in given.split(",")]
    if len(secrets) > len({*secrets} - {""}) or len(secrets) > MOST_SIGNING_SECRETS:
        raise ValueError(
            "should be one signing secret, or two separated by a comma with the new one first. Copy them from Basic"
            " Information in your Slack app"
        )
    if not all(re.fullmatch(r"[A-Za-z0-9]{32}", secret) for secret in secrets):
        raise ValueError(
            f"should be 32 letters and digits, and no token or address. Copy it again from {SIGNING_SECRET_PLACE}"
        )
    return ",".join(secrets)


def encryption_keys(value: object) -> object:
    """Read keys of `Vault`, which would load a library to check them: here their form is enough."""
    keys = comma_separated(value.get_secret_value() if isinstance(value, SecretStr) else value)
    if not isinstance(keys, list) or not keys or not all(re.fullmatch(KEY, str(key)) for key in keys):
        raise ValueError(f"should be one key, or several separated by commas. Make one with: {MAKE_A_KEY}")
    return ",".join(keys)


def scope_list(value: object) -> object:
    """Read OAuth scopes, with commas or spaces between them."""
    scopes = str(value).replace(",", " ").split()
    if not scopes or not all(map(_is_scope, scopes)):
        raise error_of_list(
            "should be scopes such as opportunities.write, separated by commas or spaces", scopes, _is_scope
        )
    return scopes


def _is_scope(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_./-]+", text) is not None


def long_token(secret: SecretStr) -> SecretStr:
    """Accept a token that cannot be guessed: nothing else protects what it opens, and an operator may make it up."""
    if not re.fullmatch(rf"[!-~]{{{SHORTEST_TOKEN},}}", secret.get_secret_value()):
        raise ValueError(
            f"should be at least {SHORTEST_TOKEN} characters with no spaces. Make one with: {MAKE_A_TOKEN}"
        )
    return secret
