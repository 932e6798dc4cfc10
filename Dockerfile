# The bot as an image: `docker build --tag opp-status .`, then `docker run --env-file .env --publish 3000:3000 opp-status`.
# docs/operating/install.md has the steps for each host.

# The full image, as the slim one has no `strip`. Nothing of it gets into the bot's image.
FROM python:3.11 AS build
WORKDIR /app
RUN python -m venv --without-pip venv
COPY requirements.txt .
RUN python -m pip --python venv/bin/python install --quiet --disable-pip-version-check --no-cache-dir --no-compile --require-hashes --requirement requirements.txt
# Wheels bring symbols for debuggers of C, more than a quarter of all that is installed.
RUN find venv -name '*.so' -exec strip -S {} +
COPY bot bot
# What is compiled here need not be compiled at each start, and the bot may not write into its own folder. Nothing in an
# image changes, so Python need not compare times either.
RUN venv/bin/python -m compileall -q --invalidation-mode unchecked-hash venv/lib bot
RUN mkdir data

FROM python:3.11-slim
WORKDIR /app
COPY --from=build /app /app
# For a database in a SQLite file. It outlives the container only where a volume is mounted there.
COPY --from=build --chown=10001:10001 /app/data /data
ENV PATH=/app/venv/bin:$PATH
ENV PYTHONUNBUFFERED=1
ENV DATABASE_URL=sqlite:////data/opp-status.db
USER 10001:10001
EXPOSE 3000
# Not curl, which the image would need for this alone; and not urllib, which would ask a proxy for 127.0.0.1.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["python", "-c", "import http.client, os; asked = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('PORT') or 3000), timeout=4); asked.request('GET', '/healthz'); raise SystemExit(asked.getresponse().status != 200)"]
CMD ["python", "-m", "bot", "serve"]
