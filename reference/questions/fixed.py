"""Questions that no table answers: what is right is the author's word, or a person's judgement."""

from __future__ import annotations

from reference.questions.question import LIBRARY, Question


def _add(name: str, kind: str, words: str) -> None:
    LIBRARY[name] = Question(name, None, kind, words)


_add(
    "choice",
    "choice",
    """
[en]
title = "Choice"
task = "one of the options"
question = "What speaks for each of the options?"
advice = "Go back to the answers that this one follows from. Which of the options agrees with all of them?"
[de]
title = "Auswahl"
task = "eine der Möglichkeiten"
question = "Was spricht für jede der Möglichkeiten?"
advice = "Geh zurück zu den Antworten, aus denen diese folgt. Welche der Möglichkeiten passt zu allen?"
""",
)
_add(
    "choices",
    "choices",
    """
[en]
title = "Choices"
task = "all the options that are right"
question = "What would have to hold for each of the options, one by one?"
advice = "Take one option at a time and look for a case in which it fails. Your fits show some of them."
[de]
title = "Mehrfachauswahl"
task = "alle Möglichkeiten, die richtig sind"
question = "Was müsste für jede einzelne der Möglichkeiten gelten?"
advice = "Nimm eine Möglichkeit nach der anderen und such einen Fall, in dem sie nicht gilt. Deine Schätzungen zeigen einige davon."
""",
)
_add(
    "sentence",
    "slots",
    """
[en]
title = "In a sentence"
task = "the sentence with its gaps filled"
question = "Which of your numbers does the sentence speak of, and in which unit?"
advice = "Go back to the answers that the sentence speaks of. What is each of them a number of, and what has been taken out before it is estimated?"
[de]
title = "In einem Satz"
task = "der Satz mit gefüllten Lücken"
question = "Von welchen deiner Zahlen spricht der Satz, und in welcher Einheit?"
advice = "Geh zurück zu den Antworten, von denen der Satz spricht. Wovon ist jede eine Zahl, und was ist schon herausgerechnet, bevor sie geschätzt wird?"
""",
)
_add(
    "memo",
    "manual",
    """
[en]
title = "Memo"
task = "a few sentences for a reader without statistics"
question = "What is to be done, by how much does it help, and how sure is that?"
advice = "Give the proposal, its size with units, the evidence, the uncertainty, and one limit of the data. Take the numbers from your answers."
[de]
title = "Memo"
task = "einige Sätze für Leser ohne Statistik"
question = "Was ist zu tun, wie viel bringt es, und wie sicher ist das?"
advice = "Nenn den Vorschlag, seine Größe mit Einheit, den Beleg, die Unsicherheit und eine Grenze der Daten. Nimm die Zahlen aus deinen Antworten."
""",
)
