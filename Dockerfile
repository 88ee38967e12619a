# Two images: analysis (the last stage, so the default) has no privilege at all; live can also capture.
#   docker build -t flowmap .        docker build -t flowmap-live --target live .
# How they are started: docs/operations.md and packaging/compose.yaml.
# For a rebuild that is the same to the byte: --build-arg BASE_IMAGE=python:3.13-slim-bookworm@sha256:...
ARG BASE_IMAGE=python:3.13-slim-bookworm
FROM ${BASE_IMAGE} AS base

# Debian's packages are not pinned, because its security updates are wanted.
# hadolint ignore=DL3008
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends libcap2-bin tini tshark \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 flowmap \
 && useradd --uid 10001 --gid flowmap --no-create-home --home-dir /empty --shell /usr/sbin/nologin flowmap \
 && install -d -m 0555 /empty \
 && install -d -m 0700 -o flowmap -g flowmap /data /var/cache/flowmap

WORKDIR /src
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock

# Installed as a wheel, so that the image holds what a release holds; /src is left empty.
COPY . ./
RUN pip install --no-cache-dir --no-deps --no-build-isolation . \
 && find /src -mindepth 1 -delete

# An empty home that nobody can write keeps other people's Wireshark profiles out.
ENV HOME=/empty \
    WIRESHARK_CONFIG_DIR=/empty \
    FLOWMAP_KERNEL_CACHE_DIR=/var/cache/flowmap \
    FLOWMAP_DATA_DIR=/data \
    PYTHONUNBUFFERED=1

USER 10001:10001

# Compiled here, the kernels load in a moment on processors of this kind; on others they are compiled once more, and for
# that their folder is a volume: the root file system is read-only.
RUN ["python", "-m", "flowmap.warm"]

WORKDIR /data
VOLUME ["/data", "/var/cache/flowmap"]
EXPOSE 8080

HEALTHCHECK --interval=15s --timeout=5s --start-period=15s --retries=3 CMD ["python", "-I", "-m", "flowmap.healthcheck"]

# tini reaps what tshark and dumpcap leave behind and passes signals to the whole group.
ENTRYPOINT ["tini", "-g", "--", "flowmap"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080", "--allow-remote"]

# Only dumpcap may capture, and only the service's group may start it. tshark and python get nothing.
FROM base AS live
USER root
RUN chgrp flowmap /usr/bin/dumpcap \
 && chmod 0750 /usr/bin/dumpcap \
 && setcap cap_net_raw+ep /usr/bin/dumpcap
USER 10001:10001

FROM base AS analysis
