# The bot and its signer in one image; run them as two containers (see docs/deploy.md). Neither listens on a port.
# Build: docker build -t bot .       The key is never in the image: mount the keystore into the signer's container.
FROM python:3.12-slim-bookworm
RUN useradd --create-home --uid 10001 bot
WORKDIR /srv/bot
COPY --chown=bot locks locks
COPY --chown=bot scripts scripts
# Only the hashed runtime set; the npm parts are for the local market and are not needed against a real chain.
RUN python -m venv .venv \
    && .venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: --no-deps -r locks/venv.txt
COPY --chown=bot bot bot
USER bot
ENV PATH=/srv/bot/.venv/bin:$PATH NUMBA_CACHE_DIR=/tmp/numba PYTHONUNBUFFERED=1
ENTRYPOINT ["python", "-m", "bot"]
CMD ["run", "--plain"]
