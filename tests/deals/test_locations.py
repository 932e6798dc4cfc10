import pytest

from bot.deals.locations import LocationResolver, Locations
from tests.memory import MemoryBindings

ONE = Locations("BERLIN")
THREE = Locations("BERLIN", {"PARIS": "Paris", "ROME": "Rome North", "BERLIN": "Berlin", "ROMY": "Rome South"})


def test_the_default_one_comes_first_and_the_others_in_the_order_of_the_settings() -> None:
    assert THREE.ids == ["BERLIN", "PARIS", "ROME", "ROMY"]
    assert THREE.others == {"PARIS", "ROME", "ROMY"}
    assert (ONE.ids, ONE.others) == (["BERLIN"], frozenset())


def test_one_is_called_by_its_name_or_else_by_its_id() -> None:
    assert [THREE.name(each) for each in ("", "BERLIN", "PARIS", "GONE")] == ["Berlin", "Berlin", "Paris", "GONE"]
    assert ONE.name("") == "BERLIN"


def test_one_is_mentioned_only_where_there_are_more() -> None:
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
def test_one_is_meant_by_its_id_its_name_or_the_only_beginning(words: str, meant: str | None) -> None:
    assert THREE.meant(words) == meant


async def test_a_channel_works_where_it_was_bound_to_and_else_in_the_default_one() -> None:
    location_resolver = LocationResolver(THREE, MemoryBindings({"C1": "PARIS", "C2": "GONE"}))

    assert [await location_resolver.home(each) for each in ("C1", "C2", "C3")] == ["PARIS", "BERLIN", "BERLIN"]


async def test_where_there_is_one_nobody_is_asked_and_none_is_named() -> None:
    assert await LocationResolver(ONE, MemoryBindings(down=True)).home("C1") == ""
