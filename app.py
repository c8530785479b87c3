"""The composition root: what Lambda, `chalice local` and `billet serve` run."""

import gc

gc.disable()  # what imports make is no garbage, and looking for some takes a fifth of a cold start

import logging
import os

from chalice.app import Chalice

from chalicelib.http import authentication, conditional, preflight, request_ids
from chalicelib.http.routes import docs, health, tasks, users
from chalicelib.settings import Settings

settings = Settings.from_environ(os.environ)
request_ids.stamp_log_records()
logging.getLogger("chalicelib").setLevel(settings.log_level)
for name in ("botocore", "pynamodb"):
    logging.getLogger(name).setLevel(logging.WARNING)  # in DEBUG they log bodies, and tokens
conditional.require(settings.require_if_match == "on")
app = Chalice(app_name="billet-tasks")
for module in (users, tasks, health, docs):
    app.register_blueprint(module.blueprint)
authentication.guard(app, settings)
if settings.origins:
    preflight.register(app)

gc.freeze()
gc.enable()
