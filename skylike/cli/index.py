"""`skylike index`: builds, lists, verifies and switches what is served."""

from __future__ import annotations

import typer

from skylike.cli.index_anomalies import anomalies
from skylike.cli.index_audit import audit
from skylike.cli.index_build import build, plan
from skylike.cli.index_catalogue import ingest, migrate
from skylike.cli.index_clusters import clusters
from skylike.cli.index_compare import compare
from skylike.cli.index_map import map_
from skylike.cli.index_photoz import photoz
from skylike.cli.index_recall import recall
from skylike.cli.index_releases import activate_, list_, rollback_, verify
from skylike.cli.index_update import update
from skylike.cli.prune import prune

app = typer.Typer(help="Build, list, verify and switch index releases.", no_args_is_help=True)
# In the order in which they are used.
app.command()(plan)
app.command()(build)
app.command()(update)
app.command()(photoz)
app.command("list")(list_)
app.command()(verify)
app.command()(recall)
app.command()(compare)
app.command()(anomalies)
app.command()(audit)
app.command()(clusters)
app.command("map")(map_)
app.command("activate")(activate_)
app.command("rollback")(rollback_)
app.command()(prune)
app.command()(ingest)
app.command()(migrate)
