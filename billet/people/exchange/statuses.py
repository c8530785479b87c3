"""The words for a status in several languages."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from billet.people.exchange import due_dates
from billet.people.exchange.words import plain
from billet.people.statuses import ALL

if TYPE_CHECKING:
    from billet_client import Status

STATUSES = ALL
_WORDS: Mapping["Status", str] = {
    "PENDING": (
        "pending, open, todo, to do, not started, new, backlog, needs action, planned, "
        "incomplete, no, false, 0, offen, neu, zu erledigen, nicht begonnen, nein, falsch, "
        "à faire, ouvert, non commencé, non, faux, pendiente, por hacer, abierto, sin empezar, "
        "da fare, aperto, a fazer, pendente, aberto, te doen, nog niet gestart, do zrobienia, "
        "к выполнению, 未着手, 待办"
    ),
    "IN_PROGRESS": (
        "in progress, doing, started, in process, active, working on it, in review, in arbeit, "
        "in bearbeitung, begonnen, läuft, en cours, en curso, en progreso, in corso, "
        "em andamento, em progresso, mee bezig, in uitvoering, w toku, в работе, 進行中, 进行中"
    ),
    "DONE": (
        "done, completed, complete, closed, finished, resolved, yes, true, x, 1, ✓, ✔, erledigt, "
        "fertig, abgeschlossen, ja, wahr, terminé, fait, fini, oui, vrai, hecho, terminado, "
        "completado, sí, fatto, completato, feito, concluído, klaar, gereed, voltooid, zrobione, "
        "готово, 完了, 已完成"
    ),
    "CANCELLED": (
        "cancelled, canceled, won't do, wont do, abandoned, rejected, abgebrochen, abgesagt, "
        "annulé, cancelado, annullato, geannuleerd, anulowane, отменено, 中止, 已取消"
    ),
}
_BY_WORD: Mapping[str, "Status"] = {
    plain(word): status for status, words in _WORDS.items() for word in words.split(", ")
} | {plain(status): status for status in STATUSES}


def parse(text: str, more: Mapping[str, "Status"]) -> "Status | None":
    """Return the status that a text means, PENDING for none, or None if it is unknown.

    A date means DONE: some programs have only the day when a task was completed.

    Args:
        more: further words, each as `plain` makes it.
    """
    word = plain(text)
    if not word:
        return "PENDING"
    found = more.get(word) or _BY_WORD.get(word)
    if found is None and _is_date(text):
        return "DONE"
    return found


def _is_date(text: str) -> bool:
    try:
        due_dates.parse(text, "dmy")
    except ValueError:
        return False
    return True
