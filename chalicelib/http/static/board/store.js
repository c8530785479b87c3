// The state of the page, and what loads it: lanes of tasks by cursor, users, and polling.
//
// A lane is a list of the API: one for each column of the board, one for the list view. It keeps the
// pages that were loaded, each with its URL and ETag, so that a poll costs a 304 while nothing changes.

import * as api from "./api.js";
import { ofBrowser } from "./storage.js";
import * as tasks from "./tasks.js";

const FIRST_PAGE = 50;
const NEXT_PAGES = 200;
const POLL_MS = 20_000;
const USERS_PAGE = 1000;
const MAX_USERS = 5000; // more are found by their exact name

export const state = {
  view: "board",
  sort: "expires_at",
  filters: { ...tasks.NO_FILTERS },
  me: null, // {id, username}
  tasks: new Map(), // by id, as the API has last returned them
  gone: new Set(), // ids of deleted tasks, which a list may still show for a moment
  lanes: new Map(),
  pins: [], // ids that this page has created or moved; they stay on top of their lane
  users: new Map(),
  usersComplete: false,
  noNewUsers: false, // whether the API has refused to create a user with this token
  queue: [], // changes that are not confirmed yet; see outbox.js
  online: navigator.onLine,
  foreign: "", // why there is no connection, if something else than the API answers
  stalled: "", // why the queue has stopped, if it has
  forbidden: "", // why it waits for another token, if it does
  dialogs: [], // open dialogs, the top one last
  toast: null,
  selected: new Set(), // ids of tasks that are changed together
  current: null, // id of the card with the keyboard
  focusWanted: null, // id of the card to focus after the next rendering
  column: "PENDING", // shown on a narrow screen
  dragged: null,
  now: tasks.today(),
  version: 0,
};

// ---- Rendering ------------------------------------------------------------------------------

let render = () => {};
let planned = false;

export const onChange = (callback) => (render = callback);

export function changed() {
  state.version++;
  if (planned) return;
  planned = true;
  queueMicrotask(() => {
    planned = false;
    render();
  });
}

export function set(values) {
  Object.assign(state, values);
  changed();
}

// ---- Dialogs and messages ---------------------------------------------------------------------

export function openDialog(dialog) {
  state.dialogs = [...state.dialogs.filter((one) => one.kind !== dialog.kind), dialog];
  changed();
  if (dialog.kind === "task") enterForm();
}

export function closeDialog(kind) {
  const closed = state.dialogs.find((one) => one.kind === kind);
  set({ dialogs: state.dialogs.filter((one) => one !== closed) });
  if (closed?.kind === "task") leaveForm();
}

export const dialogOf = (kind) => state.dialogs.find((one) => one.kind === kind);

let toastNumber = 0;
export function notify(text, { action, label, of = null, error = false, seconds = 8 } = {}) {
  set({ toast: { id: ++toastNumber, text, action, label, of, error, seconds } });
}

export function dismissToast(id) {
  if (state.toast?.id === id) set({ toast: null });
}

// ---- Token ----------------------------------------------------------------------------------

let waitingForToken = null;

api.onUnauthorized((rejected) => {
  noteOnline(true); // there is a response
  waitingForToken ??= new Promise((resolve) => {
    openDialog({
      kind: "token",
      rejected,
      submit(value) {
        useToken(value);
        waitingForToken = null;
        resolve();
      },
    });
  });
  return waitingForToken;
});

function useToken(value) {
  api.setToken(value);
  state.noNewUsers = false;
  closeDialog("token");
}

// Ask for a token whose role allows more, and call back when there is one.
export function askForAnotherToken(callback = () => {}) {
  openDialog({ kind: "token", optional: true, submit: (value) => (useToken(value), callback()) });
}

// ---- Preferences and the address ----------------------------------------------------------------

const PREFERENCES = "billet.preferences"; // of this browser: who I am, view and order

function savePreferences() {
  const { me, view, sort } = state;
  ofBrowser.set(PREFERENCES, JSON.stringify({ me, view, sort }));
}

export function choose(values) {
  set(values);
  savePreferences();
  reload();
}

export function chooseMe(me) {
  set({ me });
  savePreferences();
  if (me) setFilters({ assignee: "me" });
  else if (state.filters.assignee === "me") setFilters({ assignee: "" });
}

export function forgetMe() {
  state.me = null;
  savePreferences();
}

export function setFilters(values) {
  const onlyText = Object.keys(values).join() === "text";
  state.filters = { ...state.filters, ...values };
  changed();
  if (onlyText) return;
  writeAddress();
  reload();
}

function writeAddress() {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(state.filters)) {
    if (name !== "text" && value.length) query.set(name, value);
  }
  const open = dialogOf("task")?.id;
  if (Number.isInteger(open)) query.set("task", open);
  history.replaceState(history.state, "", query.size ? `#${query}` : location.pathname + location.search);
}

export function openTask(id) {
  set({ current: id });
  openDialog({ kind: "task", id });
}

// A form has an entry of its own in the history, so that Back closes it.
const ofForm = () => history.state?.form;
let goingBack = false; // to the entry before a form that is closed; the browser tells when it is there

function enterForm() {
  if (!ofForm()) history.pushState({ form: true }, "");
  writeAddress();
}

function leaveForm() {
  if (!ofForm() || goingBack) return writeAddress();
  goingBack = true;
  history.back();
}

function arrive() {
  goingBack = false;
  if (dialogOf("task")) enterForm(); // another one that was opened meanwhile
  else writeAddress();
}

// Show what the address says, which the reader has changed, or Back and Forward.
function followAddress() {
  if (goingBack) return arrive();
  const before = state.filters;
  const id = readAddress();
  state.filters.text = before.text;
  if (JSON.stringify(state.filters) !== JSON.stringify(before)) reload();
  const dialog = dialogOf("task");
  if (dialog && (dialog.id !== id || id === null)) dialog.leave ? dialog.leave() : closeDialog("task");
  if (id && dialog?.id !== id) openTask(id);
}

function readAddress() {
  const query = new URLSearchParams(location.hash.slice(1));
  const filters = { ...tasks.NO_FILTERS };
  for (const name of Object.keys(filters)) {
    const value = query.get(name) ?? "";
    filters[name] = name === "statuses" ? value.split(",").filter((one) => one in tasks.TITLES) : value;
  }
  if (filters.assignee === "me" && !state.me) filters.assignee = "";
  state.filters = filters;
  return Number(query.get("task")) || null;
}

// ---- Tasks ----------------------------------------------------------------------------------

// Keep a task that the API returned, unless a newer version is known: lists may lag behind.
export function keep(task) {
  const known = state.tasks.get(task.id);
  if (state.gone.has(task.id)) return;
  if (known && tasks.versionOf(known.etag) > tasks.versionOf(task.etag)) return;
  state.tasks.set(task.id, task);
}

export function forget(id) {
  state.gone.add(id);
  state.tasks.delete(id);
  changed();
}

// Fetch the present state of a task: the task, or null if it was deleted.
export async function fetchTask(id) {
  const known = state.tasks.get(id);
  const { status, body } = await api.get(`tasks/${id}`, api.isEntityOrNull, known?.etag);
  if (status === 304) return known;
  if (body) keep(body);
  else forget(id);
  changed();
  return body;
}

// The tasks with the changes that wait in the queue. A change in conflict is not applied.
let overlay = { version: -1, tasks: new Map(), created: [] };

function overlaid() {
  if (overlay.version === state.version) return overlay;
  overlay = { version: state.version, tasks: new Map(), created: [] };
  for (const change of state.queue) {
    const known = overlay.tasks.get(change.task);
    const entry = known ?? { task: state.tasks.get(change.task), waiting: true };
    if (change.conflict) entry.conflict = change;
    else if (change.kind === "delete") entry.deleted = true;
    else entry.task = { ...newTask(change.task), ...change.before, ...entry.task, ...change.body };
    overlay.tasks.set(change.task, entry);
    if (change.kind === "create") overlay.created.unshift(change.task);
  }
  return overlay;
}

const newTask = (id) => ({ id, ...tasks.EMPTY, created_at: state.now, etag: null });

// A task as the page shows it: {task, waiting, conflict}, or null if there is none.
export function shown(id) {
  const entry = overlaid().tasks.get(id);
  if (entry) return entry.task && !entry.deleted ? entry : null;
  const task = state.tasks.get(id);
  return task ? { task } : null;
}

// ---- Lanes ----------------------------------------------------------------------------------

let generation = 0;

export function reload() {
  generation++;
  state.pins = [];
  state.selected = new Set();
  const lanes = tasks.contradiction(state.filters) ? [] : wantedLanes(); // the API would refuse them
  state.lanes = new Map(lanes.map((lane) => [lane.key, lane]));
  if (!state.lanes.has(state.column)) state.column = [...state.lanes.keys()][0] ?? "PENDING";
  changed();
  for (const lane of state.lanes.values()) loadMore(lane);
}

function wantedLanes() {
  const statuses = tasks.shownStatuses(state.filters);
  if (state.view === "list") return [newLane("LIST", statuses)];
  return statuses.map((status) => newLane(status, [status]));
}

function newLane(key, statuses) {
  const { filters, me, sort } = state;
  const path = tasks.listPath(filters, me?.id, sort, statuses, FIRST_PAGE);
  return { key, statuses, path, pages: [], loading: false, error: "", visible: [0, FIRST_PAGE], view: null };
}

export const isComplete = (lane) => Boolean(lane.pages.length) && !lane.pages.at(-1).next;

export async function loadMore(lane) {
  if (lane.loading || isComplete(lane)) return;
  const mine = generation;
  lane.loading = true;
  lane.error = "";
  changed();
  try {
    const page = { path: lane.pages.at(-1)?.next ?? lane.path, etag: null, ids: [], next: null };
    await fetchPage(lane, page);
    if (mine !== generation) return;
    lane.pages.push(page);
    noteOnline(true);
  } catch (error) {
    if (mine === generation) noteFailure(lane, error);
  } finally {
    lane.loading = false;
    changed();
  }
}

function noteFailure(lane, error) {
  noteError(error);
  const isOffline = error instanceof api.NoReply && !state.foreign;
  lane.error = isOffline ? "No connection to the server." : describe(error);
}

// Fetch a page. Returns whether it has changed.
async function fetchPage(lane, page) {
  const mine = generation;
  const response = await api.get(page.path, api.isList, page.etag);
  if (response.status === 304 || mine !== generation) return false;
  for (const task of response.body) keep(task);
  page.ids = response.body.map((task) => task.id);
  page.etag = response.etag;
  page.next = response.next ? nextPath(lane, response.next) : null;
  return true;
}

function nextPath(lane, search) {
  const query = new URLSearchParams(search);
  query.set("page_size", NEXT_PAGES);
  return `${lane.path.split("?")[0]}?${query}`;
}

// Fetch a page again. Tasks that it no longer has go to the next page, which decides about them.
async function refreshPage(lane, index) {
  const page = lane.pages[index];
  const before = page.ids;
  if (!(await fetchPage(lane, page))) return;
  const next = lane.pages[index + 1];
  if (!page.next) lane.pages.length = index + 1;
  else if (next && next.path !== page.next) {
    const now = new Set(page.ids);
    next.path = page.next;
    next.etag = null;
    next.ids = [...before.filter((id) => !now.has(id)), ...next.ids];
  }
}

function visiblePages(lane) {
  const [from, to] = lane.visible;
  const found = [];
  let start = 0;
  lane.pages.forEach((page, index) => {
    const end = start + page.ids.length;
    if (index === 0 || (start <= to && end >= from)) found.push(index);
    start = end;
  });
  return found;
}

// The ids that a lane shows, in order. Computed once for each state.
export function idsOf(lane) {
  if (lane.view?.version === state.version) return lane.view.ids;
  const ids = new Set([...overlaid().created, ...state.pins, ...overlaid().tasks.keys()]);
  for (const page of lane.pages) for (const id of page.ids) ids.add(id);
  const shownIds = [...ids].filter((id) => {
    const entry = shown(id);
    return (
      entry &&
      lane.statuses.includes(entry.task.status) &&
      tasks.matches(entry.task, state.filters, state.me?.id, state.now, searchedName)
    );
  });
  lane.view = { version: state.version, ids: shownIds };
  return shownIds;
}

// What hides a task from the view: "filters", "search", or "".
export function hiddenBy(task) {
  const passes = (filters) => tasks.matches(task, filters, state.me?.id, state.now, searchedName);
  if (!passes({ ...state.filters, text: "" })) return "filters";
  return passes(state.filters) ? "" : "search";
}

let lastSelected = null; // where a range begins

// Select a task, or all from the last one to this one in `ids`.
export function select(id, { selected = !state.selected.has(id), range = null } = {}) {
  const [from, to] = [range?.indexOf(lastSelected) ?? -1, range?.indexOf(id) ?? -1].sort((a, b) => a - b);
  selectAll(from < 0 ? [id] : range.slice(from, to + 1), selected);
  lastSelected = id;
}

export function selectAll(ids, selected) {
  for (const id of ids) {
    if (selected) state.selected.add(id);
    else state.selected.delete(id);
  }
  changed();
}

// Take out of the selection what these lanes do not show.
export function keepSelected(lanes) {
  if (!state.selected.size) return;
  const visible = new Set(lanes.flatMap(idsOf));
  for (const id of state.selected) if (!visible.has(id)) state.selected.delete(id);
}

export function pin(id) {
  state.pins = [id, ...state.pins.filter((one) => one !== id)];
}

// ---- Polling --------------------------------------------------------------------------------

let timer = null;
let polling = false;
const onReconnected = new Set();

export const whenOnline = (callback) => onReconnected.add(callback);

export function noteOnline(online, foreign = "") {
  if (state.online === online && state.foreign === foreign) return;
  const isBack = online && !state.online;
  set({ online, foreign });
  if (isBack) for (const callback of onReconnected) callback();
}

// There is no connection if there was no reply, or one that is not the API's.
export function noteError(error) {
  if (error instanceof api.NoReply) noteOnline(false, error instanceof api.NotOurs ? error.message : "");
}

function pollSoon(milliseconds = POLL_MS) {
  clearTimeout(timer);
  timer = setTimeout(poll, milliseconds);
}

export async function poll() {
  if (polling || document.hidden || state.dragged) return pollSoon();
  polling = true;
  state.now = tasks.today();
  try {
    const edited = dialogOf("task")?.id;
    if (Number.isInteger(edited)) await fetchTask(edited);
    await Promise.all([...state.lanes.values()].map(refreshLane));
    noteOnline(true);
  } catch (error) {
    noteError(error);
  } finally {
    polling = false;
    changed();
    pollSoon();
  }
}

async function refreshLane(lane) {
  if (lane.loading) return;
  if (!lane.pages.length) return loadMore(lane);
  for (const index of visiblePages(lane)) {
    if (index < lane.pages.length) await refreshPage(lane, index);
  }
}

// ---- Users ----------------------------------------------------------------------------------

let loadingUsers = null;

export function loadUsers() {
  loadingUsers ??= fetchUsers().catch(() => {
    loadingUsers = null; // the next one who needs them tries again
  });
  return loadingUsers;
}

async function fetchUsers() {
  let path = `users?page_size=${USERS_PAGE}`;
  while (path && state.users.size < MAX_USERS) {
    const { body, next } = await api.get(path, api.isList);
    for (const user of body) state.users.set(user.id, user);
    path = next && `users${next}`;
    changed();
  }
  set({ usersComplete: !path });
}

// Find a user by the exact name, among very many.
export async function findUser(username) {
  const { body } = await api.get(`users?${new URLSearchParams({ username })}`, api.isList);
  for (const user of body) state.users.set(user.id, user);
  changed();
  return body[0] ?? null;
}

const userKeys = new Map(); // by name: the key of a request whose response has not come

export async function createUser(username) {
  if (!userKeys.has(username)) userKeys.set(username, api.newKey());
  const key = userKeys.get(username);
  try {
    const { body } = await api.send("POST", "users", { expects: api.isEntity, body: { username }, key });
    userKeys.delete(username);
    state.users.set(body.id, body);
    changed();
    return body;
  } catch (error) {
    if (error.status === 403) set({ noNewUsers: true });
    throw Object.assign(error, { username });
  }
}

// The user with this name, or with this name before the @ if only one has it.
export function userNamed(name) {
  const wanted = name.toLowerCase();
  const users = [...state.users.values()];
  const short = users.filter((user) => user.username.toLowerCase().split("@")[0] === wanted);
  const exact = users.find((user) => user.username.toLowerCase() === wanted);
  return exact ?? (short.length === 1 && state.usersComplete ? short[0] : null);
}

const missing = new Set();

// The name of a user. One who is not loaded is fetched, and shown by id until then.
export function nameOf(id) {
  if (typeof id === "string") return id; // a new user, not created yet
  const user = state.users.get(id);
  if (!user && loadingUsers && !missing.has(id)) {
    missing.add(id);
    loadingUsers
      .then(() => state.users.has(id) || api.get(`users/${id}`, api.isEntityOrNull))
      .then((response) => response.body && state.users.set(id, response.body))
      .then(changed, () => missing.delete(id));
  }
  return user?.username ?? `user ${id}`;
}

// The part before @ of a user's name: what comes after it is often the same for all.
const searchedName = (id) => state.users.get(id)?.username.split("@")[0] ?? "";

export function sortedUsers() {
  return [...state.users.values()].sort((a, b) => a.username.localeCompare(b.username));
}

// ---- Texts ----------------------------------------------------------------------------------

// A name in a message: the page writes it in its own direction, apart from the text around it.
export const isolated = (name) => `\u2068${name}\u2069`;

const LONGEST_QUOTE = 40;
export function quote(text) {
  const letters = [...text];
  return `“${letters.length > LONGEST_QUOTE ? `${letters.slice(0, LONGEST_QUOTE).join("")}…` : text}”`;
}

export function describe(error) {
  if (error instanceof api.NotOurs) return error.message;
  if (error instanceof api.NoReply) return "The server did not respond.";
  if (error.status === 403) {
    const [, needed, has] = /requires the role (\w+); this token has (\w+)/.exec(error.detail) ?? [];
    if (needed) return `This needs the role ${needed}. Your token has the role ${has}.`;
  }
  return error.detail ?? "The page has failed. Load it again.";
}

// The same, with a full stop, for a text that goes on.
export const sentence = (error) => describe(error).replace(/[^.!?…]$/, "$&.");

// ---- Start ----------------------------------------------------------------------------------

export function start() {
  try {
    Object.assign(state, JSON.parse(ofBrowser.get(PREFERENCES)) ?? {});
  } catch {
    // a value of another program at this address
  }
  const task = readAddress();
  reload();
  loadUsers();
  if (Boolean(task) !== Boolean(ofForm())) {
    history.replaceState(null, ""); // of the board, below that of the form
    writeAddress();
  }
  if (task) openTask(task);
  addEventListener("offline", () => noteOnline(false));
  addEventListener("online", () => poll());
  document.addEventListener("visibilitychange", () => document.hidden || poll());
  addEventListener("popstate", followAddress);
  pollSoon();
}
