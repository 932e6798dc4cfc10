import re
import shlex
import subprocess
import sys

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from bot.highlevel.vault import Sealed, Vault
from bot.operations.formats.credentials import KEY, MAKE_A_KEY

OLD, NEW, FOREIGN = (Fernet.generate_key().decode() for _ in range(3))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_an_encrypted_secret_can_be_decrypted_and_not_be_read(secret: str) -> None:
    vault = Vault([OLD])
    encrypted = vault.encrypt(secret)

    assert vault.decrypt(encrypted) == secret
    assert len(secret) < 4 or secret not in encrypted


def test_after_a_rotation_the_new_key_encrypts_and_the_old_one_still_decrypts() -> None:
    before = Vault([OLD]).encrypt("secret")
    rotated = Vault([NEW, OLD])

    assert rotated.decrypt(before) == "secret"
    assert Vault([NEW]).decrypt(rotated.encrypt("secret")) == "secret"


@given(st.text())
def test_text_that_was_never_encrypted_raises_an_error_that_shows_nothing_of_it(stored: str) -> None:
    with pytest.raises(Sealed) as caught:
        Vault([OLD]).decrypt(stored)
    assert (caught.value.args, caught.value.__cause__, caught.value.__suppress_context__) == ((), None, True)


@pytest.mark.parametrize(
    "encrypted", [Vault([FOREIGN]).encrypt("secret"), Vault([OLD]).encrypt("secret")[:-8]], ids=["another key", "cut"]
)
def test_a_secret_encrypted_with_another_key_or_cut_short_raises_an_error(encrypted: str) -> None:
    with pytest.raises(Sealed):
        Vault([NEW, OLD]).decrypt(encrypted)


def test_the_command_in_the_settings_makes_a_key_that_the_settings_accept() -> None:
    assert re.fullmatch(KEY, NEW)
    command = [sys.executable, *shlex.split(MAKE_A_KEY)[1:]]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    assert re.fullmatch(KEY, made)
    assert Vault([made]).decrypt(Vault([made]).encrypt("secret")) == "secret"
