"""The composition root: what Lambda, `chalice local` and `billet serve` run."""

import gc

gc.disable()  # what imports make is no garbage, and looking for some takes a fifth of a cold start

import logging
import os

from chalice.app import Chalice

from chalicelib.api import health, tasks, users
from chalicelib.settings import Settings

logging.getLogger("chalicelib").setLevel(Settings.from_environ(os.environ).log_level)
app = Chalice(app_name="billet-tasks")
for module in (users, tasks, health):
    app.register_blueprint(module.blueprint, url_prefix="/v1")

gc.freeze()
gc.enable()
