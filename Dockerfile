# One image for all processes; compose.yaml says which one runs. PostgreSQL and Valkey run beside it.
FROM python:3.13-slim-trixie AS packages
COPY requirements/runtime.txt /tmp/runtime.txt
# Only wheels, each checked against its hash: nothing is compiled, so the image needs no compiler.
RUN python -m venv /opt/crusoe \
 && /opt/crusoe/bin/pip install --no-cache-dir --no-deps --require-hashes --only-binary :all: -r /tmp/runtime.txt

FROM python:3.13-slim-trixie
# Signs eight mails at once on processors that can; packaged where there are any.
RUN if [ "$(dpkg --print-architecture)" = amd64 ]; then \
      apt-get update && apt-get install -y --no-install-recommends libcrypto-mb11 && rm -rf /var/lib/apt/lists/*; \
    fi
RUN groupadd --gid 10001 crusoe \
 && useradd --uid 10001 --gid crusoe --home-dir /var/lib/crusoe --shell /usr/sbin/nologin crusoe \
 && install -d -o crusoe -g crusoe -m 0700 /var/lib/crusoe
COPY --from=packages /opt/crusoe /opt/crusoe
WORKDIR /srv/crusoe
COPY . .
ENV PATH=/opt/crusoe/bin:$PATH \
    PYTHONPATH=/srv/crusoe \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    CRUSOE_HOME=/var/lib/crusoe \
    CRUSOE_HOST=0.0.0.0
USER crusoe
VOLUME /var/lib/crusoe
EXPOSE 8000
ENTRYPOINT ["python", "-m"]
CMD ["app", "--help"]
