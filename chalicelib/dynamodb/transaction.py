"""The one place where what changes together is put together and sent.

A change of one item is one conditional write; of several, one transaction. What must be true in the
same instant as a change, like the reply to a request with an idempotency key, joins it here.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from pynamodb.constants import ALL_NEW, ALL_OLD, TRANSACT_WRITE_ITEMS
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model

from chalicelib.domain.errors import UnderWay
from chalicelib.dynamodb import client, lanes, shared_state, sort_keys
from chalicelib.dynamodb.codec import (
    Claim,
    Reply,
    Task,
    TaskItem,
    Token,
    UpdateReply,
    User,
    decoder,
)
from chalicelib.dynamodb.item_values import content_values, copy_values, task_values, user_values
from chalicelib.dynamodb.models import (
    AssignmentModel,
    CounterModel,
    IdempotencyModel,
    TaskModel,
    TokenModel,
    UserModel,
    UsernameModel,
)

MAX_OPERATIONS = 100
"""What DynamoDB takes in one transaction."""

_UPDATED_TASK = decoder(UpdateReply[TaskItem])
_PRESENT: Condition = UserModel.id.exists() & UserModel.going.does_not_exist()
_NOBODYS: Condition = TaskModel.id.exists() & TaskModel.assignees.does_not_exist()


class Transaction:
    """Operations that take effect together or not at all."""

    def __init__(self) -> None:
        self._operations: list[tuple[str, dict[str, Any]]] = []
        self._reply: int | None = None

    def __len__(self) -> int:
        return len(self._operations)

    def put(self, item: Model, condition: Condition) -> int:
        """Adds the writing of a whole item; gives its position, as ConditionFailed names it."""
        arguments = item.get_save_kwargs_from_instance(
            condition=condition, return_values_on_condition_failure=ALL_OLD
        )
        return self._add("Put", arguments)

    def update(
        self, key: Model, actions: Sequence[Action], condition: Condition | None = None
    ) -> int:
        """Adds the writing of some attributes, of a new item where there is none."""
        arguments = key.get_update_kwargs_from_instance(
            actions=list(actions), condition=condition, return_values_on_condition_failure=ALL_OLD
        )
        return self._add("Update", arguments)

    def delete(self, key: Model, condition: Condition | None = None) -> int:
        """Adds the removal of an item."""
        arguments = key.get_delete_kwargs_from_instance(
            condition=condition, return_values_on_condition_failure=ALL_OLD
        )
        return self._add("Delete", arguments)

    def check(self, key: Model, condition: Condition) -> int:
        """Adds a condition on an item that does not change. Goes with other operations only."""
        arguments = key.get_delete_kwargs_from_instance(
            condition=condition, return_values_on_condition_failure=ALL_OLD
        )
        return self._add("ConditionCheck", arguments)

    def commit(self, *, repeatable: bool = False) -> bytes:
        """Sends it all, and gives the reply's JSON: of a single update, with all that is new.

        Args:
            repeatable: whether a single operation may be done twice; a transaction always may.

        Raises:
            ConditionFailed: nothing was written, for the conditions at these positions.
            UnderWay: nothing was written; another request has taken the idempotency key over.
            LostRace: nothing was written; others were in the way at every attempt.
            Unavailable: the database refused for load, or did not answer.
        """
        try:
            return self._commit_one(repeatable) if len(self) == 1 else self._commit_all()
        except client.ConditionFailed as failed:
            if self._reply in failed.found:
                raise UnderWay from None
            raise

    def _commit_all(self) -> bytes:
        return client.dispatch(
            TRANSACT_WRITE_ITEMS,
            {
                "TransactItems": [{verb: arguments} for verb, arguments in self._operations],
                # With the same token DynamoDB carries a transaction out once, however often sent.
                "ClientRequestToken": str(uuid.uuid4()),
            },
            repeatable=True,
        )

    def _commit_one(self, repeatable: bool) -> bytes:
        [(verb, arguments)] = self._operations
        if verb == "Update":
            arguments = {**arguments, "ReturnValues": ALL_NEW}
        return client.dispatch(f"{verb}Item", arguments, repeatable=repeatable)

    def _add(self, verb: str, arguments: dict[str, Any]) -> int:
        self._operations.append((verb, arguments))
        return len(self._operations) - 1

    def new_user(self, user: User) -> int:
        """Adds a user and the claim to the name; gives the claim's position."""
        self.put(UserModel(**user_values(user)), UserModel.id.does_not_exist())
        claim = UsernameModel(sort_keys.claim(user.username), user_id=user.id)
        return self.put(claim, UsernameModel.name.does_not_exist())

    def user_present(self, user_id: int) -> int:
        """Adds that the user is there."""
        return self.check(UserModel(user_id), _PRESENT)

    def user_assigned(self, user_id: int, times: int = 1) -> int:
        """Adds that the user is there and is given a task, or several."""
        return self.update(UserModel(user_id), [UserModel.assigns.add(times)], _PRESENT)

    def user_going(self, user: User) -> int:
        """Adds that the user is gone for all readers and can't be given tasks."""
        self.update(CounterModel(shared_state.NAME), [CounterModel.going.add({user.id})])
        hidden = [UserModel.going.set(True), UserModel.lane.remove(), UserModel.recency.remove()]
        return self.update(UserModel(user.id), hidden, UserModel.id.exists())

    def claim_gone(self, user: User) -> int:
        """Adds the removal of the claim to the user's name, unless it is another's."""
        mine = UsernameModel.user_id == user.id
        return self.delete(
            UsernameModel(sort_keys.claim(user.username)),
            UsernameModel.name.does_not_exist() | mine,
        )

    def claim_of_another(self, user: User) -> int:
        """Adds that another user has the claim to the user's name."""
        another = UsernameModel.user_id != user.id
        return self.check(UsernameModel(sort_keys.claim(user.username)), another)

    def user_gone(self, user: User) -> int:
        """Adds the removal of a user, unless given a task since."""
        if user.going:
            self.update(CounterModel(shared_state.NAME), [CounterModel.going.delete({user.id})])
        never = UserModel.assigns.does_not_exist()
        same = UserModel.assigns == user.assigns if user.assigns else never
        return self.delete(UserModel(user.id), UserModel.id.exists() & same)

    def new_task(self, task: Task) -> int:
        """Adds a task, with a copy for each of its assignees; gives the task's position."""
        for user_id in task.assignees:
            copy = AssignmentModel(user_id, task.recency, **copy_values(task))
            self.put(copy, AssignmentModel.user_id.does_not_exist())
        return self.put(TaskModel(**task_values(task)), TaskModel.id.does_not_exist())

    def task(self, before: Task, after: Task | None) -> int:
        """Adds the way of a task from one state to the next (None: its removal), in it and in each
        copy, unless it changed meanwhile; gives the task's position."""
        unchanged = TaskModel.version == before.version
        for user_id in before.assignees:
            if after is None or user_id not in after.assignees:
                self.delete(AssignmentModel(user_id, before.recency))
        if after is None:
            return self.delete(TaskModel(before.id), unchanged)
        copy = setting(AssignmentModel, copy_values(after))
        for user_id in after.assignees:
            self.update(AssignmentModel(user_id, after.recency), copy)
        values = content_values(after)
        del values["id"]
        if after.status != before.status:
            values["status_lane"], same_lane = _status_lane(after, before.lane)
            unchanged &= same_lane
        return self.update(TaskModel(before.id), setting(TaskModel, values), unchanged)

    def unassigned_task(
        self, task_id: int, edit: Mapping[str, str | None], match: Collection[int] | None
    ) -> int:
        """Adds new name, desc, status or expires_at, on condition that nobody has the task and,
        where `match` is given, that it has one of these versions. A new status also rests on the
        guess of its lane, which the key of an index holds beside the status."""
        condition = _nobodys(match)
        values: dict[str, Any] = dict(edit)
        if "expires_at" in edit:
            values["urgency"] = sort_keys.urgency(edit["expires_at"], task_id)
        if (status := edit.get("status")) is not None:
            lane = lanes.home("tasks", task_id)
            values["status_lane"] = sort_keys.status_lane(status, lane)
            condition &= TaskModel.lane == lane
        actions = [*setting(TaskModel, values), TaskModel.version.add(1)]
        return self.update(TaskModel(task_id), actions, condition)

    def unassigned_task_gone(self, task_id: int, match: Collection[int] | None) -> int:
        """Adds the removal of a task, on the same conditions."""
        return self.delete(TaskModel(task_id), _nobodys(match))

    def reply(self, claim: Claim, reply: Reply) -> None:
        """Adds what the request is answered, on condition that its claim still holds."""
        text = msgspec.json.encode(reply).decode()
        key, held = IdempotencyModel(claim.key), IdempotencyModel.owner == claim.owner
        self._reply = self.update(key, [IdempotencyModel.reply.set(text)], held)

    def new_token(self, token: Token) -> int:
        """Adds a token."""
        item = TokenModel(**msgspec.structs.asdict(token))
        return self.put(item, TokenModel.digest.does_not_exist())

    def token_gone(self, digest: str) -> int:
        """Adds the removal of a token."""
        return self.delete(TokenModel(digest))


def updated_task(reply: bytes) -> Task:
    """The task in the reply to a single update."""
    item: TaskItem = _UPDATED_TASK.decode(reply).Attributes
    return item.record()


def _nobodys(match: Collection[int] | None) -> Condition:
    condition = _NOBODYS
    if match is not None:  # no task has version 0, and IN takes no empty list
        condition &= TaskModel.version.is_in(*match or {0})
    return condition


def _status_lane(task: Task, lane: int | None) -> tuple[str, Condition]:
    """The key of a task in the indexes of its status, and the condition that its lane is that."""
    if lane is None:
        lane = lanes.home("tasks", task.id)
    return sort_keys.status_lane(task.status, lane), TaskModel.lane == lane


def setting(model: type[Model], values: Mapping[str, Any]) -> Sequence[Action]:
    """Sets what has a value and removes what has none; other attributes stay as they are."""
    attributes = ((getattr(model, name), value) for name, value in values.items())
    return [path.remove() if value is None else path.set(value) for path, value in attributes]
