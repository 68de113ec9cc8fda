"""Names of countries in the reader's language, by ``babel``."""

from contextlib import suppress
from functools import lru_cache
from typing import Final

from usercore.addresses.libraries import load
from usercore.kernel.countries import clean_country
from usercore.kernel.preferences import clean_language
from usercore.kernel.text import refuse

FALLBACK: Final = "en"
"""The language of names that are not known in the reader's."""


def country_name(country: str, language: str) -> str:
    """Return the name of a country in a language: ``country_name("SK", "de")`` is ``Slowakei``.

    A language without names of countries is replaced by the next wider one, ``de-LI`` by ``de``, and in the end by
    English.

    Raises:
        TypeError: a value is not text.
        Invalid: no country has this code, or the language is not well-formed.
        ValueError: the extra is not installed.
    """
    code = clean_country(country) or refuse("country", "empty")
    return _names(clean_language(language) or refuse("language", "empty")).get(code, code)


@lru_cache(maxsize=64)  # few languages are in use, and the parts of a locale are read from a file
def _names(language: str) -> dict[str, str]:
    library = load("babel", extra="country-names", purpose="country_name")
    tag = language
    while tag:
        with suppress(ValueError, library.UnknownLocaleError):
            return dict(library.Locale.parse(tag, sep="-").territories)
        tag = tag.rpartition("-")[0]
    return dict(library.Locale.parse(FALLBACK).territories)
