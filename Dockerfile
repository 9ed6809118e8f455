# Two images: `docker build --target pipeline .` runs the graph, `docker build --target reader .` serves what it published.
# Any base with Python 3.11 to 3.13 and its venv module will do.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS source
WORKDIR /srv/milk
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY deploy/install.sh deploy/slim.sh deploy/
COPY milk milk
# The cards of model versions name it: `--build-arg REVISION=$(git rev-parse HEAD)`.
ARG REVISION=unknown
RUN printf '%s\n' "$REVISION" > REVISION

FROM source AS reader-build
COPY milk_serving milk_serving
# The secrets are a pip configuration and the certificates it names, for who builds behind a registry of their own;
# without them they are left out.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca,target=/run/secrets/ca.crt \
    sh deploy/install.sh python3 serving,postgres && sh deploy/slim.sh

FROM source AS pipeline-build
COPY milk_assets milk_assets
COPY workspace.yaml ./
COPY deploy/workspace.yaml deploy/workspace.yaml
COPY data/README.md data/README.md
COPY data/sample data/sample
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca,target=/run/secrets/ca.crt \
    sh deploy/install.sh python3 cluster,dagster-postgres,s3 && sh deploy/slim.sh

FROM ${BASE} AS runtime
RUN useradd --system --uid 10001 --home-dir /home/milk --create-home milk \
 && install -d -o milk -g milk /var/lib/milk
ENV PATH=/srv/milk/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 MILK_HOME=/var/lib/milk
WORKDIR /srv/milk
VOLUME /var/lib/milk
USER 10001

FROM runtime AS reader
COPY --from=reader-build /srv/milk /srv/milk
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["python3", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/livez', timeout=2)"]
CMD ["uvicorn", "--factory", "milk_serving.main:app", "--host", "0.0.0.0", "--port", "8000", "--no-access-log", "--timeout-graceful-shutdown", "3"]

FROM runtime AS pipeline
COPY --from=pipeline-build /srv/milk /srv/milk
CMD ["milk", "run"]
