# FlowMap for analysis, and for live capture where the container is given NET_RAW (README, "In a container").
# For a rebuild that is the same to the byte, append the digest of the base image: python:3.13-slim-bookworm@sha256:...
FROM python:3.13-slim-bookworm

# Only dumpcap may capture, and only the service's group may start it. tshark and python get nothing.
# Debian's packages are not pinned, because its security updates are wanted.
# hadolint ignore=DL3008
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends tini tshark \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 flowmap \
 && useradd --uid 10001 --gid flowmap --no-create-home --home-dir /empty --shell /usr/sbin/nologin flowmap \
 && chgrp flowmap /usr/bin/dumpcap \
 && chmod 0750 /usr/bin/dumpcap \
 && setcap cap_net_raw+ep /usr/bin/dumpcap \
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

# Compiled here, the kernels load in a moment on processors of this kind; on others they are compiled once more.
RUN ["python", "-m", "flowmap.warm"]

WORKDIR /data
VOLUME /data
EXPOSE 8080

HEALTHCHECK --interval=15s --timeout=3s --start-period=10s --retries=3 \
  CMD ["python", "-c", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8080, timeout=2); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]

# tini reaps what tshark and dumpcap leave behind and passes signals to the whole group.
ENTRYPOINT ["tini", "-g", "--", "flowmap"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080", "--allow-remote"]
