"""The feed of a user's tasks, for calendar programs."""

from functools import partial

import msgspec

from chalicelib.http import feed_access
from chalicelib.http.authentication import Principal
from chalicelib.http.conditional import content_etag_header
from chalicelib.http.endpoints import LIST_THROTTLE, Router
from chalicelib.http.idempotency import WriteRequest
from chalicelib.http.responses import ApiResponse
from chalicelib.http.schemas import ChangeBody, FeedBody, FeedQuery
from chalicelib.http.urls import Urls
from chalicelib.services import feeds

router = Router()


@router.endpoint("POST", "/v1/users/{user_id}/feed", role="editor", status=201)
def create_feed(urls: Urls, user_id: int, write: WriteRequest) -> ApiResponse[FeedBody]:
    """Create the feed of a user.

    Returns a URL to which calendar programs can subscribe. It contains a secret, which permits to
    read the open tasks of this user that have a due date, and nothing else. It replaces an earlier
    URL, which no longer works. The API does not store the secret, so a request that is repeated
    creates another URL, also with the same `Idempotency-Key`.
    """

    def created(secret: str) -> ApiResponse[FeedBody]:
        url = f"{urls.absolute(f'/v1/users/{user_id}/tasks.ics')}?token={secret}"
        return ApiResponse(FeedBody(detail=f"feed of user {user_id} created", url=url))

    return write.run(partial(feeds.create, user_id), created, secret=True)


@router.endpoint("DELETE", "/v1/users/{user_id}/feed", role="editor", versioned=False)
def revoke_feed(user_id: int, write: WriteRequest) -> ApiResponse[ChangeBody]:
    """Revoke the feed of a user.

    The URL of the feed no longer works. Succeeds if the user has no feed.
    """
    revoked = ApiResponse(ChangeBody(detail=f"feed of user {user_id} revoked"))
    return write.run(partial(feeds.revoke, user_id), lambda _: revoked)


@router.endpoint(
    "GET",
    "/v1/users/{user_id}/tasks.ics",
    role=None,
    identify=feed_access.identify,
    throttle=LIST_THROTTLE,
)
def get_feed(
    urls: Urls, user_id: int, query: FeedQuery, principal: Principal
) -> ApiResponse[msgspec.Raw]:
    """Get the feed of a user.

    Returns the user's open tasks that have a due date, in iCalendar (RFC 5545): up to 1000, the
    most urgent first. The URL is that of `POST /v1/users/{user_id}/feed`. Without its token, or
    with a wrong one, the response is a 404. If AUTH is off, the feed needs no token.
    """
    from chalicelib.http import calendar_feed

    user = feed_access.user_of(principal, user_id)
    content = calendar_feed.encode(
        f"Tasks of {user.username}",
        feeds.open_tasks(user_id),
        query.component,
        urls.absolute("/"),
    )
    headers = {"Content-Type": calendar_feed.CONTENT_TYPE, **content_etag_header(content)}
    return ApiResponse(msgspec.Raw(content), headers)
