FROM python:3.12-slim AS packages
COPY requirements*.txt ./
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check -r requirements-test.txt

# What serving and the tests need, and no more.
FROM python:3.12-slim
RUN useradd --create-home billet
COPY --from=packages /venv /venv
WORKDIR /app
COPY --chown=billet . .
RUN chown billet .
USER billet

ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
EXPOSE 3000
# The process itself gets the signals, so that `docker stop` ends it cleanly.
CMD ["python", "-m", "billet", "serve", "--host", "0.0.0.0"]
