"""Every endpoint that changes something goes through Write: conditions and idempotency keys."""

import app
from chalicelib.http.idempotency import Write
from chalicelib.http.pipeline import ENDPOINTS


def test_whatever_is_no_get_takes_keys_and_conditions() -> None:
    assert app.app.routes
    changing = [one for one in ENDPOINTS if one.method != "GET"]
    assert len(changing) >= 8
    assert [one.view.__name__ for one in changing if Write not in one.takes.values()] == []
