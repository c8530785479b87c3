"""The composition root: what Lambda, `chalice local` and `billet serve` run."""

import logging
import os

from chalice.app import Chalice

from chalicelib.api import authentication, docs, health, tasks, users
from chalicelib.settings import Settings

settings = Settings.from_environ(os.environ)
logging.getLogger("chalicelib").setLevel(settings.log_level)
app = Chalice(app_name="billet-tasks")
for module in (users, tasks, health, docs):
    app.register_blueprint(module.blueprint)
authentication.guard(app, settings)
