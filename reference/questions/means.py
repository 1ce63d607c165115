"""Questions on means of columns: over all rows, and over those of each group. None of them takes a fit."""

from __future__ import annotations

from typing import cast

import reference as engine
from reference.data.columns import Level
from reference.questions.answers import Answer, Value
from reference.questions.fits import Fits
from reference.questions.question import question
from reference.questions.setting import Column, QuestionError


@question(
    kind="by_name",
    tolerance=0.002,
    decimals=4,
    no_fit=True,
    words="""
[en]
title = "Grand means"
task = "a dictionary with the mean of {columns}, each over all {rows}"
question = "Over which rows is each mean taken?"
advice = "One mean for each of {columns}, over all rows of the table."
[en.mistakes]
medians = "These are medians. Centring at grand means takes the means over all rows."
[de]
title = "Gesamtmittelwerte"
task = "ein Dictionary mit dem Mittelwert von {columns}, jeweils über alle Zeilen ({rows})"
question = "Über welche Zeilen geht jeder Mittelwert?"
advice = "Ein Mittelwert je Spalte ({columns}), über alle Zeilen der Tabelle."
[de.mistakes]
medians = "Das sind Mediane. Wer am Gesamtmittel zentriert, nimmt den Mittelwert über alle Zeilen."
""",
)
def means(fits: Fits, *, columns: tuple[str, ...]) -> Answer:
    """The mean of each column over all rows, by the column's name."""
    found = dict(engine.grand_mean_centre(fits.frame, list(columns)).means)
    return Answer(found, {"medians": {name: float(fits.frame[name].median()) for name in columns}})


@question(
    kind="by_name",
    tolerance=0.002,
    decimals=3,
    no_fit=True,
    words="""
[en]
title = "Mean of {column} of each of the {groups}"
task = "a dictionary with the mean of {column} over the {rows} of each of the {groups}, by its id"
question = "Over which rows is each mean taken?"
advice = "One mean for each of the {groups}, over its own {rows}, in the units of the table."
[en.mistakes]
medians = "These are medians. A mean over the {rows} is asked for."
"{one}_means" = "These are means over larger groups: {each}. Take those of each of the {groups} alone."
per_hundred = "The digits are right and the unit is not: {column} was counted in hundreds. Give it in the units of the table."
per_several = "The digits are right and the unit is not: {column} was counted in other units. Give it in those of the table."
[de]
title = "Mittelwert von {column} je Gruppe ({groups})"
task = "ein Dictionary mit dem Mittelwert von {column} über die Zeilen ({rows}) jeder Gruppe ({groups}), nach ihrer Kennung"
question = "Über welche Zeilen geht jeder Mittelwert?"
advice = "Ein Mittelwert je Gruppe ({groups}), über ihre eigenen Zeilen, in den Einheiten der Tabelle."
[de.mistakes]
medians = "Das sind Mediane. Gefragt ist nach dem Mittelwert über die Zeilen ({rows})."
"{one}_means" = "Das sind Mittelwerte über größere Gruppen: {each}. Nimm jede Gruppe ({groups}) für sich."
per_hundred = "Die Ziffern stimmen, die Einheit nicht: {column} wurde in Hundertern gezählt. Gib es in den Einheiten der Tabelle an."
per_several = "Die Ziffern stimmen, die Einheit nicht: {column} wurde in anderen Einheiten gezählt. Gib es in denen der Tabelle an."
""",
)
def group_means(fits: Fits, *, column: str, group: str) -> Answer:
    """The mean of a column over the rows of each group, by the group's id."""
    if group not in fits.frame:
        raise QuestionError(f"key 'group': there is no column {group!r}; there is {', '.join(map(str, fits.frame))}.")
    means = engine.group_means(fits.frame, [column], group)[column]
    found: dict[Level, float] = dict(zip(cast("list[Level]", means.index.tolist()), means.tolist(), strict=True))
    medians = fits.frame.groupby(group)[column].median()
    mistakes: dict[str, Value] = {"medians": dict(zip(found, medians.tolist(), strict=True))}
    columns = fits.setting.columns
    if (upper := columns.get(group, Column()).within) is not None:
        of_rows = fits.frame.groupby(upper)[column].transform("mean")
        mistakes[f"{fits.setting.noun(upper)}_means"] = dict(
            zip(found, of_rows.groupby(fits.frame[group]).first().tolist(), strict=True)
        )
    if factor := (about := columns.get(column, Column())).rescaled:
        mistakes[about.slip] = {one: value / factor for one, value in found.items()}
    return Answer(found, mistakes)
