"""A client of the Billet Tasks API.

with Client("http://localhost:3000") as billet:
    task = billet.tasks.create("Write the report", expires_at="2030-12-24")
    billet.tasks.update(task.id, status="DONE", if_match=task.etag)
"""

from billet_client.batch import Assign, Create, Delete, Operation, Patch
from billet_client.client import AsyncClient, Client
from billet_client.errors import (
    ApiError,
    BadRequest,
    BilletError,
    Conflict,
    Forbidden,
    InvalidResponse,
    KeyReused,
    NotFound,
    NotModified,
    PreconditionFailed,
    PreconditionRequired,
    RequestInProgress,
    ServerError,
    TooManyRequests,
    TransportError,
    Unauthorized,
)
from billet_client.models import BatchResult, Health, Problem, Status, Task, User
from billet_client.resource import Change

__all__ = [
    "ApiError",
    "Assign",
    "AsyncClient",
    "BadRequest",
    "BatchResult",
    "BilletError",
    "Change",
    "Client",
    "Conflict",
    "Create",
    "Delete",
    "Forbidden",
    "Health",
    "InvalidResponse",
    "KeyReused",
    "NotFound",
    "NotModified",
    "Operation",
    "Patch",
    "PreconditionFailed",
    "PreconditionRequired",
    "Problem",
    "RequestInProgress",
    "ServerError",
    "Status",
    "Task",
    "TooManyRequests",
    "TransportError",
    "Unauthorized",
    "User",
]
