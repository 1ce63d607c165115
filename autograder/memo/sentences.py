"""From a memo's Markdown to its sentences.

The text is a learner's and may be anything. It is cut, and every pattern is bounded or gives nothing back once it has
matched, so that the time is in proportion to the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_CHARACTERS = 20_000

#: Lines of the template: they are in every memo and are nobody's words.
TEMPLATE_LINES = frozenset({"### your memo", "write 3 to 5 sentences in place of the line below.", "your answer here"})

#: A piece of up to so many words is no sentence if it ends in a colon, or opens as a greeting or a signature does.
_SHORT = 7

_PLAIN = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′`´", "'"),
        **dict.fromkeys("“”„‟«»‹›", '"'),
        **dict.fromkeys("\u00a0\u2007\u2009\u202f\t", " "),
        **dict.fromkeys("\u2010\u2011\u2012\u2212", "-"),
        "\u2014": "\u2013",
        **dict.fromkeys("\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad\u202a\u202b\u202c\u202d\u202e", None),
        **dict(zip("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789", strict=True)),
    }
)
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_EMPHASIS = re.compile(r"\*+|~~|(?<![0-9A-Za-z_])_+|_+(?![0-9A-Za-z_])")
_ITEM = re.compile(r" {0,12}(?:[-*+•]|[0-9]{1,2}[.)]|[a-z]\)) +")
_RULE = re.compile(r" {0,3}[-=*_|:][-=*_|: ]*$")
_BOLD_LINE = re.compile(r" {0,3}(?:\*\*[^*]+\*\*|__[^_]+__):? *$")
_OPENING = re.compile(
    r"(?:dear|hi|hello|to|from|cc|re|subject|date|memo|best|kind|warm|many|thanks|thank|regards|cheers|sincerely|yours|"
    r"liebe|lieber|hallo|an|von|betreff|datum|viele|beste|herzliche|mit freundlichen|gruß|grüße)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+")
_END = re.compile(r"[.!?…。！？]++[\"')\]]*+")
_FULL_STOPS = (".", "!", "?", "…", "。", "！", "？")
_ABBREVIATIONS = re.compile(
    r"e\.?g|i\.?e|vs|approx|ca|cf|resp|incl|excl|est|avg|std|dev|fig|tab|eq|dr|mrs?|ms|prof|st|al|conf|int|p\.a|"
    r"z\.?b|d\.?h|u\.a|bzw|ggf|evtl|vgl|inkl|exkl|sog|mind|mio|mrd|tsd|[^\W\d_]"
)
_BEFORE_A_NUMBER = frozenset({"no", "nos", "nr", "max", "min"})
_OFTEN_LAST = frozenset({"etc", "usw"})
_ORDINAL = re.compile(
    r" ?(?:quartals?|woche|platz|stelle|halbjahr|jahr|tag|filiale|januar|februar|märz|april|mai|juni|juli|august|"
    r"september|oktober|november|dezember)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Sentence:
    """A piece of a memo that ends by itself. Headings, greetings, signatures and rows of tables are not ``counted``."""

    text: str
    counted: bool


@dataclass(frozen=True)
class Memo:
    """A memo as it was read: its sentences, the whole text with its comments, and whether it was cut."""

    sentences: tuple[Sentence, ...]
    everything: str
    cut: bool

    @property
    def counted(self) -> tuple[Sentence, ...]:
        """The sentences that count."""
        return tuple(sentence for sentence in self.sentences if sentence.counted)


def split_memo(text: str) -> Memo:
    """Return the sentences of a memo written in Markdown.

    Parameters
    ----------
    text : str
        Anything. What lies beyond `MAX_CHARACTERS` is not read; comments and the lines of the template are left out.
    """
    everything = text[:MAX_CHARACTERS].translate(_PLAIN)
    sentences: list[Sentence] = []
    for lines, kind in _blocks(_TAG.sub(" ", _without_comments(everything))):
        block = " ".join(_EMPHASIS.sub("", " ".join(lines)).split())
        pieces = [block] if kind == "heading" else _split(block)
        sentences += [Sentence(piece, _counts(piece, kind)) for piece in pieces if piece]
    return Memo(tuple(sentences), everything, len(text) > MAX_CHARACTERS)


def _without_comments(text: str) -> str:
    kept, position = [], 0
    while (start := text.find("<!--", position)) >= 0:
        kept.append(text[position:start])
        end = text.find("-->", start + 4)
        if end < 0:
            return " ".join(kept)
        position = end + 3
    return " ".join([*kept, text[position:]])


def _blocks(text: str) -> list[tuple[list[str], str]]:
    """Return the blocks of a text, each its lines and its kind: heading, item, row or paragraph."""
    found: list[tuple[list[str], str]] = []
    is_open = False
    for raw in text.splitlines():
        line = raw.lstrip("> ") if raw.lstrip().startswith(">") else raw
        bare = line.strip()
        if is_open and bare and set(bare) in ({"="}, {"-"}):
            found[-1] = (found[-1][0], "heading")  # underlined
            is_open = False
        elif not bare or bare.casefold() in TEMPLATE_LINES or bare.startswith("```") or _RULE.match(line):
            is_open = False
        elif is_open and _kind(line) == "paragraph":
            found[-1][0].append(bare)
        else:
            kind = _kind(line)
            item = _ITEM.match(line)
            found.append(([line[item.end() :] if item else bare.strip("#")], kind))
            is_open = kind in ("item", "paragraph")
    return found


def _kind(line: str) -> str:
    bare = line.strip()
    if bare.startswith("#") and bare.lstrip("#")[:1] in ("", " "):
        return "heading"
    if bare.startswith("|"):
        return "row"
    if _BOLD_LINE.match(line):
        return "paragraph" if bare.rstrip("*_: ").endswith(_FULL_STOPS) else "heading"
    return "item" if _ITEM.match(line) else "paragraph"


def _split(text: str) -> list[str]:
    pieces, start = [], 0
    for end in _END.finditer(text):
        if _is_boundary(text, end):
            pieces.append(text[start : end.end()].strip())
            start = end.end()
    return [*pieces, text[start:].strip()]


def _is_boundary(text: str, end: re.Match[str]) -> bool:
    before, after = text[max(0, end.start() - 20) : end.start()], text[end.end() : end.end() + 20]
    mark = end.group()
    if not after or mark[0] in "。！？":
        return True
    if not after.startswith(" "):  # "stores.The" lacks its space; "0.45", "z.B." and "p<.05" do not end here
        joins_words = before[-2:].isalpha() and before[-2:].islower() and after[0].isupper() and after[1:2].islower()
        return mark == "." and joins_words
    following = after.lstrip(" \"'([")[:1]
    if mark[0] != "." or len(mark) > 1:  # "right?" she asks; well ... perhaps
        return not following.islower() or mark in "!?"
    last = before.rsplit(" ", 1)[-1].lstrip("\"'([").casefold()
    if last.isdigit() and len(last) <= 2:
        return not _ORDINAL.match(after)
    if last in _BEFORE_A_NUMBER:
        return not (following.isdigit() or following == "#")
    if last in _OFTEN_LAST:
        return not following.islower()
    return not _ABBREVIATIONS.fullmatch(last)


def _counts(piece: str, kind: str) -> bool:
    """Return whether a piece is a sentence: it ends as one, or is long enough, and is nothing else."""
    count = len(_WORD.findall(piece))
    if kind in ("heading", "row") or (piece.endswith(":") and count <= _SHORT):
        return False
    if piece.rstrip("\"')]").endswith(_FULL_STOPS):
        return count >= 2 or piece.endswith("。")
    if _OPENING.match(piece) and (count <= _SHORT or ":" in piece[:10]):
        return False
    return count >= (2 if kind == "item" else 4)
