import re
import shlex
import subprocess
import sys

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from bot.highlevel.vault import Sealed, Vault
from bot.operations.formats import KEY, MAKE_A_KEY

OLD, NEW, FOREIGN = (Fernet.generate_key().decode() for _ in range(3))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_closed_can_be_opened_and_is_not_to_be_seen(secret: str) -> None:
    vault = Vault([OLD])
    closed = vault.close(secret)

    assert vault.open(closed) == secret
    assert len(secret) < 4 or secret not in closed


def test_a_new_key_closes_and_the_old_one_still_opens() -> None:
    before = Vault([OLD]).close("secret")
    rotated = Vault([NEW, OLD])

    assert rotated.open(before) == "secret"
    assert Vault([NEW]).open(rotated.close("secret")) == "secret"


@given(st.text())
def test_what_was_never_closed_is_an_error_that_shows_nothing(stored: str) -> None:
    with pytest.raises(Sealed) as caught:
        Vault([OLD]).open(stored)
    assert (caught.value.args, caught.value.__cause__, caught.value.__suppress_context__) == ((), None, True)


@pytest.mark.parametrize(
    "closed", [Vault([FOREIGN]).close("secret"), Vault([OLD]).close("secret")[:-8]], ids=["another key", "cut"]
)
def test_what_was_closed_with_another_key_or_was_cut_is_an_error(closed: str) -> None:
    with pytest.raises(Sealed):
        Vault([NEW, OLD]).open(closed)


def test_a_key_is_made_and_known_as_the_settings_say() -> None:
    assert re.fullmatch(KEY, NEW)
    command = [sys.executable, *shlex.split(MAKE_A_KEY)[1:]]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    assert re.fullmatch(KEY, made)
    assert Vault([made]).open(Vault([made]).close("secret")) == "secret"
