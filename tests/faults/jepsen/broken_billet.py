"""`billet` without the version condition: an update ignores concurrent changes."""

from typing import Any

from billet.cli import main
from chalicelib.dynamodb.models import TaskModel
from chalicelib.dynamodb.transaction import Transaction

_update = Transaction.update


def unconditional_update(self: Transaction, key: Any, actions: Any, condition: Any = None) -> int:
    return _update(self, key, actions, None if isinstance(key, TaskModel) else condition)


Transaction.update = unconditional_update  # type: ignore[method-assign]
if __name__ == "__main__":  # the workers import this module for the patch above
    main()
