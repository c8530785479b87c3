// The board and the list: columns of cards, or a table. Only what is visible is in the DOM.

import { h } from "./preact.js";
import { useEffect, useLayoutEffect, useRef, useState } from "./hooks.js";
import htm from "./htm.js";
import * as outbox from "./outbox.js";
import * as store from "./store.js";
import * as tasks from "./tasks.js";

export const html = htm.bind(h);
const { state } = store;
const CARD_HEIGHT = 76; // estimates, until a card or row is measured
const ROW_HEIGHT = 45;
const OVERSCAN = 400; // pixels that are rendered above and below what is visible
const SHORT = 60; // lists up to this length are rendered whole, so that the browser's search finds all
const NARROW = matchMedia("(max-width: 760px)");

// Whether the board shows one column at a time.
export const isNarrow = () => NARROW.matches && state.view === "board";

// A text whose names, which have quotation marks or `isolated`, are each in their own direction.
export function withNames(text) {
  return text.split(/(“[^”]*”|\u2068[^\u2069]*\u2069)/).map((part, index) => {
    if (index % 2 === 0) return part;
    const name = html`<bdi>${part.slice(1, -1)}</bdi>`;
    return part[0] === "“" ? html`“${name}”` : name;
  });
}

// ---- Small parts ----------------------------------------------------------------------------

const ICONS = {
  PENDING: html`<circle cx="8" cy="8" r="6" fill="none" stroke-dasharray="2.5 2.2" />`,
  IN_PROGRESS: html`<circle cx="8" cy="8" r="6" fill="none" /><path class="solid" d="M8 4.5a3.5 3.5 0 0 1 0 7z" />`,
  DONE: html`<circle class="solid" cx="8" cy="8" r="6.8" /><path class="mark" d="M5 8.2l2.1 2.1L11.2 6" />`,
  CANCELLED: html`<circle class="solid" cx="8" cy="8" r="6.8" /><path class="mark" d="M5.8 5.8l4.4 4.4m0-4.4l-4.4 4.4" />`,
  calendar: html`<rect x="2.5" y="3.5" width="11" height="10" rx="2" fill="none" /><path d="M2.5 6.8h11M5.5 2v3M10.5 2v3" />`,
  alert: html`<path fill="none" d="M8 2.2l6.2 11.3H1.8z" /><path d="M8 6.5v3.2M8 11.2v.8" />`,
  plus: html`<path d="M8 3v10M3 8h10" />`,
  close: html`<path d="M4 4l8 8m0-8l-8 8" />`,
  search: html`<circle cx="7" cy="7" r="4.2" fill="none" /><path d="M10.2 10.2L14 14" />`,
  filter: html`<path d="M2 4h12M4.5 8h7M7 12h2" />`,
  move: html`<path fill="none" d="M3 8h9M8.5 4.5L12 8l-3.5 3.5" />`,
  person: html`<circle cx="8" cy="5.4" r="2.6" fill="none" /><path fill="none" d="M3 13.5c.6-2.8 2.5-4 5-4s4.4 1.2 5 4" />`,
  board: html`<path fill="none" d="M2.5 3h3v10h-3zM6.5 3h3v6h-3zM10.5 3h3v8h-3z" />`,
  list: html`<path d="M2 4h12M2 8h12M2 12h12" />`,
  text: html`<path d="M3 4.5h10M3 8h10M3 11.5h6" />`,
  clock: html`<circle cx="8" cy="8" r="5.8" fill="none" /><path fill="none" d="M8 4.8V8l2.2 1.5" />`,
  undo: html`<path fill="none" d="M6.2 3L3 6.2l3.2 3.2M3 6.2h6a3.6 3.6 0 0 1 0 7.2H6" />`,
  out: html`<path fill="none" d="M6 3H3v10h3M7 8h7M11 5l3 3-3 3" />`,
};

export function Icon({ name }) {
  return html`<svg class=${`icon icon-${name}`} viewBox="0 0 16 16" aria-hidden="true">${ICONS[name]}</svg>`;
}

export function Avatar({ id }) {
  const name = store.nameOf(id);
  return html`<span class=${`avatar hue-${id % 8 || 0}`} title=${name} aria-hidden="true">${initials(name)}</span>`;
}

function initials(name) {
  const parts = name.split("@")[0].split(/[\s._-]+/).filter(Boolean);
  return parts.slice(0, 2).map((part) => [...part][0].toUpperCase()).join("") || "?";
}

function Assignees({ ids }) {
  if (!ids.length) return null;
  const names = ids.map(store.nameOf).join(", ");
  return html`<span class="assignees">
    ${ids.slice(0, 3).map((id) => html`<${Avatar} key=${id} id=${id} />`)}
    ${ids.length > 3 && html`<span class="avatar more" aria-hidden="true">+${ids.length - 3}</span>`}
    <span class="sr">Assigned to ${names}</span>
  </span>`;
}

function Due({ task }) {
  const due = tasks.due(task, state.now);
  if (!due) return null;
  const icon = due.kind === "overdue" ? "alert" : "calendar";
  return html`<span class=${`due due-${due.kind}`} title=${due.title}>
    <${Icon} name=${icon} /><span class="sr">Due: </span>${due.text}
  </span>`;
}

function Marks({ entry }) {
  const { task, waiting, conflict } = entry;
  if (conflict) return html`<span class="mark mark-conflict"><${Icon} name="alert" />Conflict</span>`;
  if (waiting) return html`<span class="mark"><${Icon} name="clock" />${state.online && !state.stalled && !state.forbidden ? "Saving" : "Waiting"}</span>`;
  const isEdited = store.dialogOf("task")?.id === task.id;
  return !isEdited && outbox.draftOf(task.id) && html`<span class="mark">Draft</span>`;
}

// ---- Windows on long lists --------------------------------------------------------------------

// Show the part of `ids` that is visible in a scrolling element. Heights are measured when an item is
// rendered first. Returns the part, the height of what is left out on both sides, and what the
// scrolling element needs.
function useWindow(ids, estimate, onRange) {
  const element = useRef(null);
  const heights = useRef(new Map());
  const measured = useRef(-1);
  const layout = useRef({ ids: null, tops: null });
  const [place, setPlace] = useState({ top: 0, height: 900 });

  if (layout.current.ids !== ids) layout.current = { ids, tops: topsOf(ids, heights.current, estimate) };
  const { tops } = layout.current;
  const near = [indexAt(tops, place.top - OVERSCAN), indexAt(tops, place.top + place.height + OVERSCAN) + 1];
  const [start, end] = ids.length > SHORT ? near : [0, ids.length];

  const look = () => {
    const { scrollTop, clientHeight } = element.current;
    setPlace((now) => (now.top === scrollTop && now.height === clientHeight ? now : { top: scrollTop, height: clientHeight }));
  };

  const measureAgain = () => {
    layout.current.ids = null;
    setPlace((now) => ({ ...now }));
  };

  useLayoutEffect(() => {
    let differs = false;
    const known = measured.current === state.version; // nothing but the place has changed
    measured.current = state.version;
    for (const item of element.current.querySelectorAll("[data-item]")) {
      const id = /^\d+$/.test(item.dataset.item) ? Number(item.dataset.item) : item.dataset.item;
      if (known && heights.current.has(id)) continue;
      const height = item.offsetHeight;
      if (!height || heights.current.get(id) === height) continue;
      differs ||= height !== (heights.current.get(id) ?? estimate);
      heights.current.set(id, height);
    }
    if (differs) measureAgain();
    onRange(...near);
    focusIfWanted(element.current, ids, tops, look);
  });

  useEffect(() => {
    let width = element.current.clientWidth;
    const observer = new ResizeObserver(() => {
      if (!element.current) return;
      if (element.current.clientWidth !== width) {
        heights.current.clear();
        measureAgain();
      }
      width = element.current.clientWidth;
      look();
    });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);

  const visible = ids.slice(start, end);
  return { element, look, visible, first: start, before: tops[start], after: tops[ids.length] - tops[end] };
}

// Where each item begins, and where the last one ends.
function topsOf(ids, heights, estimate) {
  const tops = new Float64Array(ids.length + 1);
  for (let index = 0; index < ids.length; index++) {
    tops[index + 1] = tops[index] + (heights.get(ids[index]) ?? estimate);
  }
  return tops;
}

// The item at a height, by bisection.
function indexAt(tops, height) {
  let low = 0;
  let high = Math.max(0, tops.length - 2);
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (tops[middle] <= height) low = middle;
    else high = middle - 1;
  }
  return low;
}

// Focus the card that the state asks for. If it is not rendered, scroll there first.
function focusIfWanted(scroller, ids, tops, look) {
  const id = state.focusWanted;
  if (id === null || !ids.includes(id)) return;
  const card = document.getElementById(`task-${id}`);
  if (card && scroller.contains(card)) {
    state.focusWanted = null;
    card.focus({ preventScroll: true });
    card.closest("[data-item]").scrollIntoView({ block: "nearest" });
    return;
  }
  scroller.scrollTop = Math.max(0, tops[ids.indexOf(id)] - scroller.clientHeight / 3);
  look();
}

function noteRange(lane, start, end) {
  lane.visible = [start, end];
  if (!state.filters.text && !lane.error && end >= lane.view.ids.length - 5) store.loadMore(lane);
}

// The card that Tab reaches: the current one, or the first that is rendered.
const tabStop = (visible) => (visible.includes(state.current) ? state.current : visible[0]);

// ---- Moving ---------------------------------------------------------------------------------

export function moveTo(id, status) {
  const entry = store.shown(id);
  if (!entry || entry.conflict || entry.task.status === status) return;
  const next = isNarrow() ? neighbourOf(id) : id;
  outbox.move(entry.task, status);
  store.set({ current: next, focusWanted: next });
}

export function remove(id) {
  const entry = store.shown(id);
  if (!entry || entry.conflict) return;
  const next = neighbourOf(id);
  outbox.remove(entry.task);
  store.set({ current: next, focusWanted: next });
}

// ---- Several tasks at once ----------------------------------------------------------------------

// Tasks that leave the view leave the selection, so that nothing unseen is changed.
export function keepSelectedInView() {
  const lanes = [...state.lanes.values()];
  store.keepSelected(isNarrow() ? lanes.filter((lane) => lane.key === state.column) : lanes);
}

export function selectedTasks() {
  const entries = [...state.selected].map(store.shown).filter((entry) => entry && !entry.conflict);
  return entries.map((entry) => entry.task);
}

// Change the selected tasks that are not so already.
function changeSelected(label, isSo, change, keep = false) {
  const chosen = selectedTasks().filter((task) => !isSo(task));
  if (!keep) state.selected = new Set();
  if (!chosen.length) return store.notify("There is nothing to change.");
  const subject = chosen.length === 1 ? `“${chosen[0].name}”` : `${chosen.length} tasks`;
  outbox.together(`${label} ${subject}`, subject, () => chosen.forEach(change));
}

export const moveSelected = (status) =>
  changeSelected(`Moved to ${tasks.TITLES[status]}:`, (task) => task.status === status, (task) => outbox.move(task, status));

export function removeSelected() {
  if (selectedTasks().length > 1) store.openDialog({ kind: "remove" });
  else removeAllSelected();
}

export const removeAllSelected = () => changeSelected("Deleted", () => false, outbox.remove);

const namesOf = (users) => users.map((user) => store.isolated(store.nameOf(user))).join(", ");

export function assignSelected(users) {
  const isAssigned = (task) => users.every((user) => task.assignees.includes(user));
  changeSelected(`Assigned to ${namesOf(users)}:`, isAssigned, (task) => outbox.assign(task, users), true);
}

// The card after this one in its lane, or the one before it.
export function neighbourOf(id) {
  for (const lane of state.lanes.values()) {
    const ids = store.idsOf(lane);
    const index = ids.indexOf(id);
    if (index >= 0) return ids[index + 1] ?? ids[index - 1] ?? null;
  }
  return null;
}

const openConflict = (entry) => store.openDialog({ kind: "conflict", key: entry.conflict.key });

function open(event, entry) {
  if (event.metaKey || event.ctrlKey || event.shiftKey) return; // a new tab
  event.preventDefault();
  if (entry.conflict) openConflict(entry);
  else store.openTask(entry.task.id);
}

export function showMoveMenu(id) {
  const card = document.getElementById(`task-${id}`)?.closest("[data-item]");
  const button = card?.querySelector("[aria-haspopup=menu]");
  if (button) store.openDialog({ kind: "move", id, box: button.getBoundingClientRect() });
}

function MoveButton({ task, focusable, children }) {
  return html`<button
    type="button"
    class=${children ? "status-button" : "icon-button card-move"}
    aria-haspopup="menu"
    aria-label=${`Move “${task.name}”, now ${tasks.TITLES[task.status]}`}
    title="Move to… (m)"
    tabindex=${focusable ? 0 : -1}
    onClick=${() => showMoveMenu(task.id)}
  >
    ${children ?? html`<${Icon} name="move" />`}
  </button>`;
}

function TaskLink({ entry, focusable, children }) {
  const { task } = entry;
  return html`<a
    id=${`task-${task.id}`}
    class="task-link"
    dir="auto"
    href=${Number.isInteger(task.id) ? `#task=${task.id}` : "#"}
    draggable=${false}
    tabindex=${focusable ? 0 : -1}
    onClick=${(event) => open(event, entry)}
    onFocus=${() => state.current !== task.id && store.set({ current: task.id })}
  >
    ${children}
  </a>`;
}

// ---- The board ------------------------------------------------------------------------------

export function Board({ children }) {
  const lanes = [...state.lanes.values()];
  return html`
    <nav class="tabs" aria-label="Columns">
      ${lanes.map(
        (lane) => html`<button
          key=${lane.key}
          type="button"
          aria-current=${state.column === lane.key ? "true" : undefined}
          onClick=${() => store.set({ column: lane.key })}
        >
          ${tasks.TITLES[lane.key]} <span class="count">${countOf(lane)}</span>
        </button>`,
      )}
    </nav>
    <main class="columns">
      ${lanes.map((lane) => html`<${Column} key=${lane.key} lane=${lane} />`)}
      ${children}
    </main>
  `;
}

function countOf(lane) {
  if (!lane.pages.length) return "";
  return `${store.idsOf(lane).length}${store.isComplete(lane) ? "" : "+"}`;
}

function Column({ lane }) {
  const [over, setOver] = useState(false);
  const ids = store.idsOf(lane);
  const list = useWindow(ids, CARD_HEIGHT, (start, end) => noteRange(lane, start, end));
  const title = tasks.TITLES[lane.key];
  const stop = tabStop(list.visible);
  const total = store.isComplete(lane) ? ids.length : -1;

  function drop(event) {
    event.preventDefault();
    setOver(false);
    const id = state.dragged;
    state.dragged = null;
    if (id !== null) moveTo(id, lane.key);
  }

  return html`<section
    class=${`column ${over ? "over" : ""} ${state.column === lane.key ? "active" : ""}`}
    aria-labelledby=${`title-${lane.key}`}
    aria-busy=${lane.loading && !lane.pages.length ? "true" : undefined}
    data-status=${lane.key}
    onDragOver=${(event) => {
      if (state.dragged === null) return;
      event.preventDefault();
      if (!over) setOver(true);
    }}
    onDragLeave=${(event) => event.currentTarget.contains(event.relatedTarget) || setOver(false)}
    onDrop=${drop}
  >
    <header class="column-head">
      <${Icon} name=${lane.key} />
      <h2 id=${`title-${lane.key}`}>${title}</h2>
      <span class="count">${countOf(lane)}</span>
      <button
        type="button"
        class="icon-button add"
        aria-label=${`Add a task to ${title}`}
        title=${`Add a task to ${title}`}
        aria-expanded=${state.adding === lane.key}
        onClick=${() => store.set({ adding: state.adding === lane.key ? null : lane.key })}
      >
        <${Icon} name="plus" /><span>Add a task to ${title}</span>
      </button>
    </header>
    ${state.adding === lane.key && html`<${QuickAdd} status=${lane.key} title=${title} />`}
    <div class="scroller" ref=${list.element} onScroll=${list.look}>
      <ul class="cards" aria-label=${`${title} tasks`}>
        ${list.before > 0 && html`<li key="before" class="spacer" aria-hidden="true" style=${{ height: `${list.before}px` }}></li>`}
        ${list.visible.map(
          (id, index) => html`<li
            key=${id}
            class="slot"
            data-item=${id}
            aria-setsize=${total}
            aria-posinset=${list.first + index + 1}
          >
            <${Card} entry=${store.shown(id)} focusable=${id === stop} />
          </li>`,
        )}
        ${list.after > 0 && html`<li key="after" class="spacer" aria-hidden="true" style=${{ height: `${list.after}px` }}></li>`}
      </ul>
      <${LaneEnd} lane=${lane} count=${ids.length} />
    </div>
  </section>`;
}

function Card({ entry, focusable }) {
  const { task, conflict } = entry;

  function dragStart(event) {
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", task.name);
    state.dragged = task.id;
    const card = event.currentTarget;
    setTimeout(() => card.classList.add("dragging")); // the browser copies the card first
  }

  function dragEnd(event) {
    event.currentTarget.classList.remove("dragging");
    state.dragged = null;
  }

  return html`<article
    class=${`card ${conflict ? "in-conflict" : ""} ${tasks.isOpen(task) ? "" : "closed"} ${state.selected.has(task.id) ? "selected" : ""}`}
    aria-labelledby=${`task-${task.id}`}
    draggable=${!conflict}
    onDragStart=${dragStart}
    onDragEnd=${dragEnd}
  >
    <${TaskLink} entry=${entry} focusable=${focusable}>${task.name}<//>
    <${MoveButton} task=${task} focusable=${focusable} />
    <div class="meta">
      ${state.selected.has(task.id) && html`<span class="mark">Selected</span>`}
      <span class="number">${Number.isInteger(task.id) ? `#${task.id}` : "new"}</span>
      <${Due} task=${task} />
      ${task.desc && html`<span class="has-text" title="Has a description"><${Icon} name="text" /><span class="sr">Has a description</span></span>`}
      <${Marks} entry=${entry} />
      <${Assignees} ids=${task.assignees} />
    </div>
  </article>`;
}

function QuickAdd({ status, title }) {
  const [name, setName] = useState("");
  const [error, setError] = useState("");
  const input = useRef(null);
  useLayoutEffect(() => input.current.focus(), []); // before the next key

  async function add(event) {
    event.preventDefault();
    const fields = { ...tasks.EMPTY, ...defaults(), name: name.trim(), status };
    const [wrong] = tasks.errorsOf(fields);
    if (wrong) return setError(wrong.text);
    setName("");
    setError("");
    const { problem } = await outbox.create(fields, { select: false, note: defaultsText(fields) });
    if (!problem) return;
    setName((now) => now || name);
    setError(problem.field === "name" ? problem.text : store.describe(problem));
  }

  return html`<form class="quick-add" onSubmit=${add}>
    <input
      ref=${input}
      dir="auto"
      value=${name}
      aria-label=${`Name of the new task in ${title}`}
      aria-invalid=${error ? "true" : undefined}
      aria-describedby=${error ? `quick-error-${status}` : undefined}
      placeholder="What has to be done?"
      autocomplete="off"
      onInput=${(event) => setName(event.target.value)}
      onKeyDown=${(event) => event.key === "Escape" && store.set({ adding: null })}
    />
    <button type="submit" class="button">Add</button>
    ${error && html`<p class="field-error" id=${`quick-error-${status}`} role="alert">${error}</p>`}
  </form>`;
}

// What a new task has in the present view, so that it appears in it.
export function defaults() {
  const { filters, me } = state;
  const user = tasks.assigneeId(filters, me?.id);
  return { assignees: user ? [user] : [], expires_at: tasks.newDay(filters) };
}

// The same in words, for who does not see it in a form.
function defaultsText({ assignees, expires_at }) {
  const day = expires_at ? `, due ${tasks.longDay(expires_at)}` : "";
  return `${day}${assignees.length ? `, assigned to ${namesOf(assignees)}` : ""}`;
}

function LaneEnd({ lane, count }) {
  const { text } = state.filters;
  if (lane.error) {
    return html`<div class="lane-end" role="alert">
      <p>${lane.error}</p>
      <button type="button" class="button" onClick=${() => store.loadMore(lane)}>Try again</button>
    </div>`;
  }
  if (!lane.pages.length || lane.loading) {
    return html`<div class="ghosts"><span class="sr">Loading</span><div class="ghost"></div>${!lane.pages.length && html`<div class="ghost"></div><div class="ghost"></div>`}</div>`;
  }
  if (!store.isComplete(lane)) {
    const loaded = lane.pages.reduce((sum, page) => sum + page.ids.length, 0);
    return html`<div class="lane-end">
      ${text && html`<p>Searched the ${loaded} tasks that are loaded.</p>`}
      <button type="button" class="button" onClick=${() => store.loadMore(lane)}>Load more</button>
    </div>`;
  }
  return !count && html`<${Empty} lane=${lane} />`;
}

function Empty({ lane }) {
  if (isFiltered()) return null; // told once for all columns
  const texts = {
    PENDING: "Nothing is waiting. Add a task with + or press n.",
    IN_PROGRESS: "Nobody is working on anything. Drag a card here to start.",
    DONE: "Nothing is done yet.",
    CANCELLED: "Nothing was cancelled.",
    LIST: "There are no tasks yet. Press n to add the first one.",
  };
  return html`<p class="empty">${texts[lane.key]}</p>`;
}

// Whether the filters or the search leave nothing in any column.
export function nothingMatches() {
  const lanes = [...state.lanes.values()];
  return isFiltered() && lanes.every((lane) => store.isComplete(lane) && !store.idsOf(lane).length);
}

const isFiltered = () => Object.values(state.filters).some((value) => value.length);

// ---- The list -------------------------------------------------------------------------------

export function List({ children }) {
  const lane = state.lanes.get("LIST");
  if (!lane) return html`<main class="list"></main>`;
  return html`<main class="list"><${Table} key="table" lane=${lane} />${children}</main>`;
}

function Table({ lane }) {
  const ids = store.idsOf(lane);
  const list = useWindow(ids, ROW_HEIGHT, (start, end) => noteRange(lane, start, end));
  const stop = tabStop(list.visible);
  const all = ids.length > 0 && ids.every((id) => state.selected.has(id));
  const spacer = (key, height) =>
    height > 0 && html`<tr key=${key} class="spacer" aria-hidden="true"><td colspan="5" style=${{ height: `${height}px` }}></td></tr>`;
  return html`<div class="scroller" ref=${list.element} onScroll=${list.look}>
    <table aria-label="Tasks" aria-rowcount=${store.isComplete(lane) ? ids.length + 1 : -1}>
      <thead>
        <tr>
          <th scope="col"><label class="tick"><input type="checkbox" aria-label="Select all tasks" title="Select all that are loaded" disabled=${!ids.length} checked=${all} onChange=${(event) => store.selectAll(ids, event.target.checked)} /></label>Name</th>
          <th scope="col">Status</th>
          <th scope="col">Due</th>
          <th scope="col">Assignees</th>
          <th scope="col" class="wide-only">Updated</th>
        </tr>
      </thead>
      <tbody>
        ${spacer("before", list.before)}
        ${list.visible.map((id, index) => html`<${Row} key=${id} entry=${store.shown(id)} focusable=${id === stop} row=${list.first + index + 2} ids=${ids} />`)}
        ${spacer("after", list.after)}
      </tbody>
    </table>
    <${LaneEnd} lane=${lane} count=${ids.length} />
  </div>`;
}

function Row({ entry, focusable, row, ids }) {
  const { task, conflict } = entry;
  return html`<tr
    class=${`${conflict ? "in-conflict" : ""} ${tasks.isOpen(task) ? "" : "closed"} ${state.selected.has(task.id) ? "selected" : ""}`}
    data-item=${task.id}
    aria-rowindex=${row}
  >
    <td class="cell-name">
      <label class="tick"><input type="checkbox" aria-label=${`Select “${task.name}”`} title="Select (x; with Shift all from the last one)" checked=${state.selected.has(task.id)} onClick=${(event) => store.select(task.id, { selected: event.target.checked, range: event.shiftKey ? ids : null })} /></label>
      <${TaskLink} entry=${entry} focusable=${focusable}>${task.name}<//>
      <span class="number">${Number.isInteger(task.id) ? `#${task.id}` : "new"}</span>
      <${Marks} entry=${entry} />
    </td>
    <td class="cell-status">
      <${MoveButton} task=${task} focusable=${focusable}><${Icon} name=${task.status} />${tasks.TITLES[task.status]}<//>
    </td>
    <td class="cell-due"><${Due} task=${task} /></td>
    <td class="cell-people"><${Assignees} ids=${task.assignees} /></td>
    <td class="cell-time wide-only">${task.updated_at && tasks.moment(task.updated_at)}</td>
  </tr>`;
}

// ---- Keys between cards -----------------------------------------------------------------------

// Move the keyboard from the current card by rows and columns. Returns whether there is a card.
export function step(rows, columns) {
  const lanes = [...state.lanes.values()].map(store.idsOf);
  const at = lanes.findIndex((ids) => ids.includes(state.current));
  if (at < 0) return focus(lanes.find((ids) => ids.length)?.[0]);
  const row = lanes[at].indexOf(state.current);
  if (rows) return focus(lanes[at][clamp(row + rows, lanes[at].length)]);
  for (let to = at + columns; lanes[to]; to += columns) {
    if (lanes[to].length) return focus(lanes[to][clamp(row, lanes[to].length)]);
  }
  return true;
}

const clamp = (index, length) => Math.max(0, Math.min(index, length - 1));

function focus(id) {
  if (id === undefined) return false;
  const column = store.shown(id).task.status;
  store.set({ current: id, focusWanted: id, column });
  return true;
}

// Move the current card to the status before or after its own.
export function shift(by) {
  const status = store.shown(state.current)?.task.status;
  const next = status && tasks.STATUSES[tasks.STATUSES.indexOf(status) + by];
  if (next) moveTo(state.current, next);
}
