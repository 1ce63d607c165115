"""The list of a class: names alone, or an export of a learning management system, in any of several languages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from nbgrader.utils import parse_utc

from autograder.errors import CourseError
from autograder.grading.names import safe_name, shown_name
from autograder.grading.table_file import Cell, TableFile, read_table

#: What columns are called, in lower case, by what they hold. The first of these identities that a learner has gives the
#: name that results are filed under.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "login": (
        *("sis login id", "login", "login id", "username", "user name", "benutzername", "anmeldename", "kennung"),
        *("nom d'utilisateur", "nombre de usuario", "nome utente", "gebruikersnaam", "student_id"),
    ),
    "email": (
        *("email", "email address", "e-mail", "e-mail-adresse", "adresse de courriel", "dirección de correo"),
        *("correo electrónico", "indirizzo email", "e-mailadres", "mail"),
    ),
    "sis_id": ("sis user id", "id number", "idnumber", "matrikelnummer", "id-nummer", "numéro d'identification"),
    "lms_id": ("id", "canvas user id", "user id", "lms_user_id"),
    "participant": ("identifier", "id-nummer der teilnahme", "identifiant", "identificador", "identificativo"),
    "name": (
        *("student", "name", "full name", "display name", "vollständiger name", "nom complet", "nombre completo"),
        *("nome completo", "volledige naam"),
    ),
    "handed_in": ("last modified (submission)", "zuletzt geändert (abgabe)"),
    "first": ("first name", "first_name", "vorname", "prénom", "nombre", "nome", "voornaam"),
    "last": (
        *("last name", "last_name", "surname", "nachname", "nom", "apellido(s)", "apellidos", "cognome"),
        "achternaam",
    ),
}

#: What may stand over a list of names, and is nobody.
_HEADINGS = (
    *("student", "students", "learners", "name", "names", "participants", "class", "pupils"),
    *("studierende", "lernende", "teilnehmende", "teilnehmer", "namen", "schüler", "klasse"),
    *("étudiants", "élèves", "estudiantes", "alumnos", "studenti", "studenten", "deelnemers"),
)

#: Names of months that are not English ones, by their first letters.
_MONTHS = {"mär": "Mar", "mai": "May", "okt": "Oct", "dez": "Dec", "jän": "Jan"}

IDENTITIES = ("login", "email", "sis_id", "lms_id", "participant")

_NUMBERED = re.compile(r"\D*?(\d+)")


@dataclass(frozen=True)
class Learner:
    """A learner of a list: ``student`` is the name results are filed under, ``ids`` what else the learner goes by."""

    student: str
    shown: str
    line: int
    ids: Mapping[str, str]

    @property
    def handed_in(self) -> str:
        """When Moodle's worksheet says that was, on the clock here, as UTC by ISO 8601; empty if it does not say."""
        text = re.sub(r"^[^\W\d]+, ", "", self.ids.get("handed_in", ""))
        text = re.sub(r"\b(\d\d?)\.(\d\d?)\.(\d{4})", r"\3-\2-\1", text)
        text = re.sub(r"[^\W\d]{3,}", lambda word: _MONTHS.get(word[0][:3].casefold(), word[0][:3]), text)
        try:
            there = parse_utc(text) if re.search(r"\d:\d\d", text) else None
        except (ValueError, OverflowError):
            return ""
        return str(there.astimezone(UTC).replace(tzinfo=None).isoformat()) if there else ""

    @property
    def details(self) -> dict[str, str]:
        """What nbgrader keeps of a learner."""
        first, last = self.ids.get("first", ""), self.ids.get("last", "")
        if not (first or last):
            last, _, first = self.ids.get("name", "").rpartition(", ")
            first, last = (first, last) if last else ("", first)
        lms = next((self.ids[name] for name in ("lms_id", "sis_id") if name in self.ids), "")
        found = {"first_name": first, "last_name": last, "email": self.ids.get("email", ""), "lms_user_id": lms}
        return {name: value[:128] for name, value in found.items() if value}


@dataclass(frozen=True)
class Roster:
    """The learners of a class, in order of the list."""

    path: Path
    learners: tuple[Learner, ...]

    def match(self, ids: Mapping[str, str], where: str) -> Learner | None:
        """Return the learner with these identities, or else of this name if only one has it; None if there is none.

        Raises
        ------
        CourseError
            If two identities, or one, are of two learners: ``where`` says what has them.
        """
        found = [(name, one) for name in IDENTITIES if name in ids for one in self._known_by(name, key(ids[name]))]
        first, one = found[0] if found else ("", None)
        second, other = next(((name, two) for name, two in found if two is not one), ("", None))
        if one and other:
            raise CourseError(
                f"{where}: {ids[first]!r} is {one.shown}{self._line(one)}, and {ids[second]!r} is {other.shown}"
                f"{self._line(other)}. Correct one of them."
            )
        if one:
            return one
        named = [one for one in self.learners if ids.get("name") and key(one.shown) == key(ids["name"])]
        if not named and "squeezed" in ids:
            named = [
                one for one in self.learners if "lms_id" not in one.ids and ids["squeezed"] in _squeezed(one.shown)
            ]
        return named[0] if len(named) == 1 and not _differs(named[0], ids) else None

    def _known_by(self, name: str, value: str) -> list[Learner]:
        """Return who goes by an identity, or else whose results are filed under it and of whom it is not known."""
        own = [one for one in self.learners if key(one.ids.get(name, "")) == value]
        return own or [one for one in self.learners if name not in one.ids and key(one.student) == value]

    def _line(self, learner: Learner) -> str:
        return f" (line {learner.line} of {self.path.name})" if learner.line else ""

    def of_folder(self, folder: str) -> Learner | None:
        """Return the one learner whose folder may have this name: any identity, or the name; None if there is none."""
        names = (*IDENTITIES, "name")
        named = [one for one in self.learners if key(folder) in {key(one.ids.get(name, "")) for name in names}]
        exact = [one for one in self.learners if one.student == folder]
        return (exact or named)[0] if exact or len(named) == 1 else None


def _squeezed(name: str) -> set[str]:
    """Return how Canvas may write a name into that of a file: last name first, and of letters and digits alone."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", key(name)) if c.isalnum() or c == " ").split()
    return {"".join((*plain[at:], *plain[:at])) for at in range(len(plain))}


def _differs(learner: Learner, ids: Mapping[str, str]) -> bool:
    """Return whether somebody of the learner's name goes by another number or address, and is somebody else."""
    return any(key(learner.ids[one]) != key(ids[one]) for one in IDENTITIES[1:] if one in learner.ids and one in ids)


def key(name: str) -> str:
    """Return what two writings of a name share: case, accents' forms, spaces, and "Last, First" for "First Last"."""
    last, comma, first = name.partition(", ")
    plain = unicodedata.normalize("NFC", f"{first} {last}" if comma else name).casefold()
    return " ".join(plain.split())


def columns_of(table: TableFile) -> dict[str, int]:
    """Return where columns that are known stand, by what they hold."""
    heads = [" ".join(head.removeprefix("\ufeff").casefold().split()) for head in table.heading]
    places = {name: heads.index(head) for name, known in COLUMNS.items() for head in reversed(known) if head in heads}
    # Moodle's worksheet begins with "Participant 12" under a heading in any language.
    if "participant" not in places and len(heads) > 1 and len(table.rows) > 1:
        first = [row[0].text for _, row in table.rows[1:]]
        if all(re.fullmatch(r"\D+\d+", text) for text in first):
            places["participant"] = 0
    if places.get("participant") == places.get("lms_id"):
        places.pop("lms_id", None)  # "ID", over numbers that are of this worksheet alone
    return places


def rows_of(table: TableFile, columns: Mapping[str, int]) -> Iterator[tuple[int, tuple[Cell, ...], dict[str, str]]]:
    """Yield the rows that are about a learner: number of the line, cells, and what they say of who it is."""
    for line, row in table.rows[1:]:
        if not is_about_nobody(row):
            yield line, row, _ids(row, columns)


def _ids(row: tuple[Cell, ...], columns: Mapping[str, int]) -> dict[str, str]:
    """Return what a row says of who it is about; the number alone of Moodle's "Participant 12"."""
    ids = {name: row[place].text for name, place in columns.items() if place < len(row) and row[place].text}
    numbered = _NUMBERED.fullmatch(ids.get("participant", ""))
    return {**ids, "participant": numbered[1]} if numbered else ids


def is_about_nobody(row: tuple[Cell, ...]) -> bool:
    """Return whether a row of an export is about no learner.

    Canvas has one of points, one of what is not posted yet, and a learner for trying things out.
    """
    texts = {cell.text.casefold() for cell in row[1:]} - {""}
    if row[0].text or not texts:
        return row[0].text.casefold() in ("points possible", "student, test", "test student")
    return texts <= {"manual posting", "muted"}


def read_roster(path: Path) -> Roster:
    """Return the learners of a list: a name to a line, or a table with a heading.

    Raises
    ------
    CourseError
        If the list cannot be read, is empty, has a learner twice, or is no list of learners: file and line are named.
    """
    table = read_table(path)
    columns = columns_of(table)
    is_table = bool({*IDENTITIES, "name", "last"} & columns.keys())
    learners = tuple(_of_table(table, columns) if is_table else _of_names(table))
    _require_once(path, learners)
    if not learners:
        raise CourseError(f"{path}: there is no learner in this list. Give a text with a name to a line, or an export.")
    return Roster(path, learners)


def _of_table(table: TableFile, columns: Mapping[str, int]) -> Iterator[Learner]:
    for line, _, ids in rows_of(table, columns):
        name = " ".join(filter(None, (ids.get("first"), ids.get("last")))) or ids.get("name", "")
        student = next((ids[one] for one in (*IDENTITIES, "name") if one in ids), name)
        if not student:
            raise CourseError(f"{table.path}, line {line}: this row names nobody. Complete it, or remove it.")
        yield Learner(
            safe_name(student), shown_name(name or student), line, {**ids, **({"name": name} if name else {})}
        )


def _of_names(table: TableFile) -> Iterator[Learner]:
    # Only these end a line: another character that Python takes for an end is part of a name.
    lines = re.split("\r\n|\r|\n", table.text.removeprefix("\ufeff"))
    for number, name in enumerate((line.strip(" \t") for line in lines), 1):
        if number == 1 and key(name).rstrip(":") in _HEADINGS:
            continue
        if re.search(",.*,|,[^ ]", name) or ";" in name or "\t" in name or name.startswith('"'):
            raise CourseError(
                f"{table.path}, line {number}: this is a row of a table, and its first line names no column that says "
                f"who it is about, such as {COLUMNS['login'][0]!r} or {COLUMNS['email'][1]!r}. Add such a heading, or "
                "give a name to a line."
            )
        if name:
            yield Learner(safe_name(name), shown_name(name), number, {"name": name})


def _require_once(path: Path, learners: tuple[Learner, ...]) -> None:
    by_name_alone = all(one.ids.keys() == {"name"} for one in learners)
    seen: dict[tuple[str, str], Learner] = {}
    for one in learners:
        ids = {"name": one.ids["name"]} if by_name_alone else {k: v for k, v in one.ids.items() if k in IDENTITIES}
        for name, value in {**ids, "student": one.student}.items():
            first = seen.setdefault((name, key(value)), one)
            if first is not one:
                place = f"{path}, line {one.line}: {shown_name(value)}"
                if by_name_alone:
                    said = f"{place} is there twice, or hardly differs from line {first.line}; change or remove one."
                    raise CourseError(said)
                raise CourseError(
                    f"{place} is the {name.replace('_', ' ')} of {first.shown} in line {first.line}, too, so it is not "
                    "known who is meant. Correct or remove one of the two lines."
                )
