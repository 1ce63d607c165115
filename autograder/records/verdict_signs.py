"""How a verdict is shown wherever it is shown: its name, its sign, and its tone."""

from __future__ import annotations

from typing import Literal

from autograder.language.catalogue import Sentence
from autograder.records.grading import ItemResult, Verdict

Tone = Literal["good", "part", "wait", "bad"]

#: A sign beside the colour, so that neither carries the meaning alone.
SIGNS = {
    Verdict.UNGRADED: "!",
    Verdict.TIMED_OUT: "◷",
    Verdict.OUT_OF_MEMORY: "▣",
    Verdict.OUTPUT_LIMIT: "▤",
    Verdict.CRASHED: "⚡",
    Verdict.MISSING: "–",
    Verdict.MALFORMED: "?",
    Verdict.WRONG: "✗",
    Verdict.PARTIAL: "◐",
    Verdict.CARRIED: "↪",
    Verdict.SKIPPED: "↷",
    Verdict.NEEDS_PERSON: "✎",
    Verdict.CORRECT: "✓",
}


def name_of(verdict: Verdict) -> str:
    """Return what a verdict is called, as a sentence that can be translated."""
    return Sentence(f"verdicts.{verdict.name.lower()}")


def tone_of(item: ItemResult) -> Tone:
    """Return which of the four tones an item has."""
    if item.verdict is Verdict.CORRECT:
        return "good"
    if item.verdict is Verdict.NEEDS_PERSON:
        return "wait"
    return "part" if item.score > 0 else "bad"
