"""The composition root: what Lambda, `chalice local` and `billet serve` run."""

from chalice.app import Chalice

from chalicelib.api import health, tasks, users

app = Chalice(app_name="billet-tasks")
for module in (users, tasks, health):
    app.register_blueprint(module.blueprint, url_prefix="/v1")
