"""Keys for tests, and what a client sends with them."""

from datetime import UTC, datetime, timedelta

from index.catalogue.session import writing
from service.records.keys import issue


def key_of(client, owner, **more):
    """Issue a key in the service's own database; returns the row and the header."""
    with writing(client.app.state.resources.engine)() as session, session.begin():
        row, key = issue(session, owner=owner, **more)
    return row, {"authorization": f"Bearer {key}"}


def long_ago():
    return datetime.now(UTC) - timedelta(days=1)
