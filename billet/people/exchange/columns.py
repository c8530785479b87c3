"""Which column of a CSV file is which field."""

from collections.abc import Mapping, Sequence

from billet.people.exchange.checking import shorten
from billet.people.exchange.source import FIELDS, Field
from billet.people.exchange.words import plain

_SHOWN = 20
_NAMES: Mapping[Field, str] = {
    "name": (
        "name, title, task, summary, subject, task name, task title, card name, item, content, "
        "issue, to do, todo, aufgabe, titel, betreff, bezeichnung, tâche, titre, nom, intitulé, "
        "tarea, título, nombre, asunto, attività, titolo, nome, compito, tarefa, taak, titel, "
        "naam, onderwerp, zadanie, tytuł, nazwa, задача, название, タスク, 件名, 名前, 任务, 标题"
    ),
    "desc": (
        "desc, description, notes, note, details, body, text, comment, comments, "
        "card description, beschreibung, notizen, notiz, bemerkung, descripción, notas, "
        "descrizione, descrição, omschrijving, beschrijving, notities, opis, uwagi, описание, "
        "説明, 备注, 描述"
    ),
    "due": (
        "expires at, due, due date, deadline, due on, date due, end date, due at, fällig, "
        "fällig am, fälligkeit, fälligkeitsdatum, frist, termin, échéance, date d'échéance, "
        "date limite, vencimiento, fecha de vencimiento, fecha límite, scadenza, "
        "data di scadenza, vencimento, data de vencimento, prazo, vervaldatum, termín, "
        "termin wykonania, срок, 期限, 截止日期"
    ),
    "status": (
        "status, state, stage, progress, completed, complete, done, is completed, completed at, "
        "completion date, zustand, erledigt, statut, état, terminé, estado, completada, stato, "
        "situação, estat, stan, статус, 状態, ステータス, 状态"
    ),
    "assignees": (
        "assignees, assignee, owner, assigned to, responsible, members, member, person, people, "
        "user, username, assignee email, zugewiesen an, zuständig, verantwortlich, bearbeiter, "
        "responsable, assigné à, attribué à, asignado a, assegnato a, assegnatario, responsabile, "
        "responsável, atribuído a, toegewezen aan, eigenaar, odpowiedzialny, исполнитель, 担当者, "
        "负责人"
    ),
}
_RANKS: Mapping[Field, Mapping[str, int]] = {
    field: {plain(name): rank for rank, name in enumerate(names.split(", "))}
    for field, names in _NAMES.items()
}


def field_named(text: str) -> Field | None:
    """Return the field that a name stands for, or None."""
    return next((field for field in FIELDS if plain(text) in _RANKS[field]), None)


def recognise(header: Sequence[str]) -> dict[Field, int]:
    """Return the index of the column of each field, the one with the most usual name of several."""
    found: dict[Field, int] = {}
    for field, ranks in _RANKS.items():
        known = [
            (ranks[word], index)
            for index, word in enumerate(map(plain, header))
            if word in ranks and index not in found.values()
        ]
        if known:
            found[field] = min(known)[1]
    return found


def listed(header: Sequence[str]) -> str:
    """Return the names of the first columns for a message."""
    more = ", …" if len(header) > _SHOWN else ""
    return ", ".join(map(shorten, header[:_SHOWN])) + more
