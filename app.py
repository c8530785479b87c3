"""The entry point of Lambda, `chalice local` and `billet serve`."""

import gc

gc.disable()  # imports make no garbage, and searching for it takes a fifth of a cold start

import os

from chalicelib.app_factory import create_app
from chalicelib.http.authentication import AUTHORIZER
from chalicelib.settings import Settings

app = create_app(Settings.from_environ(os.environ))
authenticate = app.handler_map.get(AUTHORIZER)  # None without tokens of our own
"""The handler of the authorizer's function."""

gc.freeze()
gc.enable()
