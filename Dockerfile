# Two images: `serve` can only serve; `test`, the default, can run the tests, too.
FROM python:3.12-slim AS serve-packages
COPY requirements.txt requirements-serve.txt ./
RUN python -m venv --without-pip /venv \
    && pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check -r requirements-serve.txt
# Remove pip, which only `billet package` needs, and botocore's data of other AWS services.
RUN cd /venv/lib/python3.12/site-packages \
    && rm -rf pip pip-*.dist-info setuptools setuptools-*.dist-info pkg_resources _distutils_hack \
    && find botocore/data -mindepth 1 -maxdepth 1 -type d \
        ! -name dynamodb ! -name sts ! -name sso ! -name sso-oidc -exec rm -r {} +

FROM python:3.12-slim AS test-packages
# The image has no browser, so it needs no playwright. Without cfn-lint and its libraries it is 80 MB
# smaller, and the tests that need it are skipped.
COPY requirements*.txt ./
RUN sed -i -E '/^(axe-playwright-python|cfn-lint|mpmath|networkx|playwright|sympy)==/,/[^\\]$/d' \
        requirements-test.txt \
    && python -m venv --without-pip /venv \
    && pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check --no-compile \
        --no-deps -r requirements-test.txt

FROM python:3.12-slim AS base
RUN useradd --create-home billet && mkdir /app && chown billet /app
WORKDIR /app
USER billet
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
EXPOSE 3000
# Without a shell the process receives the signals, so `docker stop` ends it cleanly.
CMD ["python", "-m", "billet", "serve", "--host", "0.0.0.0"]

FROM base AS serve
COPY --from=serve-packages /venv /venv
COPY --chown=billet app.py requirements*.txt ./
COPY --chown=billet billet billet
COPY --chown=billet billet_client billet_client
COPY --chown=billet chalicelib chalicelib

# The venv belongs to the user, so that Python can store compiled modules in it.
FROM base AS test
COPY --from=test-packages --chown=billet /venv /venv
COPY --chown=billet . .
