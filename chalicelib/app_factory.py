"""Builds the API from its settings."""

import logging
import os
from typing import Any

from chalice.app import Chalice

from chalicelib import release
from chalicelib.dynamodb import client, schema_version
from chalicelib.http import authentication, json_log, request_log, routes
from chalicelib.http.metrics import EmfFormatter
from chalicelib.http.pipeline import Pipeline
from chalicelib.http.response_headers import ResponseHeaders
from chalicelib.settings import Settings

AUTHORIZER_HANDLER = f"app.{authentication.AUTHORIZER}"
"""Lambda's handler of the authorizer, which may only read tokens."""
log = logging.getLogger(__name__)


class BilletApp(Chalice):
    """The routes, with everything that their settings decide about HTTP.

    Several apps with different settings can be in one process. They share its database.
    """

    def __init__(self, settings: Settings, *, in_lambda: bool = False) -> None:
        # Chalice appends to AWS_EXECUTION_ENV, which is part of the User-Agent of each request.
        super().__init__(app_name="billet-tasks", env={})
        self.settings = settings
        self.response_headers = ResponseHeaders(
            settings.origins, server_timing=settings.server_timing == "on"
        )
        authorizer, read_principal = authentication.configure(self, settings, in_lambda=in_lambda)
        pipeline = Pipeline(self, settings, authorizer, read_principal, self.response_headers)
        for endpoint in routes.served(settings):
            pipeline.register(endpoint)
        for path, methods in list(self.routes.items()):
            pipeline.register_options(path, methods)
        self._refuse = pipeline.refuse

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        """Respond to an event of API Gateway, and log the request."""
        route = (event.get("requestContext") or {}).get("resourcePath")
        respond = super().__call__ if route in self.routes else self._refuse
        with request_log.recording() as record:
            record.reach_app()
            response: dict[str, Any] = respond(event, context)
            record.status = response["statusCode"]
            return response


def create_app(settings: Settings) -> BilletApp:
    """Build the app of this process, and set up the process's database and log.

    PynamoDB keeps the name and connection of a table in its model's class, so the tables belong to
    the process: all apps in it use those of the app that was created last.
    """
    in_lambda = "AWS_LAMBDA_FUNCTION_NAME" in os.environ
    _set_up_log(settings)
    if in_lambda:
        json_log.set_up_in_lambda(EmfFormatter(settings.stage))
    log.info("billet-tasks %s, stage %s", release.current(), settings.stage)
    client.bind(settings)
    if in_lambda:
        client.warm_up()
        if os.environ.get("_HANDLER") != AUTHORIZER_HANDLER:
            schema_version.check_at_start()
    return BilletApp(settings, in_lambda=in_lambda)


def _set_up_log(settings: Settings) -> None:
    for name in ("chalicelib", "billet"):
        logging.getLogger(name).setLevel(settings.log_level)
    for name in ("botocore", "pynamodb"):
        logging.getLogger(name).setLevel(logging.WARNING)  # at DEBUG they log bodies and tokens
