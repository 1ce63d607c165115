"""What `check`, `reveal` and `progress` show: a card as HTML and as text, from the same words.

A card is displayed as one MIME bundle, so JupyterLab, VS Code and Colab draw the HTML, and a terminal prints the text.
It needs no script, no widget and nothing from the network. A sign and a word stand beside every colour, and where a
page drops style sheets the card is still there in the colours of a light page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from autograder.language.catalogue import Sentence, translated
from autograder.records.verdict_signs import Tone
from autograder.results.templating import template

#: Colours by theme: text and quiet text on the card's ground, the tones on it, the ground of a note, and lines.
PALETTES: Mapping[str, Mapping[str, str]] = {
    "light": {
        "ground": "#ffffff",
        "text": "#1c2330",
        "quiet": "#566072",
        "good": "#0b6e4f",
        "part": "#8a5a00",
        "wait": "#2b4c9b",
        "bad": "#a3243b",
        "soft": "#f1f3f6",
        "line": "#d9dde3",
    },
    "dark": {
        "ground": "#1b1f27",
        "text": "#e8ebf0",
        "quiet": "#aab3c2",
        "good": "#5fd3a8",
        "part": "#f0bf5e",
        "wait": "#9db8ff",
        "bad": "#ff9aa9",
        "soft": "#2a303b",
        "line": "#414957",
    },
}
_BAR_WIDTH = 20


@dataclass(frozen=True)
class Note:
    """A paragraph with a label before it, as in "Ask yourself", and where it leads, if that can be opened."""

    label: str
    text: str
    address: str | None = None


@dataclass(frozen=True)
class Bar:
    """How much of a task is done: ``share`` from 0 to 1, what it says beside it, and remarks."""

    title: str
    share: float
    said: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Card:
    """Something said to a learner; its sentences are translated when it is shown.

    Parameters
    ----------
    tone, sign : str
        How it ended, as a colour and as a character.
    heading : str
        What it is about, and how that ended in a word.
    lines : tuple of str
        Paragraphs.
    notes : tuple of Note
        Hints, in the order in which they were earned.
    bars : tuple of Bar
        Of the tasks, on a card that shows progress.
    foot : str or None
        The running score.
    language : str
        In which it is shown.
    """

    tone: Tone
    sign: str
    heading: str
    lines: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    bars: tuple[Bar, ...] = ()
    foot: str | None = None
    language: str = "en"

    def as_text(self) -> str:
        """Return the card for a terminal, a sentence a line."""
        return "\n".join(self._lines(self._said))

    def as_html(self) -> str:
        """Return the card for a notebook."""
        return template("card.html").render(card=self, said=self._said, palettes=PALETTES).strip()

    def _said(self, text: str) -> str:
        return translated(text, self.language)

    def _lines(self, said: Callable[[str], str]) -> Iterator[str]:
        yield f"{self.sign} {said(self.heading)}"
        yield from (f"  {said(line)}" for line in self.lines)
        for note in self.notes:
            text = said(note.text).replace("\n", "\n    ")
            yield f"  {said(note.label)}:{f'{chr(10)}    ' if chr(10) in text else ' '}{text}"
        width = max((len(said(bar.title)) for bar in self.bars), default=0)
        for bar in self.bars:
            filled = round(_BAR_WIDTH * bar.share)
            drawn = "█" * filled + "░" * (_BAR_WIDTH - filled)
            yield f"  {said(bar.title):<{width}}  {drawn}  {'; '.join(map(said, (bar.said, *bar.remarks)))}"
        if self.foot:
            yield f"  {said(self.foot)}"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/html": self.as_html(), "text/plain": self.as_text()}

    def __repr__(self) -> str:
        """Return the card as text: what is shown where nothing can be drawn."""
        return self.as_text()


def plain_card(tone: Tone, sign: str, name: str, what: str, *lines: str, language: str) -> Card:
    """Return a card that says one thing of a name: ``what`` and the lines are names in the section "card"."""
    heading = Sentence("card.plain_heading", name=name, what=Sentence(f"card.{what}"))
    return Card(tone, sign, heading, tuple(lines), language=language)
