FROM python:3.12-slim

RUN useradd --create-home billet
WORKDIR /app
COPY requirements.txt requirements-dev.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements-dev.txt
COPY --chown=billet . .
RUN chown billet .
USER billet

ENV PYTHONUNBUFFERED=1
EXPOSE 3000
# The process itself gets the signals, so that `docker stop` ends it cleanly.
CMD ["python", "-m", "billet", "serve", "--host", "0.0.0.0"]
