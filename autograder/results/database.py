"""The database of a gradebook: SQLite in the results folder, or PostgreSQL; and what its surroundings do to it.

Whatever keeps a database from being used becomes a `FilingError` that names it, from whichever library the error comes:
SQLAlchemy hands every error to one listener here.
"""

from __future__ import annotations

import os
import sqlite3
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError

from autograder.errors import FilingError, GradebookError

#: How many seconds another program's lock is waited for: before a run begins, and while learners' grades are filed.
_AT_FIRST, _WHILE_FILING = 2, 20

#: Of our own tables. A gradebook with a larger number was written by a newer version of this package.
SCHEMA = 1

#: Any number that is ours: one run at a time writes to a database of PostgreSQL.
_WRITER = 7_304_919

#: What PostgreSQL calls a transaction that only reads, and a right that is lacking.
_MAY_NOT_WRITE = frozenset({"25006", "42501"})

KEPT = "What was filed before is kept; run the same command again then, and it goes on."

_SQLITE = {
    sqlite3.SQLITE_FULL: f"the disk is full. Free some space. {KEPT}",
    sqlite3.SQLITE_READONLY: f"it cannot be written to. Change its permissions or those of its folder. {KEPT}",
    sqlite3.SQLITE_CANTOPEN: f"it cannot be opened or written beside. Look at its permissions and disk. {KEPT}",
    sqlite3.SQLITE_IOERR: f"the disk fails or is full. Look at it, or free some space. {KEPT}",
    sqlite3.SQLITE_BUSY: f"locked by another run; wait, or end it. It may be one of formgrader's too. {KEPT}",
}
_SQLITE[sqlite3.SQLITE_PERM] = _SQLITE[sqlite3.SQLITE_READONLY]
_SQLITE[sqlite3.SQLITE_LOCKED] = _SQLITE[sqlite3.SQLITE_BUSY]


def address_of(place: Path | str) -> URL:
    """Return the address of a gradebook: a file of SQLite, or ``postgresql://user@host/name``.

    Raises
    ------
    GradebookError
        If a text is no address of PostgreSQL, or its driver is not installed.
    """
    if isinstance(place, Path):
        return URL.create("sqlite", database=str(place), query={"timeout": str(_WHILE_FILING)})
    try:
        url = make_url(place)
    except (ArgumentError, ValueError):
        raise GradebookError("--db: this is no address. Write postgresql://user:password@host:port/name.") from None
    if "@" in (url.host or ""):
        raise GradebookError("--db: this address has two @. Write that of a password as %40.")
    if url.get_backend_name() != "postgresql" or not url.database:
        raise GradebookError(
            f"--db {name_of(url)}: only PostgreSQL is taken, as postgresql://user:password@host:port/name. "
            "Without --db the gradebook is a file in the results folder."
        )
    url = url.set(drivername="postgresql+psycopg")
    try:
        url.get_dialect().import_dbapi()
    except ImportError:
        raise GradebookError("--db: PostgreSQL needs a driver: pip install 'mlm-course[postgresql]'.") from None
    return url


def name_of(url: URL) -> str:
    """Return what people call a database: the path of a file, or an address without its password."""
    if url.get_backend_name() == "sqlite":
        path = Path(str(url.database))  # one that is being made lies a folder deeper
        return str(path.parent.parent / path.name if path.parent.name.startswith(".writing-") else path)
    query = {name: "hidden" if "password" in name else value for name, value in url.query.items()}
    return url.set(drivername=url.get_backend_name(), query=query).render_as_string(hide_password=True)


@event.listens_for(Engine, "handle_error")
def _said(context: ExceptionContext) -> None:
    """Raise a sentence in the place of an error that a database's surroundings brought about."""
    error = context.original_exception
    url = context.engine.url if context.engine is not None else None
    code = getattr(error, "sqlite_errorcode", None)
    if url is not None and code is not None and code & 0xFF in _SQLITE:
        raise FilingError(f"{name_of(url)}: {_SQLITE[code & 0xFF]}") from error
    if url is not None and url.get_backend_name() == "postgresql":
        closed = context.is_disconnect or isinstance(context.sqlalchemy_exception, OperationalError)
        if closed or getattr(error, "sqlstate", None) in _MAY_NOT_WRITE:
            why = " ".join(str(error).split())[:300].rstrip(".")
            raise FilingError(f"{name_of(url)}: the database cannot be used now ({why}). {KEPT}") from error


def require_gradebook(url: URL) -> None:
    """Refuse a database that is there and is no gradebook, is of a newer version, or cannot be written now.

    It is left as it is, and a file that is not there is not made.

    Raises
    ------
    GradebookError
        Saying what it is instead.
    FilingError
        If its surroundings keep it from being used, such as another program's lock.
    """
    is_file = url.get_backend_name() == "sqlite"
    if is_file:
        path = Path(str(url.database))
        if not path.exists() or path.stat().st_size == 0:
            return
        url = url.set(query={"timeout": str(_AT_FIRST)})
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            tables = set(inspect(connection).get_table_names())
            if is_file:
                # One that was written when its run was killed is put right by whoever opens it first.
                connection.rollback()
                connection.exec_driver_sql("begin immediate")
                damage = connection.exec_driver_sql("pragma quick_check(1)").scalar()
                if damage != "ok":
                    raise GradebookError(
                        f"{name_of(url)}: this file is damaged ({str(damage).splitlines()[-1]}), and is left as it is. "
                        "Put a copy of it from before in its place, or move it away and grade again."
                    )
            _require_known(connection, tables, name_of(url))
            connection.rollback()
    except DBAPIError as error:
        advice = _ADVICE if is_file else "Look at the address after --db."
        why = " ".join(str(error.orig).split())
        raise GradebookError(f"{name_of(url)}: this is not a gradebook ({why}). {advice}") from None
    finally:
        engine.dispose()


_ADVICE = "Move it away, or name another folder with --into."


def _require_known(connection: Connection, tables: set[str], name: str) -> None:
    if tables and not {"grade", "student", "submitted_assignment"} <= tables:
        raise GradebookError(f"{name}: this is a database, but not a gradebook of nbgrader. {_ADVICE}")
    newest = connection.scalar(text("select max(version) from mlm_schema")) if "mlm_schema" in tables else None
    if newest is not None and newest > SCHEMA:
        raise GradebookError(
            f"{name}: this gradebook was written by a newer version of mlm-course (its form is {newest}, and "
            f"{SCHEMA} is known here). Nothing was changed. Install the newer version, and give the command again."
        )
    revision = (
        connection.scalar(text("select version_num from alembic_version")) if "alembic_version" in tables else None
    )
    if revision is not None and revision not in _known_revisions():
        raise GradebookError(
            f"{name}: this gradebook was written by a newer version of nbgrader (its revision is {revision}). Nothing "
            "was changed. Install that version of nbgrader, and give the command again."
        )


def _known_revisions() -> set[str]:
    import nbgrader
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(Path(nbgrader.__file__).parent / "alembic"))
    return {script.revision for script in scripts.walk_revisions()}


def let_others_write(connection: Connection | None) -> None:
    """Give up what :func:`sole_writer` returned; where the server is gone, it has done so itself."""
    if connection is not None:
        with suppress(FilingError, SQLAlchemyError):
            connection.execute(text(f"select pg_advisory_unlock({_WRITER})"))
            connection.close()


def sole_writer(engine: Engine) -> Connection | None:
    """Return a connection that keeps other runs from a database of PostgreSQL while it is open; None for a file.

    Raises
    ------
    FilingError
        If another run writes to it.
    """
    if engine.dialect.name != "postgresql":
        return None
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    if not connection.scalar(text(f"select pg_try_advisory_lock({_WRITER})")):
        connection.close()
        raise FilingError(f"{name_of(engine.url)}: another run is writing to this gradebook. Wait until it has ended.")
    return connection


@contextmanager
def own_programs_on_path() -> Iterator[None]:
    """Let nbgrader find the program alembic, which is installed beside it, where no environment was activated."""
    before = os.environ.get("PATH", os.defpath)
    os.environ["PATH"] = os.pathsep.join((sysconfig.get_path("scripts"), before))
    try:
        yield
    finally:
        os.environ["PATH"] = before
