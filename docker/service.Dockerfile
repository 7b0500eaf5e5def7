# Two images from one recipe, neither with torch:
#   service  answers questions                     (extras: cpu)
#   seed     also draws the demo survey, fits the
#            first models and migrates the database (extras: demo)
# Build from the repository's root: docker build -f docker/service.Dockerfile --target service .

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY alembic alembic
COPY benchmarks/splits/held_out_rgb.json benchmarks/splits/held_out_rgb.json
COPY benchmarks/splits/photoz_parents.json benchmarks/splits/photoz_parents.json
COPY index index
COPY models models
COPY service service
COPY skylike skylike
COPY survey survey
COPY training training
RUN python -m venv /opt/skylike && /opt/skylike/bin/pip install -c constraints.txt '.[cpu]'

FROM build AS build-seed
RUN /opt/skylike/bin/pip install -c constraints.txt '.[demo]'

FROM python:3.11-slim AS runtime
RUN groupadd --gid 10001 skylike \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin skylike \
    && install -d -o skylike -g skylike /data /jobs /uploads
COPY --chmod=0755 docker/entrypoint.sh /usr/local/bin/skylike-entrypoint
# The root file system may be read-only: what libraries cache goes to /tmp, what Skylike keeps to /data, /uploads and /jobs.
ENV PATH=/opt/skylike/bin:$PATH \
    HOME=/tmp XDG_CACHE_HOME=/tmp XDG_CONFIG_HOME=/tmp MPLCONFIGDIR=/tmp \
    PYTHONUNBUFFERED=1 \
    SKYLIKE_DATA_DIR=/data SKYLIKE_HOST=0.0.0.0 SKYLIKE_PORT=8000
WORKDIR /tmp
USER 10001:10001
ENTRYPOINT ["skylike-entrypoint"]

FROM runtime AS seed
COPY --from=build-seed /opt/skylike /opt/skylike
CMD ["skylike", "demo", "--no-serve"]

FROM runtime AS service
COPY --from=build /opt/skylike /opt/skylike
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["skylike", "serve"]
