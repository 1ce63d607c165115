"""Numbers of a page's text, printed as the page is built: no digit of a result is typed by hand.

In a page ``{eval}`` shows the value of an expression; these functions say how many digits of it a reader is shown.
"""

from __future__ import annotations

from collections.abc import Iterable

from reference.output.text import Text

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, decimals: int = 2) -> Text:
    """Return a number with that many decimals, a true minus sign, and commas between thousands."""
    text = f"{abs(value):,.{decimals}f}"
    return Text(f"−{text}" if value < 0 and float(text.replace(",", "")) else text)


def percent(share: float, decimals: int = 0) -> Text:
    """Return a share, 1 for all, in per cent."""
    return Text(f"{number(100.0 * share, decimals)} %")


def significant(value: float, digits: int = 2) -> Text:
    """Return a number, however small, with that many significant digits."""
    text = f"{abs(value):.{digits}g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        text = f"{mantissa} × 10{str(int(exponent)).translate(_RAISED)}"
    return Text(f"−{text}" if value < 0 else text)


def p_value(p: float) -> Text:
    """Return a p-value with its letter: three decimals, or that it is smaller than they show."""
    return Text("p < 0.001" if p < 0.001 else f"p = {p:.3f}")


def names(values: Iterable[object]) -> Text:
    """Return things in a row, with commas, and "and" before the last."""
    *most, last = map(str, values)
    return Text(f"{', '.join(most)} and {last}" if most else last)
