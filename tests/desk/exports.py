"""Exports of learning management systems, as a teacher downloads them."""

from __future__ import annotations

from pathlib import Path

CANVAS = '''Student,ID,SIS User ID,SIS Login ID,Section,"Practice (4711)",Final Score
    Points Possible,,,,,50,(read only)
"Lovelace, Ada",101,S1,ada,"Group ""A""",,12
"Müller, Jürgen",102,S2,juergen,Group B,,
"O'Neill, ""Bo"" Søren",103,S3,bo,Group B,EX,
"Student, Test",999,,fake,Group B,,
'''
MOODLE = """Identifier,Full name,Email address,Status,Grade,Maximum grade,Last modified (grade)
Participant 7,Ada Lovelace,ada@x.org,Submitted,,50.00,-
Participant 8,Jürgen Müller,juergen@x.org,No submission,,50.00,-
"""
MOODLE_DE = """ID;Vollständiger Name;E-Mail-Adresse;Status;Bewertung;Bestwertung;Zuletzt geändert (Bewertung)
Teilnehmer/in7;Ada Lovelace;ada@x.org;Abgegeben;;50,00;-
Teilnehmer/in8;Jürgen Müller;juergen@x.org;Keine Abgabe;;50,00;-
"""


def roster_of(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    """Write a list of a class into a folder and return its path."""
    path = folder / "roster.csv"
    path.write_bytes(text.encode(encoding))
    return path
