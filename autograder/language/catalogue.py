"""The sentences learners read, by name, in every language: ``words/en.toml`` and its translations beside it.

A sentence is made in English and remembers which one it is. Grading and comparing never ask for a language; whoever
shows a sentence to a person says in which one, with :func:`translated`.
"""

from __future__ import annotations

import tomllib
import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, reduce
from importlib import resources

from autograder.errors import UsageError

#: The language of the names' first words, and the one that stands in where another has none.
DEFAULT = "en"

_FILES = resources.files("autograder.language") / "words"
LANGUAGES: tuple[str, ...] = tuple(
    sorted(file.name.removesuffix(".toml") for file in _FILES.iterdir() if file.name.endswith(".toml"))
)


class MissingWords(ResourceWarning):
    """A sentence has no words in a language, and English stands in.

    Of a kind that Python does not show unless it is asked to: a learner is not troubled by it, and a test, where
    warnings are errors, fails.
    """


class Sentence(str):
    """A sentence of the catalogue in English, which knows its name and what fills its gaps.

    Parameters
    ----------
    key : str
        Section and name in the catalogue, as in ``"comparison.right"``.
    **gaps : object
        What goes into the gaps; sentences among them are translated with the whole.

    Raises
    ------
    KeyError
        If there is no such sentence, or a gap is left unfilled: a slip of ours, which tests meet first.
    """

    key: str
    gaps: Mapping[str, object]

    def __new__(cls, key: str, **gaps: object) -> Sentence:
        """Return the English words, gaps filled."""
        sentence = super().__new__(cls, words(DEFAULT)[key].format_map(gaps))
        sentence.key, sentence.gaps = key, gaps
        return sentence

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, object]]:
        """Let copies and pickles be made from the name and the gaps."""
        return (self.key,), dict(self.gaps)


def translated(text: str, language: str) -> str:
    """Return a sentence in a language; a text that is not of the catalogue, such as a rubric's, as it is."""
    if not isinstance(text, Sentence) or language == DEFAULT:
        return str(text)
    pattern = words(language).get(text.key)
    if pattern is None:
        warnings.warn(f"{text.key} has no words in {language!r}.", MissingWords, stacklevel=2)
        return str(text)
    gaps = {name: translated(gap, language) if isinstance(gap, str) else gap for name, gap in text.gaps.items()}
    return pattern.format_map(gaps)


def few(names: Iterable[str], most: int) -> list[str]:
    """Return names, each once, and no more of them than that."""
    each = list(dict.fromkeys(names))
    return each if len(each) <= most else [*each[:most], "…"]


def listed(names: Sequence[str]) -> str:
    """Return names or parts of sentences as they stand in a sentence: "a", "a and b", "a, b and c"."""
    if len(names) < 2:
        return next(iter(names), "")
    first = reduce(lambda before, after: Sentence("lists.more", before=before, after=after), names[:-1])
    return Sentence("lists.last_two", first=first, last=names[-1])


def together(sentences: Sequence[str]) -> str:
    """Return sentences one after the other, as one that can be translated."""
    return reduce(lambda before, after: Sentence("lists.next", before=before, after=after), sentences)


def require_language(language: str) -> str:
    """Return a language that there are words in.

    Raises
    ------
    UsageError
        If there are none; it says in which languages there are.
    """
    if language not in LANGUAGES:
        raise UsageError(f"There are no words in the language {language!r}. There are: {', '.join(LANGUAGES)}.")
    return language


@cache
def words(language: str) -> Mapping[str, str]:
    """Return the patterns of a language by section and name."""
    document = tomllib.loads((_FILES / f"{language}.toml").read_text(encoding="utf-8"))
    sections = {name: section for name, section in document.items() if isinstance(section, dict)}
    return {f"{name}.{key}": pattern for name, section in sections.items() for key, pattern in section.items()}
