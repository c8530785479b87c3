// The page: header, filters, messages, the keys, and the first rendering.

import { render } from "./preact.js";
import { useEffect, useState } from "./hooks.js";
import * as api from "./api.js";
import { assignSelected, Board, html, Icon, isNarrow, keepSelectedInView, List, moveSelected, nothingMatches, remove, removeSelected, shift, showMoveMenu, step, withNames } from "./board.js";
import { ConflictDialog, findPeople, HelpDialog, MoveMenu, People, RemoveDialog, TaskDialog, TokenDialog, WhoDialog } from "./dialogs.js";
import * as outbox from "./outbox.js";
import * as store from "./store.js";
import * as tasks from "./tasks.js";

const { state } = store;
const DIALOGS = {
  task: TaskDialog,
  conflict: ConflictDialog,
  move: MoveMenu,
  remove: RemoveDialog,
  token: TokenDialog,
  who: WhoDialog,
  help: HelpDialog,
};

function App() {
  keepSelectedInView();
  const [menus, dialogs] = [true, false].map((isMenu) =>
    state.dialogs
      .filter(({ kind }) => (kind === "move") === isMenu)
      .map((dialog) => html`<${DIALOGS[dialog.kind]} key=${dialog.key ?? `${dialog.kind}-${dialog.id}-${dialog.rejected}`} dialog=${dialog} />`),
  );
  return html`
    <${Header} />
    ${state.filtering && html`<${Filters} />`}
    <${Banner} />
    <${NoMatch} />
    ${state.view === "list" ? html`<${List}>${menus}<//>` : html`<${Board}>${menus}<//>`}
    ${state.selected.size > 0 && html`<${Selection} />`}
    <${Toast} toast=${state.toast} />
    ${dialogs}
  `;
}

// ---- Header ---------------------------------------------------------------------------------

function newTask() {
  store.openDialog({ kind: "task", id: null, status: isNarrow() ? state.column : undefined });
}

function toggleMine() {
  if (!state.me) store.openDialog({ kind: "who" });
  else store.setFilters({ assignee: state.filters.assignee === "me" ? "" : "me" });
}

function Header() {
  const mine = state.filters.assignee === "me";
  const filters = tasks.countFilters(state.filters);
  const undo = outbox.undoLabel();
  return html`<header class="top">
    <h1 class="brand"><span class="logo" aria-hidden="true"></span><span>Billet Tasks</span></h1>
    <label class="search">
      <${Icon} name="search" />
      <span class="sr">Search the loaded tasks</span>
      <input id="search" type="search" dir="auto" placeholder="Search" title="Search the loaded tasks (/)" value=${state.filters.text} onInput=${(event) => store.setFilters({ text: event.target.value })} onKeyDown=${leaveSearch} />
    </label>
    <button type="button" class="icon-button undo" aria-disabled=${undo ? "false" : "true"} aria-label=${`Undo: ${undo || "there is nothing to undo"}`} title=${undo ? `Undo: ${undo} (z)` : "There is nothing to undo"} onClick=${outbox.undo}><${Icon} name="undo" /></button>
    <div class="tools">
      <button type="button" class="button toggle" aria-pressed=${mine ? "true" : "false"} title=${state.me ? `Tasks of ${state.me.username} (i)` : "Choose who you are (i)"} onClick=${toggleMine}><${Icon} name="person" /><span>My tasks</span></button>
      ${state.me && html`<button type="button" class="icon-button" aria-label=${`You are ${state.me.username}; change`} title=${`You are ${state.me.username}`} onClick=${() => store.openDialog({ kind: "who" })}><span class=${`avatar hue-${state.me.id % 8}`} aria-hidden="true">${[...state.me.username][0].toUpperCase()}</span></button>`}
      <button type="button" class="button toggle" aria-expanded=${state.filtering ? "true" : "false"} title="Filters (f)" onClick=${() => store.set({ filtering: !state.filtering })}><${Icon} name="filter" /><span class="word">Filters</span>${filters > 0 && html`<span class="badge">${filters}<span class="sr"> active</span></span>`}</button>
      <div class="switch" role="group" aria-label="View">
        ${["board", "list"].map((view) => html`<button key=${view} type="button" aria-pressed=${state.view === view ? "true" : "false"} title=${`Show the ${view} (v)`} onClick=${() => store.choose({ view })}><${Icon} name=${view} /><span>${view === "board" ? "Board" : "List"}</span></button>`)}
      </div>
      <button type="button" class="icon-button wide-only" aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)" onClick=${() => store.openDialog({ kind: "help" })}><b aria-hidden="true">?</b></button>
      ${api.token() && html`<button type="button" class="button sign-out" title="Sign out" onClick=${signOut}><${Icon} name="out" /><span>Sign out</span></button>`}
    </div>
    <button type="button" class="button primary new-task" title="New task (n)" aria-label="New task" onClick=${newTask}><${Icon} name="plus" /><span>New task</span></button>
  </header>`;
}

function leaveSearch(event) {
  if (event.key === "Escape") {
    store.setFilters({ text: "" });
    event.target.blur();
  } else if (event.key === "Enter" || event.key === "ArrowDown") {
    event.preventDefault();
    state.current = null;
    step(0, 0);
  }
}

function signOut() {
  const count = (number, name) => number && `${number} ${name}${number === 1 ? "" : "s"}`;
  const lost = [count(state.queue.length, "unsaved change"), count(outbox.countDrafts(), "draft")].filter(Boolean);
  if (!lost.length || confirm(`Sign out and lose ${lost.join(" and ")}?`)) outbox.signOut();
}

// ---- Filters --------------------------------------------------------------------------------

function Filters() {
  const { filters, sort } = state;
  const fixed = tasks.effectiveSort(filters, null);
  const person = tasks.assigneeId({ ...filters, assignee: filters.assignee === "me" ? "" : filters.assignee });
  const who = ["", "me", "none"].includes(filters.assignee) ? filters.assignee : "other";
  const [choosing, setChoosing] = useState(false);
  const [text, setText] = useState("");
  const [cleared, setCleared] = useState(0);
  const now = tasks.shownStatuses(filters);
  const isOverdue = filters.due === "overdue";

  function toggleStatus(status) {
    const next = now.includes(status) ? now.filter((one) => one !== status) : [...now, status];
    chooseStatuses(next, filters.due);
  }

  function chooseStatuses(chosen, due) {
    const all = due === "overdue" ? tasks.OPEN : tasks.STATUSES;
    const statuses = all.filter((one) => chosen.includes(one));
    store.setFilters({ due, statuses: statuses.length === all.length ? [] : statuses });
  }

  function chooseDue(due) {
    Object.assign(state.filters, { dueAfter: "", dueBefore: "" });
    chooseStatuses(filters.statuses, due);
  }

  function clearAll() {
    setCleared(cleared + 1);
    store.setFilters({ ...tasks.NO_FILTERS });
  }

  function chooseWho(value) {
    setChoosing(value === "other");
    if (value === "me" && !state.me) store.openDialog({ kind: "who" });
    else if (value !== "other") store.setFilters({ assignee: value });
  }

  const isOpenOnly = now.join() === tasks.OPEN.join();
  return html`<section class="filters" aria-label="Filters">
    <fieldset>
      <legend>Status</legend>
      <div class="chips">
        <button type="button" class="chip" title="Pending and in progress" aria-pressed=${isOpenOnly ? "true" : "false"} disabled=${isOverdue && isOpenOnly} onClick=${() => store.setFilters({ statuses: isOpenOnly ? [] : tasks.OPEN })}>Open</button>
        ${tasks.STATUSES.map((status) => html`<button key=${status} type="button" class="chip" aria-pressed=${now.includes(status) ? "true" : "false"} disabled=${isOverdue && !tasks.isOpen({ status })} title=${isOverdue && !tasks.isOpen({ status }) ? "Only open tasks can be overdue" : undefined} onClick=${() => toggleStatus(status)}><${Icon} name=${status} />${tasks.TITLES[status]}</button>`)}
      </div>
    </fieldset>
    <div class="filter">
      <label for="filter-due">Due</label>
      <select id="filter-due" class="input" onChange=${(event) => chooseDue(event.target.value)}>
        ${[["", "Any time"], ["overdue", "Overdue"], ["today", "Today"], ["week", "This week"], ["range", "Between…"]].map(([value, text]) => html`<option key=${value} value=${value} selected=${filters.due === value}>${text}</option>`)}
      </select>
      ${filters.due === "range" && html`<${Range} key=${cleared} name="due" />`}
    </div>
    <div class="filter">
      <label for="filter-who">Assigned to</label>
      <select id="filter-who" class="input" onChange=${(event) => chooseWho(event.target.value)}>
        ${[["", "Anyone"], ["me", state.me ? `Me (${state.me.username.split("@")[0]})` : "Me…"], ["none", "Nobody"], ["other", "Someone…"]].map(([value, text]) => html`<option key=${value} value=${value} selected=${(choosing ? "other" : who) === value}>${text}</option>`)}
      </select>
      ${(choosing || who === "other") && html`<${People} id="filter-person" label="Person" single autofocus=${choosing} text=${text} onText=${setText} chosen=${person ? [person] : []} onChange=${([id]) => (setChoosing(false), store.setFilters({ assignee: String(id) }))} />`}
    </div>
    <fieldset class="filter">
      <legend>Created</legend>
      <${Range} key=${cleared} name="created" />
    </fieldset>
    <div class="filter">
      <label for="filter-sort">Order</label>
      <select id="filter-sort" class="input" disabled=${fixed !== null} aria-describedby=${fixed ? "filter-sort-why" : undefined} onChange=${(event) => store.choose({ sort: event.target.value })}>
        ${[["expires_at", "Due first"], ["created_at", "Newest first"]].map(([value, text]) => html`<option key=${value} value=${value} selected=${(fixed ?? sort) === value}>${text}</option>`)}
      </select>
      ${fixed && html`<p class="hint" id="filter-sort-why">Set by the ${fixed === "created_at" ? "Created" : filters.assignee === "none" ? "Assigned to" : "Due"} filter</p>`}
    </div>
    <div class="filters-foot">
      <button type="button" class="button" onClick=${clearAll}>Clear all</button>
      <button type="button" class="button primary" onClick=${() => store.set({ filtering: false })}>Show tasks</button>
    </div>
    ${tasks.contradiction(filters) && !hasWrongRange() && html`<p class="field-error" role="alert">${tasks.contradiction(filters)}</p>`}
  </section>`;
}

const wrongRangeOf = (name) => tasks.wrongRange(state.filters[`${name}After`], state.filters[`${name}Before`]);
const hasWrongRange = () => ["due", "created"].some(wrongRangeOf);

function Range({ name }) {
  const [wrong, setWrong] = useState({}); // days that are typed and can't be asked for, by end
  const [typing, setTyping] = useState(false); // 2, 20 and 202 are years, too
  const year = ["After", "Before"].find((end) => wrong[end]);
  const error = (!typing && year && tasks.wrongYear(wrong[year])) || wrongRangeOf(name);

  function choose(end, day) {
    const isWrong = tasks.wrongYear(day);
    setTyping(Boolean(isWrong));
    setWrong({ ...wrong, [end]: isWrong ? day : undefined });
    if (!isWrong) store.setFilters({ [name + end]: day });
  }

  const input = (end, text) => html`<input
    type="date"
    class="input"
    aria-label=${`${name === "due" ? "Due" : "Created"} ${text}`}
    ...${error && end === (year ?? "Before") ? { "aria-invalid": "true", "aria-describedby": `error-${name}` } : {}}
    max="9999-12-31"
    value=${wrong[end] ?? state.filters[name + end]}
    onChange=${(event) => choose(end, event.target.value)}
    onBlur=${() => setTyping(false)}
  />`;
  return html`<span class="range">${input("After", "from")} – ${input("Before", "to")}
    ${error && html`<p class="field-error" id=${`error-${name}`} role="alert">${error}</p>`}
  </span>`;
}

function NoMatch() {
  const wrong = tasks.contradiction(state.filters);
  if (!wrong && !nothingMatches()) return null;
  const what = !wrong ? "No task matches." : state.filtering ? "No tasks are shown, because the filters are wrong." : wrong;
  const text = !wrong && state.filters.text;
  const clear = () => store.setFilters(text ? { text: "" } : { ...tasks.NO_FILTERS });
  return html`<p class="empty" role="status">${what}<button type="button" class="link" onClick=${clear}>${text ? "Clear the search" : "Clear the filters"}</button></p>`;
}

// ---- Several tasks at once ----------------------------------------------------------------------

function Selection() {
  const [people, setPeople] = useState([]);
  const [text, setText] = useState("");
  const [error, setError] = useState("");

  async function assign() {
    const { ids, rest } = await findPeople(text);
    const chosen = [...new Set([...people, ...ids])];
    setPeople(rest ? chosen : []);
    setText(rest);
    setError(rest ? "Choose a person, or clear the field." : "");
    if (!rest && chosen.length) assignSelected(chosen);
  }

  return html`<section class="selection" aria-label="Selected tasks">
    <strong>${state.selected.size} selected</strong>
    <div class="chips" role="group" aria-label="Move the selected tasks">
      ${tasks.STATUSES.map((status) => html`<button key=${status} type="button" class="chip" onClick=${() => moveSelected(status)}><${Icon} name=${status} />${tasks.TITLES[status]}</button>`)}
    </div>
    <div class="assign">
      <${People} id="assign-selected" label="Assign the selected tasks to" placeholder="Assign to…" chosen=${people} text=${text} onText=${(value) => (setText(value), setError(""))} onChange=${setPeople} onEnter=${assign} invalid=${error ? { "aria-invalid": "true", "aria-describedby": "assign-error" } : null} />
      <button type="button" class="button" aria-disabled=${people.length || text.trim() ? "false" : "true"} onClick=${assign}>Assign</button>
      ${error && html`<p class="field-error" id="assign-error" role="alert">${error}</p>`}
    </div>
    <button type="button" class="button danger" onClick=${removeSelected}>Delete</button>
    <button type="button" class="button" onClick=${() => store.set({ selected: new Set() })}>Clear</button>
  </section>`;
}

// ---- Messages -------------------------------------------------------------------------------

const countChanges = (count) => (count === 1 ? "1 change is" : `${count} changes are`);

function Banner() {
  const conflicts = outbox.conflicts();
  const waiting = state.queue.length - conflicts.length;
  return html`<div class="banners" role="status">
    ${!state.online && html`<p class="banner"><${Icon} name="alert" />${state.foreign ? `${state.foreign} If your network asks you to sign in, load the page again.` : "No connection."} ${waiting ? `${countChanges(waiting)} kept and sent when it is back.` : "You can go on: changes are kept and sent when it is back."}<button type="button" class="link" onClick=${() => (outbox.tryAgain(), store.poll())}>Try again</button>${state.foreign && waiting > 0 && html`<button type="button" class="link" onClick=${outbox.discardAll}>Discard</button>`}</p>`}
    ${state.stalled && html`<p class="banner"><${Icon} name="alert" />The server can't save now: ${state.stalled} ${countChanges(waiting)} kept.<button type="button" class="link" onClick=${outbox.tryAgain}>Try again</button><button type="button" class="link" onClick=${outbox.discardAll}>Discard</button></p>`}
    ${state.forbidden && html`<p class="banner"><${Icon} name="alert" />Not saved: ${state.forbidden} ${countChanges(waiting)} kept.<button type="button" class="link" onClick=${outbox.useAnotherToken}>Use another token</button><button type="button" class="link" onClick=${outbox.discardAll}>Discard</button></p>`}
    ${conflicts.length > 0 && html`<p class="banner banner-conflict"><${Icon} name="alert" />${conflicts.length === 1 ? "1 change needs" : `${conflicts.length} changes need`} your decision.<button type="button" class="link" onClick=${() => store.openDialog({ kind: "conflict", key: conflicts[0].key })}>Decide</button></p>`}
  </div>`;
}

function Toast({ toast }) {
  const [held, setHeld] = useState(false);
  useEffect(() => {
    if (!toast || held) return undefined;
    const timer = setTimeout(() => store.dismissToast(toast.id), toast.seconds * 1000);
    return () => clearTimeout(timer);
  }, [toast?.id, held]);

  function act() {
    store.dismissToast(toast.id);
    toast.action();
  }

  const hold = { onMouseEnter: () => setHeld(true), onMouseLeave: () => setHeld(false), onFocusIn: () => setHeld(true), onFocusOut: () => setHeld(false) };
  return html`<div class="toasts" role="status" ...${hold}>
    ${toast && html`<div class=${`toast ${toast.error ? "toast-error" : ""}`} key=${toast.id}>
      <span>${withNames(toast.text)}</span>
      ${toast.action && html`<button type="button" class="link" onClick=${act}>${toast.label}</button>`}
      <button type="button" class="icon-button" aria-label="Dismiss" onClick=${() => store.dismissToast(toast.id)}><${Icon} name="close" /></button>
    </div>`}
  </div>`;
}

// ---- Keys -----------------------------------------------------------------------------------

const typing = (element) => element.closest("input, textarea, select, [contenteditable]");

const current = () => (state.current !== null && store.shown(state.current) ? state.current : null);

const KEYS = {
  n: newTask,
  "/": () => document.getElementById("search").focus(),
  f: () => store.set({ filtering: !state.filtering }),
  i: toggleMine,
  v: () => store.choose({ view: state.view === "board" ? "list" : "board" }),
  z: outbox.undo,
  "?": () => store.openDialog({ kind: "help" }),
  m: () => current() !== null && showMoveMenu(current()),
  x: () => current() !== null && store.select(current()),
  Escape: () => store.set({ selected: new Set() }),
  Delete: () => current() !== null && remove(current()),
  Backspace: () => current() !== null && remove(current()),
  ArrowDown: () => step(1, 0),
  ArrowUp: () => step(-1, 0),
  ArrowLeft: () => step(0, -1),
  ArrowRight: () => step(0, 1),
  Home: () => step(-Infinity, 0),
  End: () => step(Infinity, 0),
};

addEventListener("keydown", (event) => {
  if (state.dialogs.length || typing(event.target)) return;
  const undo = (event.ctrlKey || event.metaKey) && event.key === "z";
  if (!undo && (event.ctrlKey || event.metaKey || event.altKey)) return;
  const onCard = event.target === document.body || event.target.closest(".column, .list");
  const isArrow = /^(Arrow|Home|End|Delete|Backspace)/.test(event.key);
  if (isArrow && !onCard) return;
  if (event.shiftKey && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
    event.preventDefault();
    return shift(event.key === "ArrowLeft" ? -1 : 1);
  }
  const action = KEYS[undo ? "z" : event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

// ---- Start ----------------------------------------------------------------------------------

const root = document.getElementById("app");
root.textContent = "";
store.onChange(() => render(html`<${App} version=${state.version} />`, root));
outbox.start();
store.start();
