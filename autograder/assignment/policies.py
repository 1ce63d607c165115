"""The table ``[policies]`` of a ``course.toml``: when work is due, what being late costs, and what does not count."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, tzinfo
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec

#: How many times the usual time an assignment or a learner may be given at most.
MOST_TIME = 10.0

_SHARE = re.compile(r"(\d+(?:\.\d+)?) ?%")


class CoursePolicies(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What holds for a whole class; a learner's row in ``policies.csv`` comes before it.

    ``due`` is by assignment, on the clock of ``time_zone`` where a time names none. ``late`` is taken off for each day
    that begins ``grace`` minutes after it, ``most`` at most: points, or a share of all points, such as "10 %".
    ``dropped`` items of an assignment are worth nothing, and ``extra_time`` is a factor on the seconds that a notebook
    may use.
    """

    due: dict[str, Any] = {}  # datetimes, and dates, which end with the day
    time_zone: str = "UTC"
    late: float | str = 0.0
    most: float | str = "100 %"
    grace: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    dropped: dict[str, tuple[str, ...]] = {}
    extra_time: Annotated[float, msgspec.Meta(ge=1, le=MOST_TIME)] = 1.0

    def __post_init__(self) -> None:
        """Refuse a zone that is none, and an amount that is neither points nor a share."""
        try:
            _zone(self.time_zone)
        except (ValueError, OSError, LookupError):
            raise ValueError(f"key 'time_zone': there is no {self.time_zone!r}; write it as 'Europe/Vienna'") from None
        if wrong := next((name for name, when in self.due.items() if not isinstance(when, date)), None):
            raise ValueError(f"key 'due': {self.due[wrong]!r} is no time; write {wrong} = 2026-12-01T23:59:00")
        for key, given in (("late", self.late), ("most", self.most)):
            if not (_SHARE.fullmatch(given) if isinstance(given, str) else given >= 0):
                raise ValueError(f"key {key!r}: {given!r} is no amount; write points, as 2, or a share, as '10 %'")

    def penalty(self, days: int, points: float) -> float:
        """Return the points taken for so many days from a work that counts ``points``."""
        return round(min(days * _amount(self.late, points), _amount(self.most, points)), 2)

    def zoned(self, when: date) -> datetime:
        """Return a time with its zone; of a day, its end."""
        when = when if isinstance(when, datetime) else datetime.combine(when, time.max)
        return when if when.tzinfo else when.replace(tzinfo=_zone(self.time_zone))


def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)  # which looks into a database that not every system has


def _amount(given: float | str, points: float) -> float:
    share = _SHARE.fullmatch(given) if isinstance(given, str) else None
    return points * float(share[1]) / 100.0 if share else float(given)
