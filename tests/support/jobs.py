"""Jobs without a service around them: a store on a database and a folder, and tables for it."""

from contextlib import contextmanager
from datetime import timedelta

import pyarrow as pa

from index.catalogue.migrate import upgrade
from index.catalogue.session import make_engine
from service.jobs.store import JobStore
from service.records.jobs import database_time, set_expiry
from service.settings import Settings

OWNER = "ada"


def tables(n, step=700):
    """The numbers 0 to n - 1, in tables that fit no chunk."""
    for start in range(0, n, step):
        yield pa.table({"row": pa.array(range(start, min(n, start + step)), pa.int64())})


@contextmanager
def job_store(url, folder, **settings):
    upgrade(url)
    engine = make_engine(url)
    yield JobStore(engine, Settings(**{"jobs_dir": folder, "job_lease_seconds": 1.0, **settings}))
    engine.dispose()


def made(
    store, n=5000, *, kind="count", parameters=None, owner=OWNER, fmt="parquet", chunk_rows=1000, **more
):
    return store.create(
        kind, parameters or {}, tables(n), owner=owner, fmt=fmt, chunk_rows=chunk_rows, **more
    )


def expire(store, job_id, seconds=0.0):
    with store.writing() as session, session.begin():
        set_expiry(session, job_id, database_time(session) + timedelta(seconds=seconds))
