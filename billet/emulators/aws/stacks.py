"""CloudFormation's change sets: the SAM transform, changes in order, events and roll-back.

They replace moto's own functions, which do the protocol and keep stacks, change sets and events.
"""

import inspect
import json
import logging
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from typing import Any

from moto.cloudformation.exceptions import AlreadyExistsException
from moto.cloudformation.models import (
    Change,
    ChangeSet,
    CloudFormationBackend,
    Event,
    Stack,
)
from moto.cloudformation.parsing import ResourceMap, clean_json, generate_resource_name
from samtranslator.public.translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform

from billet.emulators.aws import resources
from billet.emulators.aws.resources import Resource

SAM = "AWS::Serverless-2016-10-31"
Template = dict[str, Any]
_parse_yaml = Stack.parse_template
_moto_create_change_set = CloudFormationBackend.create_change_set


def install() -> None:
    """Replace moto's functions in this process."""
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    replacements: dict[Any, dict[str, Any]] = {
        Stack: {
            "parse_template": staticmethod(_parse_template),
            "has_parameters": _has_parameters,
        },
        ChangeSet: {"_parse_template": _parse_change_set, "diff": _changes},
        CloudFormationBackend: {
            "create_change_set": _create_change_set,
            "execute_change_set": _execute,
            "delete_stack": _delete,
        },
    }
    for model, functions in replacements.items():
        for name, function in functions.items():
            setattr(model, name, function)


def _parse_template(text: str) -> Template:
    """Parse a template and expand SAM's types."""
    try:
        template: Template = json.loads(text)
    except ValueError:
        template = _parse_yaml(text)
    if template.get("Transform") != SAM:
        return template
    expanded: Template = transform(template, {}, ManagedPolicyLoader(None))
    return expanded


def _parse_change_set(change_set: Any) -> None:
    change_set.template_dict = _parse_template(change_set.template)


def _changes(change_set: Any) -> list[Any]:
    """Return the changes, also those of a parameter only."""
    known = change_set.stack.resource_map
    old, new = known._template.get("Resources", {}), change_set.template_dict["Resources"]
    template = change_set.template_dict
    before = _values(template, known.input_parameters)
    now = _values(template, change_set.parameters)
    changed = {name for name in now if now[name] != before[name]}
    modified = [
        name
        for name in new
        if name in old and (new[name] != old[name] or _references(new[name]) & changed)
    ]
    made = _made(change_set)
    names = {
        "Add": [name for name in new if name in made and name not in old],
        "Modify": modified,
        "Remove": [name for name in old if name not in new],
    }
    kinds = {**old, **new}
    return [Change(action, name, kinds[name]["Type"]) for action in names for name in names[action]]


def _made(change_set: Any) -> set[str]:
    """Return the names of the resources whose condition is true."""
    stack, template = change_set.stack, change_set.template_dict
    known = ResourceMap(
        stack.stack_id,
        stack.name,
        change_set.parameters,
        {},
        stack.region_name,
        stack.account_id,
        template,
        None,
    )
    known.load_mapping()
    known.load_parameters()
    known.load_conditions()
    return {name for name in template["Resources"] if _is_wanted(known, name)}


def _has_parameters(stack: Any, parameters: Mapping[str, Any]) -> bool:
    now = _values(stack.template_dict, stack.parameters)
    return now == _values(stack.template_dict, parameters)


def _values(template: Template, given: Mapping[str, Any]) -> dict[str, str]:
    """Return the values of all parameters as texts."""
    slots = template.get("Parameters", {})
    return {name: str(given.get(name, slots[name].get("Default", ""))) for name in slots}


def _execute(backend: Any, change_set_name: str, stack_name: str | None = None) -> None:
    """Apply a change set; restore what was before if a resource fails."""
    change_set = backend.describe_change_set(change_set_name)
    stack = backend.stacks[change_set.stack_id]
    kind = change_set.change_set_type
    before = (stack.resource_map._template, stack.resource_map.input_parameters)
    _stack_event(stack, f"{kind}_IN_PROGRESS", "User Initiated")
    change_set.execution_status = "EXECUTE_COMPLETE"
    try:
        _apply(stack, change_set.template_dict, change_set.parameters)
    except _Failed as failed:
        reason = f"The following resource(s) failed: [{failed.name}]. Rollback requested by user."
        prefix = "" if kind == "CREATE" else "UPDATE_"
        _stack_event(stack, f"{prefix}ROLLBACK_IN_PROGRESS", reason)
        if kind == "CREATE":
            _remove(stack, list(stack.resource_map._resource_json_map))
        else:
            _apply(stack, *before)
        _stack_event(stack, f"{prefix}ROLLBACK_COMPLETE")
        return
    stack.template, stack.parameters = change_set.template, change_set.parameters
    stack.tags = change_set.tags or stack.tags
    stack.output_map = stack._create_output_map()
    _stack_event(stack, f"{kind}_COMPLETE")


def _create_change_set(backend: Any, *arguments: Any, **named: Any) -> Any:
    """Create a change set; refuse to create a stack that exists."""
    given = inspect.signature(_moto_create_change_set).bind(backend, *arguments, **named).arguments
    name = given["stack_name"]
    if given["change_set_type"] == "CREATE":
        for one in [one for one in backend.stacks.values() if one.name == name]:
            if one.status != "REVIEW_IN_PROGRESS":
                raise AlreadyExistsException(f"Stack [{name}] already exists")
            del backend.stacks[one.stack_id]
    return _moto_create_change_set(backend, *arguments, **named)


class _Failed(Exception):
    """A resource can't be made or changed."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def _apply(stack: Any, template: Template, parameters: Mapping[str, Any]) -> None:
    """Make the stack's resources those of the template, in the order of their references."""
    before = dict(stack.resource_map._resource_json_map)
    known = stack.resource_map
    known._template, known._resource_json_map = template, template["Resources"]
    known.input_parameters, known.resolved_parameters = parameters, {}
    stack.template_dict = template
    known.load_mapping()
    known.load_parameters()
    known.load_conditions()
    wanted = [name for name in _ordered(template["Resources"]) if _is_wanted(known, name)]
    for name in wanted:
        _put(stack, name, known._resource_json_map[name])
    gone = [name for name in before if name not in wanted]
    retained = {name for name in gone if before[name].get("DeletionPolicy") == "Retain"}
    for name in retained:
        known._parsed_resources.pop(name, None)
    known._resource_json_map = {name: template["Resources"][name] for name in wanted}
    _remove(stack, [name for name in gone if name not in retained])


def _is_wanted(known: Any, name: str) -> bool:
    condition = known._resource_json_map[name].get("Condition")
    return condition is None or bool(known.lazy_condition_map[condition])


def _put(stack: Any, name: str, described: Mapping[str, Any]) -> None:
    kind = described["Type"]
    properties = _without_none(clean_json(described.get("Properties", {}), stack.resource_map))
    existing: Resource | None = stack.resource_map._parsed_resources.get(name)
    if existing and existing.properties == properties:
        return
    verb = "UPDATE" if existing else "CREATE"
    _event(stack, name, kind, f"{verb}_IN_PROGRESS", existing)
    try:
        physical_name = generate_resource_name(kind, stack.name, name)
        resource = resources.put(kind, physical_name, properties, existing)
    except Exception as error:
        _event(stack, name, kind, f"{verb}_FAILED", existing, str(error))
        raise _Failed(name) from error
    resource.logical_resource_id = name
    stack.resource_map._parsed_resources[name] = resource
    _event(stack, name, kind, f"{verb}_COMPLETE", resource)


def _remove(stack: Any, names: list[str]) -> None:
    """Delete resources, those that refer to others first."""
    for name in reversed([one for one in stack.resource_map._parsed_resources if one in names]):
        resource = stack.resource_map._parsed_resources.pop(name)
        _event(stack, name, resource.type, "DELETE_IN_PROGRESS", resource)
        resources.delete(resource)
        _event(stack, name, resource.type, "DELETE_COMPLETE", resource)


def _delete(backend: Any, name_or_id: str) -> None:
    stack = next(
        (one for one in backend.stacks.values() if name_or_id in (one.name, one.stack_id)), None
    )
    if stack is None:
        return
    _stack_event(stack, "DELETE_IN_PROGRESS", "User Initiated")
    described = stack.resource_map._resource_json_map
    _remove(
        stack,
        [name for name, one in described.items() if one.get("DeletionPolicy") != "Retain"],
    )
    del backend.stacks[stack.stack_id]
    backend.deleted_stacks[stack.stack_id] = stack
    _stack_event(stack, "DELETE_COMPLETE")


def _ordered(described: Mapping[str, Any]) -> Iterator[str]:
    """Return the names of resources, each after those that it refers to."""
    graph = {name: _references(one) & described.keys() for name, one in described.items()}
    return iter(tuple(TopologicalSorter(graph).static_order()))


def _references(value: Any) -> set[str]:
    """Return the names in Ref, Fn::GetAtt, Fn::Sub and DependsOn."""
    if isinstance(value, list):
        return set().union(*(_references(one) for one in value))
    if not isinstance(value, dict):
        return set()
    found: set[str] = set()
    for key, one in value.items():
        if key == "Ref":
            found.add(one)
        elif key == "Fn::GetAtt":
            found.add(one.partition(".")[0] if isinstance(one, str) else one[0])
        elif key == "Fn::Sub":
            text = one if isinstance(one, str) else one[0]
            names = [part.partition("}")[0] for part in text.split("${")[1:]]
            found |= {name.partition(".")[0] for name in names} | _references(one)
        elif key == "DependsOn":
            found |= {one} if isinstance(one, str) else set(one)
        else:
            found |= _references(one)
    return found


def _without_none(value: Any) -> Any:
    """Leave out AWS::NoValue."""
    if isinstance(value, dict):
        return {key: _without_none(one) for key, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_without_none(one) for one in value if one is not None]
    return value


def _stack_event(stack: Any, status: str, reason: str | None = None) -> None:
    stack.status = status
    stack._add_stack_event(status, resource_status_reason=reason)


def _event(
    stack: Any,
    name: str,
    kind: str,
    status: str,
    resource: Resource | None,
    reason: str | None = None,
) -> None:
    event = Event(
        stack_id=stack.stack_id,
        stack_name=stack.name,
        logical_resource_id=name,
        physical_resource_id=resource.physical_resource_id if resource else "",
        resource_type=kind,
        resource_status=status,
        resource_status_reason=reason,
        resource_properties=None,
    )
    stack.events.append(event)
