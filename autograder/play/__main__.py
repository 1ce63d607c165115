"""Write the pages of releases that are there already into a folder: how ``scripts/site`` gets those of the course."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from autograder.assignment.release_file import RELEASE_FILE, read_release_file
from autograder.errors import CourseError
from autograder.play.pages import write_play


def main(
    into: Annotated[Path, Argument(help="The folder to offer.")],
    releases: Annotated[list[Path], Argument(help="Folders of released notebooks.")],
    vendored: Annotated[bool, Option("--vendored", help="Put Python into the folder, too.")] = False,
    source: Annotated[Path | None, Option("--from", help="A folder that has the parts.")] = None,
    back: Annotated[str | None, Option(help="Where the link to the course leads.")] = None,
) -> None:
    """Write the pages, and print where they are."""
    read = {folder / RELEASE_FILE: read_release_file(folder / RELEASE_FILE) for folder in releases}
    for path, release in read.items():
        if release is None:
            raise CourseError(f"{path} is missing. Make it with mlm release.")
    found = [release for release in read.values() if release]
    for page in write_play(found, into, vendored=vendored, source=source, back=back):
        print(page)


if __name__ == "__main__":
    typer.run(main)
