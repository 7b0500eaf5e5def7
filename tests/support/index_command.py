"""`skylike index` and the catalogue that it writes, as tests ask them."""

import orjson
from typer.testing import CliRunner

from index.catalogue.session import default_url, make_engine, sessions
from skylike.cli.index import app


def run(data_dir, *arguments, status=0):
    """Run a verb; returns what it says in JSON, or its complaint where it should fail."""
    result = CliRunner().invoke(
        app, [*arguments, "--data-dir", str(data_dir), "--json"], catch_exceptions=False
    )
    assert result.exit_code == status, result.output
    return orjson.loads(result.stdout) if status == 0 else result.stderr


def ask(data_dir, question):
    """Return what a function of a session finds in the catalogue."""
    engine = make_engine(default_url(data_dir))
    with sessions(engine)() as session:
        answer = question(session)
    engine.dispose()
    return answer
