"""What can be found in a learner's memo, for the person who grades it.

A person grades the memo. This only lays out what is there in the learner's own words and figures, part by part of the
mark scheme, and suggests a share of the points. It reads words and not meaning: it may miss what is said in other
words, and it believes what is only mentioned.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from autograder.feedback import shorten
from autograder.memo import words
from autograder.memo.figures import Figure, judge_figures
from autograder.memo.numbers import StoreMention, find_numbers, find_stores, plain_name
from autograder.memo.sentences import MAX_CHARACTERS, Memo, split_memo

__all__ = ["MAX_CHARACTERS", "PARTS", "MemoEvidence", "MemoFinding", "read_memo"]

FEWEST_SENTENCES, MOST_SENTENCES = 3, 5
LONG_SENTENCE = 60
MOST_JARGON = 2

#: The parts of the mark scheme, equal in weight. Each rests on its first finding; the other, if any, is half of it.
PARTS: tuple[tuple[str, ...], ...] = (
    ("stores", "proposal"),
    ("figures", "unit"),
    ("evidence",),
    ("uncertainty",),
    ("limit",),
    ("length", "readable"),
)

#: A memo that does none of these says nothing, however many sentences it has.
_SUBSTANCE = ("stores", "figures", "evidence", "uncertainty", "limit")

#: So many are quoted or listed in one finding.
_MOST_QUOTED = 8
_GREEK = re.compile(r"[\u0370-\u03ff\u1f00-\u1fff]+|\\[a-z]{2,20}")
_CODE = re.compile(r"\b[a-z]{2,30}_[a-z_]{2,30}\b")
_LETTERS = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class MemoFinding:
    """One thing looked for: whether it is there, and a sentence about it for the teacher."""

    name: str
    fine: bool
    sentence: str


@dataclass(frozen=True)
class MemoEvidence:
    """All findings, and the share of the points, 0 to 1, that they suggest."""

    findings: tuple[MemoFinding, ...]
    suggested: float


@dataclass(frozen=True)
class _Piece:
    """A sentence with the stores and figures in it."""

    text: str
    stores: tuple[StoreMention, ...]
    figures: tuple[Figure, ...]


def read_memo(text: str, figures: Mapping[str, float], top: Sequence[int | str]) -> MemoEvidence:
    """Return what a memo says, part by part of the mark scheme.

    Parameters
    ----------
    text : str
        The memo in Markdown, as handed in. Anything may be in it; what lies beyond `MAX_CHARACTERS` is not read.
    figures : mapping
        The learner's own answers by name. ``gain_average`` and ``gain_best_store`` are in units of sales for ten more
        units of YouTube; ``lrt_p`` and ``icc`` are known by name too. Those that are not finite are left out.
    top : sequence of int or str
        The stores of the top tier on the panel the learner saw. If empty, stores are named but not compared.

    Returns
    -------
    MemoEvidence
        One finding for each name in `PARTS`, in the order of the mark scheme, and, where the memo speaks to its grader,
        one more that bears on no points. A part earns nothing unless its first finding is fine, and half if only that
        is; the last earns nothing in a memo that says nothing.
    """
    memo = split_memo(text)
    answers = {name: float(value) for name, value in figures.items() if _is_finite(value)}
    tier = tuple(dict.fromkeys(plain_name(store) for store in top))
    pieces = tuple(_pieces(memo, answers, tier))
    found = (
        _find_stores(pieces, tier),
        _find_proposal(pieces),
        _find_figures(pieces, answers),
        _find_unit(pieces),
        _find_evidence(pieces),
        _find_uncertainty(pieces),
        _find_limit(pieces),
        _find_length(memo),
        _find_readable(memo),
    )
    return MemoEvidence((*found, *_find_address(memo)), _share({finding.name: finding.fine for finding in found}))


def _share(fine: Mapping[str, bool]) -> float:
    parts = PARTS if any(fine[name] for name in _SUBSTANCE) else PARTS[:-1]
    return sum(fine[part[0]] * sum(fine[name] for name in part) / len(part) for part in parts) / len(PARTS)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except (TypeError, OverflowError):
        return False


def _pieces(memo: Memo, answers: Mapping[str, float], tier: Sequence[str]) -> Iterator[_Piece]:
    german = _known_words(memo)[1]
    for sentence in memo.sentences:
        stores = find_stores(sentence.text, tier)
        numbers = find_numbers(sentence.text, stores, german=german)
        yield _Piece(sentence.text, stores, judge_figures(sentence.text, stores, numbers, answers))


def _known_words(memo: Memo) -> tuple[float, bool]:
    """Return which share of the words is English or German, and whether it is rather German."""
    found = [word.casefold() for sentence in memo.sentences for word in _LETTERS.findall(sentence.text)]
    english, german = (sum(word in known for word in found) for known in (words.ENGLISH, words.GERMAN))
    return max(english, german) / max(len(found), 1), german > english


# -------------------------------------------------------------------------------------- what to do, and in which stores


def _find_proposal(pieces: Sequence[_Piece]) -> MemoFinding:
    if quoted := _quotes(pieces, words.PROPOSAL):
        return MemoFinding("proposal", True, f"Proposes something: {quoted}.")
    return MemoFinding("proposal", False, "No word of a proposal was found.")


def _find_stores(pieces: Sequence[_Piece], tier: Sequence[str]) -> MemoFinding:
    mentions = [store for piece in pieces for store in piece.stores if not store.avoided]
    named = tuple(dict.fromkeys(store.name for store in mentions if store.name in tier or not store.aside))
    outside = [name for name in named if name not in tier]
    if not named:
        return MemoFinding("stores", False, "Names no store to put the budget into.")
    if not tier:
        return MemoFinding("stores", True, f"Names {_stores(named)}; there was no top tier to compare with.")
    if outside:
        what = "is" if len(outside) == 1 else "are"
        others = f"names {_stores(named)}, of which {_stores(outside)}" if len(outside) < len(named) else ""
        sentence = f"{others or f'names {_stores(named)}, which'} {what} not in the top tier ({_list(tier)})."
        return MemoFinding("stores", False, sentence[0].upper() + sentence[1:])
    return MemoFinding("stores", True, f"Names {_stores(named)}, {'all ' * (len(named) > 1)}in the top tier.")


def _stores(names: Sequence[str]) -> str:
    return f"store{'s' * (len(names) > 1)} {_list(names)}"


def _list(names: Sequence[str]) -> str:
    shown = [shorten(name, 20) for name in names[:_MOST_QUOTED]]
    if len(names) > _MOST_QUOTED:
        return f"{', '.join(shown)} and {len(names) - _MOST_QUOTED} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


# ------------------------------------------------------------------------------------------------------- what it brings


def _find_figures(pieces: Sequence[_Piece], answers: Mapping[str, float]) -> MemoFinding:
    figures = [figure for piece in pieces for figure in piece.figures]
    quoted = list({(figure.written, figure.answer, figure.agrees): figure for figure in figures}.values())
    if not quoted:
        return MemoFinding("figures", False, "Quotes no figure.")
    right = [figure for figure in quoted if figure.agrees]
    wrong = [figure for figure in quoted if figure.agrees is False]
    rest = tuple(dict.fromkeys(figure.written for figure in quoted if figure.agrees is None))
    gains = [name for name in answers if name.startswith("gain")]
    enough = any(figure.answer in gains for figure in right) if gains else bool(right or not answers)
    said = [
        *(f"{figure.written} agrees with {_answer(figure, answers)}" for figure in right[:_MOST_QUOTED]),
        *(f"{figure.written} does not agree with {_answer(figure, answers)}" for figure in wrong[:_MOST_QUOTED]),
        *([f"not compared: {_list(rest)}"] if rest else []),
        *([] if enough or wrong else ["no figure agrees with a gain the learner computed"]),
    ]
    sentence = "; ".join(said)
    return MemoFinding("figures", enough and not wrong, f"{sentence[0].upper()}{sentence[1:]}.")


def _answer(figure: Figure, answers: Mapping[str, float]) -> str:
    return f"{shorten(figure.answer, 40)} ({answers[figure.answer]:.4g})"


def _find_unit(pieces: Sequence[_Piece]) -> MemoFinding:
    for piece in pieces:
        for figure in piece.figures:
            if figure.has_unit:
                end = figure.start + len(figure.written) + 20
                return MemoFinding("unit", True, f"Gives a unit: {_quote(piece.text, figure.start, end)}.")
    if any(piece.figures for piece in pieces):
        return MemoFinding("unit", False, "No unit was found beside a figure.")
    return MemoFinding("unit", False, "There is no figure that could have a unit.")


# ------------------------------------------------------------------------------------ why, how sure, and what limits it


def _find_evidence(pieces: Sequence[_Piece]) -> MemoFinding:
    differing = [piece for piece in pieces if words.DIFFERENCE.search(piece.text)]
    if quoted := _quotes(pieces, words.EVIDENCE) or _quotes(differing, words.WEAK_EVIDENCE):
        return MemoFinding("evidence", True, f"Gives evidence that stores differ: {quoted}.")
    claimed = _quotes(differing, words.DIFFERENCE)
    without = f"Says that stores differ ({claimed}), and names" if claimed else "Names"
    return MemoFinding("evidence", False, f"{without} no test or comparison of models.")


def _find_uncertainty(pieces: Sequence[_Piece]) -> MemoFinding:
    ranges = [figure.written for piece in pieces for figure in piece.figures if figure.in_interval]
    quoted = _quotes(pieces, words.UNCERTAINTY)
    if not quoted and not ranges:
        return MemoFinding("uncertainty", False, "No word of uncertainty and no interval was found.")
    only_p = not ranges and not any(
        words.UNCERTAINTY.search(words.P_VALUE.sub("", piece.text)) for piece in pieces if quoted
    )
    but = " That is a p-value alone, which does not say how sure the gain or the order of the stores is." * only_p
    return MemoFinding("uncertainty", True, f"Speaks of uncertainty: {quoted or _list(ranges)}.{but}")


def _find_limit(pieces: Sequence[_Piece]) -> MemoFinding:
    if quoted := _quotes(pieces, words.LIMIT):
        return MemoFinding("limit", True, f"Names a limit: {quoted}.")
    return MemoFinding("limit", False, "No limit of the data was found.")


# --------------------------------------------------------------------------------------------------------- how it reads


def _find_length(memo: Memo) -> MemoFinding:
    count = len(memo.counted)
    cut = f" Only the first {MAX_CHARACTERS:,} characters were read." * memo.cut
    if not memo.sentences:
        return MemoFinding("length", False, f"Nothing was written in place of the template's line.{cut}")
    fine = FEWEST_SENTENCES <= count <= MOST_SENTENCES and not memo.cut
    asked = "" if fine else f", where {FEWEST_SENTENCES} to {MOST_SENTENCES} are asked for"
    return MemoFinding("length", fine, f"{count} sentence{'s' * (count != 1)}{asked}.{cut}")


def _find_readable(memo: Memo) -> MemoFinding:
    if not memo.sentences:
        return MemoFinding("readable", False, "There is nothing to read.")
    if _known_words(memo)[0] < 0.2:
        said = "Hardly a word is English or German, so only stores and figures can be found here; read it yourself."
        return MemoFinding("readable", False, said)
    texts = [sentence.text for sentence in memo.sentences]
    if greek := [found for text in texts for found in _GREEK.findall(text)]:
        return MemoFinding("readable", False, f"Has Greek letters or formulas: {_list(tuple(dict.fromkeys(greek)))}.")
    terms = [match.group() for text in texts for kind in (words.JARGON, _CODE) for match in kind.finditer(text)]
    terms = list({term.casefold(): term for term in terms}.values())
    if len(terms) > MOST_JARGON:
        return MemoFinding("readable", False, f"Has many technical terms for a head of sales: {_list(terms)}.")
    longest = max(texts, key=lambda text: len(text.split()))
    if (count := len(longest.split())) > LONG_SENTENCE:
        return MemoFinding("readable", False, f"One sentence has {count} words: {_quote(longest, 0, 40)}.")
    return MemoFinding("readable", True, "Reads without Greek letters, many technical terms or endless sentences.")


def _find_address(memo: Memo) -> Iterator[MemoFinding]:
    if found := words.TO_THE_GRADER.search(memo.everything):
        quoted = _quote(memo.everything, found.start(), found.end())
        yield MemoFinding("address", False, f"Speaks to whoever grades it: {quoted}. That was not followed.")


def _quotes(pieces: Sequence[_Piece], pattern: re.Pattern[str]) -> str:
    """Return up to three places where the pattern is found, in the learner's words."""
    quoted: list[str] = []
    for piece in pieces:
        if match := pattern.search(piece.text):
            quoted.append(_quote(piece.text, match.start(), match.end()))
        if len(quoted) == 3:
            break
    return ", ".join(dict.fromkeys(quoted))


def _quote(text: str, start: int, end: int) -> str:
    """Return a place of a text in quotes, with a few whole words around it."""
    first, last = max(0, start - 25), min(len(text), end + 25)
    if first and (space := text.find(" ", first, start)) >= 0:
        first = space + 1
    if last < len(text) and (space := text.rfind(" ", end, last)) >= 0:
        last = space
    before, after = "…" * (first > 0), "…" * (last < len(text))
    return f'"{before}{shorten(text[first:last], 120)}{after}"'
