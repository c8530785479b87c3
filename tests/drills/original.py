"""The app of the repository, for folders whose own `app.py` comes before it."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from chalicelib.app_factory import BilletApp

_spec = spec_from_file_location("original_app", Path(__file__).parents[2] / "app.py")
assert _spec
assert _spec.loader
_module = module_from_spec(_spec)
_spec.loader.exec_module(_module)
app: BilletApp = _module.app


def before_each_request(act: Any) -> None:
    """Have the app call `act` before it handles a request."""
    handle = BilletApp.__call__

    def act_and_handle(self: BilletApp, event: Any, context: Any) -> Any:
        act()
        return handle(self, event, context)

    BilletApp.__call__ = act_and_handle  # type: ignore[method-assign]
