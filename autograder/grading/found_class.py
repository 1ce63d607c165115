"""A class as it handed in: a folder with one for each learner, or a download, with or without a list of the class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.errors import CourseError
from autograder.grading.collecting import Collected, collect, is_download
from autograder.grading.roster import Learner, Roster, read_roster
from autograder.grading.submission import SubmissionFolder, find_submissions, time_of
from autograder.language.catalogue import Sentence
from autograder.records.grading import LeftOut
from autograder.results.filing import filing


@dataclass(frozen=True)
class FoundClass:
    """Where each learner's work is or will be, what is nobody's, and what is known of the learners.

    ``submitted`` is the folder that holds the learners' folders, and ``collected`` what a download has for each.
    """

    submitted: Path
    folders: tuple[SubmissionFolder, ...]
    others: tuple[LeftOut, ...]
    learners: tuple[Learner, ...] = ()
    collected: tuple[Collected, ...] = ()

    def written(self, into: Path) -> FoundClass:
        """Unpack a download into the results folder, in nbgrader's layout; return the class as it lies there then.

        Where later work lies there already it stays, and when it was handed in is what counts.
        """
        if not self.collected:
            return self
        with filing(into):
            for one, folder in zip(self.collected, self.folders, strict=True):
                one.write(folder.path)
        there = (replace(one, handed_in=time_of(one.path) or one.handed_in) for one in self.folders)
        return replace(self, folders=tuple(there))


def find_class(
    submitted: Path, assignment: str, notebooks: Sequence[str], roster: Path | None, into: Path
) -> FoundClass:
    """Return a class as it handed in; nothing is written yet.

    Raises
    ------
    CourseError
        If there is nothing of a learner's, or the roster is no list of learners.
    """
    listed = read_roster(roster) if roster else None
    if is_download(submitted):
        collected, others = collect(submitted, assignment, notebooks, listed)
        place = into / "submitted"
        learners = tuple(one.learner for one in collected)
        folders = tuple(
            SubmissionFolder(of.student, place / of.student / assignment, of.shown, handed_in=one.handed_in)
            for one, of in zip(collected, learners, strict=True)
        )
        return FoundClass(place, folders, others, listed.learners if listed else learners, collected)
    folders, others = find_submissions(submitted, assignment)
    if listed is None:
        return FoundClass(submitted, folders, others)
    folders, strangers = _matched(folders, listed)
    return FoundClass(submitted, folders, (*others, *strangers), listed.learners)


def _matched(
    folders: Sequence[SubmissionFolder], roster: Roster
) -> tuple[tuple[SubmissionFolder, ...], tuple[LeftOut, ...]]:
    """Return the folders that are of a learner of the roster, under that learner's name, and those that are not."""
    found: dict[str, SubmissionFolder] = {}
    strangers = []
    for folder in folders:
        name = (folder.around or folder.path).name
        learner = roster.of_folder(name)
        if learner is None:
            strangers.append(LeftOut(folder.shown, Sentence("names.not_in_roster"), is_learner=True))
        elif learner.student in found:
            strangers.append(LeftOut(folder.shown, Sentence("names.same"), is_learner=True))
        else:
            time = learner.handed_in or folder.handed_in
            found[learner.student] = replace(folder, student=learner.student, shown=learner.shown, handed_in=time)
    if not found:
        raise CourseError(f"{roster.path}: no folder of the submissions is a learner's of this list.")
    return tuple(found.values()), tuple(strangers)
