"""The thinnest route in front of pgvector: a few connections with a prepared statement, orjson, no response model.

    SEARCH_PG=URL uvicorn --app-dir benchmarks search_sql:app

`SEARCH_PG_SET` holds settings of the connections, semicolons between. `POST /search` is nearest by vector, as of search_plain.py;
`GET /objects/{row}/neighbours` a join on neighbours that were computed beforehand.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import psycopg
from fastapi import FastAPI, Request, Response

__all__ = ["app"]

_NEAREST = "SELECT id FROM items ORDER BY embedding <#> %s::halfvec(128) LIMIT %s"
_BY_ID = (
    "SELECT object_id, similarity FROM graph JOIN items ON items.id = neighbour "
    "WHERE graph.id = %s ORDER BY rank LIMIT %s"
)
_CONNECTIONS = 8


@asynccontextmanager
async def _connected(api: FastAPI) -> AsyncIterator[None]:
    idle: asyncio.Queue[psycopg.AsyncConnection] = asyncio.Queue()
    for _ in range(_CONNECTIONS):
        connection = await psycopg.AsyncConnection.connect(
            os.environ["SEARCH_PG"], autocommit=True, prepare_threshold=0
        )
        for setting in filter(None, os.environ.get("SEARCH_PG_SET", "").split(";")):
            await connection.execute(f"SET {setting}")
        idle.put_nowait(connection)
    api.state.idle = idle
    yield


app = FastAPI(lifespan=_connected)


async def _rows(sql: str, values: tuple[object, ...]) -> list[tuple[object, ...]]:
    connection = await app.state.idle.get()
    try:
        return list(await (await connection.execute(sql, values)).fetchall())
    finally:
        app.state.idle.put_nowait(connection)


def _json(body: object) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")


@app.get("/ready")
async def ready() -> Response:
    """Say how many vectors there are."""
    return _json({"n": (await _rows("SELECT count(*) FROM items", ()))[0][0]})


@app.post("/search")
async def search(request: Request) -> Response:
    """Return rows, nearest first."""
    asked = orjson.loads(await request.body())
    text = orjson.dumps(asked["vector"]).decode()
    return _json({"hits": [{"row": row} for (row,) in await _rows(_NEAREST, (text, asked["k"]))]})


@app.get("/objects/{row}/neighbours")
async def by_id(row: int, k: int = 10) -> Response:
    """Return precomputed neighbours by a join."""
    found = await _rows(_BY_ID, (row, k))
    return _json({"hits": [{"object_id": one, "similarity": score} for one, score in found]})
