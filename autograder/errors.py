"""The errors of the autograder.

::

    AutograderError
    ├── UsageError            what was asked for cannot be done: exit code 2
    │   ├── CourseError       a folder or file of the course is missing or not what it should be
    │   ├── RubricError       a rubric that does not hold together; names file, item and key
    │   ├── ReleaseError      source notebooks and rubric disagree; nothing was released
    │   ├── GradebookError    a gradebook that is not one
    │   └── FilingError       the results folder cannot be written to now: full, closed, or held by another run
    └── OurFault              never a learner's mark: exit code 3
        ├── BoxUnavailable    there is no safe box on this machine; nothing was run
        ├── BoxBroken         the box did not do what it must; the run says nothing about the learner
        └── KeyUnavailable    the reference could not answer for a panel
"""

from __future__ import annotations


class AutograderError(Exception):
    """Root of every error this package raises on purpose."""


class UsageError(AutograderError):
    """What was asked for cannot be done as asked; the message says what to do."""


class CourseError(UsageError):
    """A folder or file of the course is missing, or is not what it should be."""


class RubricError(UsageError):
    """A rubric that does not hold together."""


class ReleaseError(UsageError):
    """The source notebooks and the rubric disagree."""


class GradebookError(UsageError):
    """A gradebook that cannot be used."""


class FilingError(UsageError):
    """Results cannot be filed now; what was filed before is kept."""


class OurFault(AutograderError):
    """Something of ours failed; it must never become a learner's mark."""


class BoxUnavailable(OurFault):
    """No safe box can be built on this machine."""


class BoxBroken(OurFault):
    """The box failed before the learner's code was reached, or broke its contract."""


class KeyUnavailable(OurFault):
    """The reference could not compute the answers for a panel."""
