"""Every endpoint that changes something goes through Write: conditions and idempotency keys."""

from chalicelib.http.idempotency import Write
from chalicelib.http.routes import ENDPOINTS


def test_whatever_is_no_get_takes_keys_and_conditions() -> None:
    changing = [one for one in ENDPOINTS if one.method != "GET"]
    assert len(changing) >= 8
    assert [one.view.__name__ for one in changing if Write not in one.parameters.values()] == []
