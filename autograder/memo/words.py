"""The words by which a memo is read, English and German, and how a phrase becomes a pattern.

A list holds phrases between semicolons. A word of a phrase may end in ``*`` (any ending) or hold alternatives between
bars. ``~`` stands for up to four words in between, ``#`` for a number, ``##`` for one of two digits. The patterns that
come of them give nothing back once they have matched a word, so that reading takes time in proportion to the text,
whatever the text is.
"""

from __future__ import annotations

import re

_BETWEEN = r"\W{1,4}"
_UP_TO_FOUR_WORDS = r"(?:[\w']++\W{1,4}){0,4}"
_NUMBER = r"[0-9]{1,9}(?:[.,][0-9]{1,9})?"
_TWO_DIGITS = r"[0-9]{2}(?:[.,][0-9])?"


def pattern(*lists: str) -> re.Pattern[str]:
    """Return the pattern that finds any phrase of these lists, as whole words, in either case."""
    phrases = [phrase for words in lists for phrase in words.split(";") if phrase.strip()]
    return re.compile(rf"\b(?:{'|'.join(map(_phrase, phrases))})(?!\w)", re.IGNORECASE)


def _phrase(phrase: str) -> str:
    made = ""
    for word in phrase.split():
        made += "" if not made or made.endswith(_UP_TO_FOUR_WORDS) else _BETWEEN
        made += _UP_TO_FOUR_WORDS if word == "~" else f"(?:{'|'.join(map(_word, word.split('|')))})"
    return made


def _word(word: str) -> str:
    if word in ("#", "##"):
        return _NUMBER if word == "#" else _TWO_DIGITS
    return rf"{re.escape(word[:-1])}\w*+" if word.endswith("*") else re.escape(word)


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_NOT_EN = "not|no|nobody|never|without|isn't|wasn't|weren't|aren't|don't|didn't|doesn't|cannot|can't|couldn't|hardly"
_NOT_DE = "nicht|kein|keine|keinen|keinem|keiner|niemand|nie|ohne|kaum"
_FEW = "#|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|few"

PROPOSAL_EN = """
    propos*; recommend*; i|we|i'd|we'd suggest*; would suggest; my|our suggestion*; should; advise; put; invest*;
    allocate*; shift|move|direct|send|target|channel|concentrate|focus|prioriti*; spend ~ in|on|there; fund; let's;
    let us; start with|in; give|place|raise|increase ~ budget*|spend*|money|store*|shop*;
    budget|money|spend* ~ into|to|in|for ~ store*|shop*; goes|go|belongs to|into|in;
    extra|additional ~ budget|money ~ to|into|in|goes
"""
PROPOSAL_DE = """
    empfehl*|empfiehlt; schlag*|schlägt ~ vor; vorschlag*|vorzuschlagen; soll|sollte*|sollten; investier*; setz* ~ ein;
    einsetzen|einzusetzen; stecken|steckt|gebt|geben|lenken; verteil*; erhöhen|erhöht; raten|rate;
    budget|geld|mittel ~ in ~ filiale*|läden|geschäft*|märkte*
"""
PROPOSAL = pattern(PROPOSAL_EN, PROPOSAL_DE)

EVIDENCE_EN = """
    likelihood ratio*; lrt; lr test; p ~ #; p value*; significan*; chi square*|squared; aic|bic; anova;
    fit|fits|fitted ~ better; better ~ fit*; compar* ~ model*; model* comparison*; models ~ compared;
    model* ~ beats|beat|preferred|wins|worse|better; better ~ model; prefer* ~ model*; null hypothesis;
    statistical* test*|evidence; hypothesis test*; test* ~ model*; than|by|to|just|pure chance|luck; chance|luck alone;
    reject* ~ same|equal
"""
EVIDENCE_DE = """
    likelihood quotient*; likelihood verhältnis*; p wert*; signifikan*; chi quadrat*; passt|passen ~ besser;
    besser ~ passt|passen|angepasst; bessere anpassung; modellvergleich*; vergl* ~ modell*; modelle* ~ vergl*;
    modell* ~ besser|überlegen|bevorzugt|schlechter; zufall allein; als|durch|mit zufall
"""
EVIDENCE = pattern(EVIDENCE_EN, EVIDENCE_DE)

#: These speak of evidence only beside a word of difference: "a test in three stores" is a plan, not a finding.
WEAK_EVIDENCE = pattern(
    "test|tests|tested; evidence; data|numbers|figures show|shows|support|say|confirm*; well supported",
    "getestet; beleg*; evidenz; hinweis*; daten zeigen|sprechen|stützen|belegen",
)
DIFFERENCE = pattern(
    f"differ*; vary|varies|varied|variation; {_NOT_EN} ~ same|equal*|alike; unequal*; heterogen*",
    f"unterscheid*; unterschied*; verschieden*; {_NOT_DE} ~ gleich*; variier*; streu*",
)

UNCERTAINTY_EN = f"""
    interval*; ci|cis; range|ranges|ranging of|from|between; range ~ #; between # and #; from # to #;
    {_NOT_EN}|less|nor ~ sure|certain*|confident; unsure; uncertain*; margin of error;
    standard error*; error bar*; confiden*; might; perhaps; possibly|probably; plus or minus; give or take; p value*;
    may|could be|not|have|well|also|bring|change|differ|turn; overlap*; imprecise*|precision|noisy|noise|tentative*;
    cannot|can't|not|hard|hardly|difficult ~ tell|told|distinguish*|separate|separated; caution*|cautious*; doubt*;
    no guarantee; not guaranteed; rough guess; ## sure|certain; ## percent sure|certain|confidence
"""
UNCERTAINTY_DE = f"""
    intervall*; konfidenz*|vertrauens*; unsicher*; {_NOT_DE}|weniger ~ sicher; ungewiss*; standardfehler*;
    zwischen # und #; von # bis #; schwank*; bandbreite|spannweite|streubereich|fehlerbereich; vielleicht;
    möglicherweise|vermutlich|wahrscheinlich; könnte*; dürfte*; vorsicht*; plus minus; ## sicherheit|sicher; zweifel*;
    {_NOT_DE} ~ unterscheiden|unterscheidbar|trennen; p wert*
"""
UNCERTAINTY = pattern(UNCERTAINTY_EN, UNCERTAINTY_DE)

#: A p-value is a statement of uncertainty too, though not of how large the gain is.
P_VALUE = pattern("p value*; p wert*")

LIMIT_EN = f"""
    {_NOT_EN} ~ experiment*; rather than ~ experiment*; observational; {_NOT_EN} ~ assigned|randomi*|random|randomly;
    non randomi*; by lot; lottery; causal*|causation; cause*|causing|correlation*|correlational|association*;
    confound*; other|another|different reason*|factor*; few|fewer weeks|data|observations|points|stores;
    only|just ~ {_FEW} ~ weeks|months|stores; {_FEW} weeks only|each; short period|time; boundary; edge of; singular;
    shrunk*|shrink*; drawn|pulled|moved to|towards|toward; small sample*; one|a|the|main|another|important limit|limits;
    limitation*|limited; limits of; caveat*; extrapolat*; beyond|outside ~ range; season*; not ~ proof|prove*;
    past|historical data; may|might|not ~ hold|last|generali*; carry over; change over time
"""
LIMIT_DE = f"""
    {_NOT_DE} ~ experiment*; beobachtungsdaten|beobachtungsstudie|beobachtet*; gelost|ausgelost|zugelost;
    {_NOT_DE} ~ zufällig*|zugeteilt|zugewiesen|randomisier*|verlost; kausal*; ursach*|ursächlich*; korrelation*;
    ander* gründe*|faktoren|einflüsse*; störfaktor*|störgröße*; wenig* wochen|daten|filialen|beobachtungen;
    nur ~ wochen|monate*|filialen; kurz* zeitraum|zeit; am rand*; singulär*; schrumpf*|geschrumpft;
    zum ~ mittel*|durchschnitt* ~ gezogen|hin; einschränkung*|eingeschränkt*; grenze* der|dieser daten; saison*
"""
LIMIT = pattern(LIMIT_EN, LIMIT_DE)

#: What a gain is counted in: a few words after a number or, spelt out in full, anywhere in the sentence.
UNIT_AFTER = re.compile(
    r"[)\]\s,]{0,3}(?:[$€]|(?:(?!and\b|und\b)[^\W\d]++[\s(]{1,3}){0,3}(?:in 1[.,]?000|(?:units?|pieces|items|thousand|"
    r"dollars?|euros?|sales|per|einheit(?:en)?|stück|tausend|verkäufe|absatz|umsatz|verkaufseinheiten|pro|je)\b))",
    re.IGNORECASE,
)
UNIT_ANYWHERE = pattern(
    "units of sales; sales units; units in sales; thousand pieces; thousands of pieces; 1,000 pieces; 1000 pieces",
    "verkaufseinheit*; absatzeinheit*; einheiten absatz|umsatz; tausend stück; 1.000 stück; 1000 stück",
)

#: Words that a head of sales need not know. Two of them do no harm.
JARGON = pattern(
    """reml|blup*; maximum likelihood; random effect*|slope*|intercept*; variance component*; covarian*; icc; aic|bic;
    chi square*|squared|quadrat*; degrees of freedom; heteroscedas*; posterior; mixedlm|statsmodels; intraclass;
    log likelihood; null hypothesis; multilevel; optimizer|optimiser; beta|sigma|theta|tau""",
    "freiheitsgrade*; nullhypothese; zufallseffekt*; zufällige* steigung*; intraklassen*; mehrebenen*",
)

#: What is said to a grader, a person or a machine, and not to the reader of a memo.
TO_THE_GRADER = pattern(
    """full|maximum|all|top marks|points|score|credit; ignore|disregard ~ instruction*|rubric|scheme|above|previous;
    system prompt; dear|hello|hi grader|teacher|ai|assistant; as an ai; you are ~ grader|assistant|ai""",
    "volle* punktzahl|punkte; alle punkte; ignorier* ~ anweisung*|schema|regeln",
)

#: The commonest words, by which a language is recognised; what is neither can hardly be read here.
ENGLISH = _set("""
    the a an and or of to in into on for with from by at as is are was were be been it its this that these those we i
    you our not no but than then so if which who where what how should would could can may might will do does one each
    per more most less only about between out up have has had there all other while because also store stores sales
    budget money units
""")
GERMAN = _set("""
    der die das den dem des ein eine einen einem einer und oder von zu zum zur im ins auf für mit aus bei als ist sind
    war waren wird werden sein es dies diese dieser dieses dass wir ich sie uns nicht kein keine aber so wenn wo wie
    was soll sollte sollten kann können je pro mehr nur etwa rund zwischen haben hat auch weil filiale filialen umsatz
    absatz geld einheiten
""")
