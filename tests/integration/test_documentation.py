"""README and docs say what the code does."""

import json
import re

import pytest
from support import documented


@pytest.fixture(scope="module")
def pages(repository):
    listed = [repository / "README.md", repository / "CONTRIBUTING.md", *(repository / "docs").rglob("*.md")]
    return {page.relative_to(repository).as_posix(): page.read_text() for page in listed}


def commands(command, words=()):
    """Every leaf of the command line: `survey import fits`, `serve`, …."""
    children = getattr(command, "commands", {})
    if not children:
        yield words
    for name, child in children.items():
        yield from commands(child, (*words, name))


@pytest.mark.parametrize("name", documented.PLACES)
def test_the_table_follows_from_the_code(name, pages):
    page = pages[documented.PLACES[name]]
    told = documented.rewritten(page, name, documented.TABLES[name]())
    assert page == told, "rewrite it: .venv/bin/python tests/support/documented.py"


def test_every_setting_is_described_in_the_readme(pages):
    from service.settings import Settings

    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert f"`SKYLIKE_{name.upper()}`" in pages["README.md"], name


def test_every_error_code_is_documented(pages):
    from service.problems import PROBLEMS

    assert [slug for slug in PROBLEMS if f"`{slug}`" not in pages["docs/api.md"]] == []


def test_every_refusal_of_an_upload_has_its_remedy(pages):
    from service.problems_uploads import UPLOAD_PROBLEMS

    slugs = [slug for slug, *_ in UPLOAD_PROBLEMS if not slug.startswith("table.")]
    assert [slug for slug in slugs if f"`{slug}`" not in pages["docs/uploads.md"]] == []


def test_every_verb_is_documented(pages):
    import typer

    from skylike.cli.main import app

    text = "\n".join(pages.values())
    verbs = [" ".join(("skylike", *words)) for words in commands(typer.main.get_command(app))]
    assert [verb for verb in verbs if not re.search(rf"{re.escape(verb)}\b", text)] == []


def test_every_verb_that_is_documented_exists(pages):
    import typer

    from skylike.cli.main import app

    root = typer.main.get_command(app)
    for page, text in pages.items():
        for words in re.findall(r"`skylike ([a-z][a-z0-9 ]*)", text):
            command = root
            for word in words.split():
                if not hasattr(command, "commands"):
                    break
                assert word in command.commands, f"{page}: skylike {words}"
                command = command.commands[word]


def test_every_figure_has_its_value_command_and_machine(repository):
    for file in (repository / "docs" / "results").glob("*.json"):
        for figure in json.loads(file.read_text()).get("figures", []):
            assert {"id", "value", "unit", "n", "command", "commit", "machine"} <= figure.keys(), (
                file.name,
                figure.get("id"),
            )


def test_every_figure_that_is_quoted_exists(pages):
    known = documented.all_figures()
    for page, text in pages.items():
        assert [name for name in re.findall(r"figure `(\w+)`", text) if name not in known] == [], page


def test_every_link_within_the_repository_leads_somewhere(pages, repository):
    for page, text in pages.items():
        for target in re.findall(r"\]\((?!https?://|mailto:|#)([^)#\s]+)", text):
            assert ((repository / page).parent / target).exists(), f"{page}: {target}"


def test_the_help_loads_nothing_heavy(repository):
    import subprocess
    import sys

    code = "import sys, skylike.cli.main; print(*({'numpy', 'astropy', 'faiss', 'sqlalchemy', 'fastapi'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
