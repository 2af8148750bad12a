"""How names are compared where letter case, accents, width and trailing space do not count, as in the collations of databases."""

import unicodedata


def plain(name: str) -> str:
    """Return a name without accents and trailing space, in lower case and in normal width."""
    letters = unicodedata.normalize("NFKD", name.lower())
    return "".join(letter for letter in letters if unicodedata.category(letter) != "Mn").rstrip(" ")
