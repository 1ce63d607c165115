"""What the learner reads about an item: why it is not right and what to think about next, never the right value."""

from __future__ import annotations

from autograder.assignment.rubric import Item
from autograder.kinds.finding import TOO_FEW, Finding
from autograder.language.catalogue import Sentence
from autograder.records.grading import Ending, Verdict

#: All that is said of a hidden panel, whatever was found there.
ELSEWHERE = Sentence("scoring.elsewhere")

#: Said where a step is right, but the numbers it was taken from are no results.
MADE_UP = Sentence("scoring.made_up")


def ended(ending: Ending) -> str:
    """Return the sentence for a run that did not come to its own end."""
    return Sentence(f"endings.{ending.name.lower()}")


def explain(item: Item, finding: Finding, mistake: str | None) -> tuple[str, str | None]:
    """Return the reason of a result and a hint, if there is one.

    Parameters
    ----------
    item : Item
        Has the words for known mistakes, and the advice for an answer that nothing explains.
    finding : Finding
        What the comparison found.
    mistake : str or None
        The known mistake the answer equals.
    """
    if finding.verdict not in (Verdict.WRONG, Verdict.PARTIAL) or finding == TOO_FEW:
        return finding.sentence, None
    hint = item.hints.get(mistake) if mistake else None
    return finding.sentence, hint or item.advice or None


def shorten(message: str, limit: int = 160) -> str:
    """Return a message on one line, cut where it grows long, with nothing in it that steers a terminal."""
    line = "".join(character for character in " ".join(message.split()) if character.isprintable())
    return line if len(line) <= limit else line[: limit - 1] + "…"
