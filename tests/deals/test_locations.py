import pytest

from bot.deals.locations import LocationResolver, Locations
from tests.memory import MemoryBindings

ONE = Locations("BERLIN")
THREE = Locations("BERLIN", {"PARIS": "Paris", "ROME": "Rome North", "BERLIN": "Berlin", "ROMY": "Rome South"})


def test_the_default_sub_account_is_first_and_the_others_are_in_the_order_of_the_settings() -> None:
    assert THREE.ids == ["BERLIN", "PARIS", "ROME", "ROMY"]
    assert THREE.others == {"PARIS", "ROME", "ROMY"}
    assert (ONE.ids, ONE.others) == (["BERLIN"], frozenset())


def test_a_sub_account_without_a_name_is_called_by_its_id() -> None:
    assert [THREE.name(each) for each in ("", "BERLIN", "PARIS", "GONE")] == ["Berlin", "Berlin", "Paris", "GONE"]
    assert ONE.name("") == "BERLIN"


def test_a_sub_account_is_mentioned_only_if_there_are_several() -> None:
    assert (THREE.mentioned("PARIS"), THREE.mentioned(None)) == ("Paris", "Berlin")
    assert ONE.mentioned("BERLIN") == ""


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("PARIS", "PARIS"),
        ("paris", "PARIS"),
        ("pa", "PARIS"),
        ("rome north", "ROME"),
        ("rome s", "ROMY"),
        ("rome", None),
        ("london", None),
        ("", None),
    ],
)
def test_a_sub_account_is_meant_by_its_id_its_name_or_an_unambiguous_beginning(words: str, meant: str | None) -> None:
    assert THREE.meant(words) == meant


async def test_a_channel_works_in_the_sub_account_it_is_bound_to_or_in_the_default_one() -> None:
    location_resolver = LocationResolver(THREE, MemoryBindings({"C1": "PARIS", "C2": "GONE"}))

    assert [await location_resolver.home(each) for each in ("C1", "C2", "C3")] == ["PARIS", "BERLIN", "BERLIN"]


async def test_with_one_sub_account_no_binding_is_read_and_none_is_named() -> None:
    assert await LocationResolver(ONE, MemoryBindings(down=True)).home("C1") == ""
