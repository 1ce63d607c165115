"""Figure 11: how probable it is that each store is among the steepest five."""

from __future__ import annotations

import numpy as np

from course.figures.style import BLUE, GREY, ORANGE, Picture, canvas, styled
from course.live import number
from reference.panels import TOP
from reference.tutorial import Tutorial

_SHOWN = 10


@styled
def chances(results: Tutorial) -> Picture:
    """Return the probabilities of the likeliest stores to be among the steepest, the named ones marked."""
    figure, axes = canvas(height=3.8)
    top = {row.group for row in results.ranking[:TOP]}
    likeliest = sorted(results.chances.items(), key=lambda pair: -pair[1])[:_SHOWN]
    places = np.arange(len(likeliest))[::-1]
    for place, (store, chance) in zip(places.tolist(), likeliest, strict=True):
        chosen = store in top
        axes.barh(place, chance, color=ORANGE if chosen else BLUE, hatch="" if chosen else "//", edgecolor="white")
        axes.annotate(
            number(chance), (chance, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=10
        )
    axes.axvline(0.5, color=GREY, linestyle=":", linewidth=1.4)
    axes.set(yticks=places, yticklabels=[f"{store}" for store, _ in likeliest], ylabel="store", xlim=(0, 1.12))
    axes.set(xlabel=f"probability of being among the {TOP} steepest", xticks=[0, 0.25, 0.5, 0.75, 1.0])
    first, *_, last = [pair for pair in likeliest if pair[0] in top]
    caption = (
        f"The {TOP} stores with the steepest estimated slopes (solid) and the next ones (hatched). Naming {TOP} hides "
        "how unequal the evidence for them is."
    )
    alt = (
        f"Bars for the {len(likeliest)} likeliest stores. Store {first[0]} is among the {TOP} steepest with a "
        f"probability of {number(first[1])}, the least sure of the named ones, store {last[0]}, with "
        f"{number(last[1])}, little more than a coin toss; the best of the others has {number(likeliest[TOP][1])}."
    )
    return Picture("11", figure, caption, alt)
