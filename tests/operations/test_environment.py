import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.operations.environment import clean, misspelled, problem_of, variables_in

# --- a file --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"ADMINS=U0KIM\nPORT=1\n",
        codecs.BOM_UTF8 + b"ADMINS=U0KIM\r\nPORT=1\r\n",
        "ADMINS=U0KIM\r\nPORT=1\r\n".encode("utf-16"),
        codecs.BOM_UTF16_BE + "ADMINS=U0KIM\nPORT=1\n".encode("utf-16-be"),
        b"# caf\xe9, as an old editor saved it\nADMINS='U0KIM'\nexport PORT=\"1\"\n",
    ],
    ids=["UTF-8", "with a byte order mark", "UTF-16", "big-endian", "a comment in another encoding"],
)
def test_a_file_of_any_usual_encoding_is_read(content: bytes) -> None:
    assert variables_in(content) == {"ADMINS": "U0KIM", "PORT": "1"}


def test_bytes_of_another_encoding_in_a_value_are_named() -> None:
    value = variables_in("HIGHLEVEL_LOCATIONS=abc=Zürich".encode("latin-1"))["HIGHLEVEL_LOCATIONS"]

    assert problem_of(value, is_free_text=True) == "contains bytes that aren't UTF-8. Save .env as UTF-8"


@given(st.binary(max_size=60))
def test_any_file_is_read(content: bytes) -> None:
    assert all(isinstance(value, str) for value in variables_in(content).values())


# --- a value -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quoted", ['"{}"', "'{}'", ' "{}"\n', "' {} '", "{}"])
def test_one_pair_of_straight_quotes_is_no_part_of_the_value(quoted: str) -> None:
    assert clean(quoted.format("pit-1")) == "pit-1"


@pytest.mark.parametrize("value", ['"U1","U2"', "\"U1'", '"', 'a"b', "it's"])
def test_other_quotes_stay(value: str) -> None:
    assert clean(value) == value


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("\ufeffxoxb-1", "contains U+FEFF (byte order mark), which is invisible."),
        ("xoxb-\u200b1", "contains U+200B (zero width space), which is invisible."),
        ("xoxb\u00a01", "contains U+00A0 (no-break space), which is invisible."),
        ("a\x00b", "contains U+0000 (null), which is invisible."),
        ("a\x07b", "contains U+0007 (control character), which is invisible."),
        ("“xoxb-1”", "has U+201C (left double quotation mark) around it."),
        ("xoxb-1”", "has U+201D (right double quotation mark) around it."),
        ("«won»", "has U+00AB (left-pointing double angle quotation mark) around it."),
        ('"xoxb-1', "has U+0022 (quotation mark) at one end only."),
        ("xoxb-1'", "has U+0027 (apostrophe) at one end only."),
    ],
)
def test_a_character_that_does_not_belong_there_is_named(value: str, words: str) -> None:
    assert (problem_of(value) or "").startswith(words)


@pytest.mark.parametrize("value", ["xoxb-1", "", "a,\n\tb", "abc=Café 👩‍💻,def=Joe’s", "postgresql://ana:p%40@h/x"])
def test_what_people_write_on_purpose_is_no_problem(value: str) -> None:
    assert problem_of(value, is_free_text=True) is None


def test_a_joiner_is_a_problem_where_no_name_is_expected() -> None:
    assert "U+200D" in (problem_of("xoxb-\u200d1") or "")


@given(st.text(max_size=20))
def test_a_value_without_problems_has_only_what_people_see_or_lay_a_list_out_with(value: str) -> None:
    if problem_of(value) is None:
        assert all(character.isprintable() or character in "\t\r\n" for character in value)


# --- a name --------------------------------------------------------------------------------------------------------


def test_a_name_with_an_invisible_character_is_named() -> None:
    found = misspelled(
        {"\ufeffPORT": "1", "ADMINS\u200b": "U1", "HOST": "::", "\ufeffOTHER": "x"}, ["PORT", "ADMINS", "HOST"]
    )

    assert found == {
        "PORT": "has U+FEFF (byte order mark) in its name. Type the line again",
        "ADMINS": "has U+200B (zero width space) in its name. Type the line again",
    }
