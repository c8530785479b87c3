// Changes on their way to the API.
//
// Each change waits in a queue, has an idempotency key, and names in If-Match the version that the
// reader saw. It is sent again with the same key until there is a response. The queue is kept in
// sessionStorage, so that it survives a reload. Changes of one task are sent in order; each later
// one names the version that the one before it has made.

import * as api from "./api.js";
import { ofBrowser, ofTab } from "./storage.js";
import * as store from "./store.js";
import * as tasks from "./tasks.js";

const { state } = store;
const QUEUE = "billet.queue";
const DRAFTS = "billet.drafts";
const UNDO_SECONDS = 6; // a delete is sent after this time
const MAX_ATTEMPTS = 8; // with an error of the server in each
const MAX_WAIT = 30; // seconds
const MAX_UNDO = 50;

const undoable = []; // the changes that can be undone, the last one last
const waiters = new Map(); // by key: resolves when the fate of a change is known
const versions = new Map(); // by task: the ETag that our last change of it has returned
const aliases = new Map(); // by temporary id: the id that the API gave
let running = false;
let wake = null;
let keptOffline = false; // whether a change in the queue had no connection
let group = null; // of the changes that are made together

// ---- Changes that the page makes ----------------------------------------------------------------

// Create a task. Returns what became of it: {task}, {waiting}, or {problem}.
export function create(fields, options) {
  return fateOf(enqueueCreate(fields, options));
}

// Change fields of a task. `seen` is the task as the reader saw it; `users` are the names of the users
// that were created for it. Returns its fate, as `create`.
export function patch(seen, fields, users) {
  const change = enqueuePatch(seen, fields, `Saved “${fields.name}”`, users);
  return change ? fateOf(change) : { task: seen };
}

function enqueueCreate(fields, { select = true, note = "", users = [] } = {}) {
  const given = tasks.pick(fields, ["name", ...tasks.changedFields(tasks.EMPTY, { ...fields, name: "" })]);
  const change = newChange("create", `new-${api.newKey()}`, given, null);
  if (select) Object.assign(state, { current: change.task });
  return enqueue(Object.assign(change, { note, users }), `Added “${fields.name}”`);
}

function enqueuePatch(seen, fields, label, users = []) {
  const names = tasks.changedFields(seen, fields);
  if (!names.length) return null;
  const change = newChange("patch", seen.id, tasks.pick(fields, names), seen);
  if (names.includes("status")) store.pin(seen.id);
  return enqueue(Object.assign(change, { users }), label);
}

export function move(seen, status) {
  store.pin(seen.id);
  enqueue(newChange("patch", seen.id, { status }, seen), `Moved “${seen.name}” to ${tasks.TITLES[status]}`);
}

export function assign(seen, users) {
  const assignees = [...new Set([...seen.assignees, ...users])];
  if (assignees.length === seen.assignees.length) return;
  enqueue(newChange("patch", seen.id, { assignees }, seen), `Assigned “${seen.name}”`);
}

export function remove(seen) {
  const change = newChange("delete", seen.id, undefined, seen);
  change.notBefore = Date.now() + UNDO_SECONDS * 1000;
  enqueue(change, `Deleted “${seen.name}”`);
}

// Make several changes that are undone together.
export function together(label, subject, make) {
  group = api.newKey();
  try {
    make();
    tell(label, subject, group);
  } finally {
    group = null;
  }
}

function newChange(kind, task, body, seen) {
  return {
    key: api.newKey(),
    group,
    kind,
    task,
    body,
    before: seen && { ...tasks.fieldsOf(seen), id: seen.id },
    // A later change of one task names the version that the earlier one makes.
    etag: state.queue.some((one) => one.task === task) ? null : (seen?.etag ?? null),
    label: "",
    note: "", // what its message says besides
    users: [], // names of the users that were created for it
    attempts: 0,
    notBefore: 0,
    conflict: null,
  };
}

function enqueue(change, label) {
  change.label = label;
  state.queue = [...state.queue, change];
  keptOffline ||= !state.online;
  undoable.push(change);
  forgetOldest();
  save();
  store.changed();
  tellOf(change);
  run();
  return change;
}

function tell(label, subject, of) {
  const text = state.online ? label : `Kept, not sent yet: ${subject}`;
  store.notify(text, { label: "Undo", action: undo, seconds: UNDO_SECONDS, of });
}

const subjectOf = ({ body, before }) => `“${before?.name ?? body.name}”`;

function tellOf(change) {
  const { label, note, users } = change;
  const added = users.length ? ` and the new user${users.length > 1 ? "s" : ""} ${users.map(store.isolated).join(", ")}` : "";
  const hides = hiddenBy(change);
  tell(`${label}${added}${note}${hides && `. ${hides}`}`, `${subjectOf(change)}${hides && `. ${hides}`}`, change.key);
}

// What hides a task since this change, as a sentence, or "".
function hiddenBy({ kind, task, before }) {
  const now = kind !== "delete" && store.shown(task)?.task;
  const wasHidden = now && kind === "patch" && store.hiddenBy({ ...now, ...before });
  const by = now && !wasHidden && store.hiddenBy(now);
  return by ? `The ${by} ${by === "search" ? "hides" : "hide"} it.` : "";
}

// Wait for the fate of a change, for a form that shows its errors.
function fateOf(change) {
  if (!state.online) return { waiting: true };
  return new Promise((resolve) => waiters.set(change.key, resolve));
}

function settle(change, fate) {
  waiters.get(change.key)?.(fate);
  waiters.delete(change.key);
}

// ---- Undo -----------------------------------------------------------------------------------

const stepOf = (change) => change.group ?? change.key;

// Changes that were made together are undone in one step, and forgotten in one.
function forgetOldest() {
  if (new Set(undoable.map(stepOf)).size <= MAX_UNDO) return;
  const oldest = stepOf(undoable[0]);
  while (stepOf(undoable[0]) === oldest) undoable.shift();
}

// The last change, or the last ones that were made together.
function lastTogether() {
  const group = undoable.at(-1)?.group;
  return group ? undoable.slice(undoable.findLastIndex((one) => one.group !== group) + 1) : undoable.slice(-1);
}

// What `undo` would undo, or "".
export function undoLabel() {
  const last = lastTogether();
  return last.length > 1 ? `${last.length} changes` : last.length ? describeChange(last[0]) : "";
}

const describeChange = ({ label }) => label.replace(/^Saved /, "the change of ");

export function undo() {
  const label = undoLabel();
  if (!label) return store.notify("There is nothing to undo.");
  const changes = undoable.splice(-lastTogether().length).reverse();
  const [last] = changes;
  const together = api.newKey();
  for (const change of changes) undoOne(change, together);
  state.focusWanted = last.kind === "create" ? null : (aliases.get(last.task) ?? last.task);
  const users = changes.flatMap((change) => change.users).map(store.isolated);
  const stays = users.length > 1 ? `. The users ${users.join(", ")} stay.` : users.length ? `. The user ${users[0]} stays.` : "";
  store.notify(`Undone: ${label}${stays}`, { of: together });
  save();
  store.changed();
  run();
}

// Take a change out of the queue if it was never sent. Else change it back, on condition that nobody
// has changed the task since.
function undoOne(change, together) {
  if (state.queue.includes(change) && change.attempts === 0 && !change.sending) return discard(change);
  const task = aliases.get(change.task) ?? change.task;
  const inverse = inverseOf(change, task);
  // The version that our change made; null if it is not known yet, because it waits before this one.
  if (change.kind !== "delete") inverse.etag = isBeingRestored(change, task) ? null : (change.result ?? null);
  inverse.group = together;
  inverse.undoes = change.key;
  inverse.restores = change.etag;
  inverse.label = `Undone: ${describeChange(change)}`;
  state.queue = [...state.queue, inverse];
  if (change.kind === "patch") store.pin(task);
}

function inverseOf(change, task) {
  if (change.kind === "create") return newChange("delete", task, undefined, { ...change.body, id: task });
  if (change.kind === "delete") {
    return newChange("create", `new-${api.newKey()}`, tasks.fieldsOf(change.before), null);
  }
  const names = Object.keys(change.body);
  const seen = { ...change.before, ...change.body, id: task, etag: null };
  return newChange("patch", task, tasks.pick(change.before, names), seen);
}

// Whether an undo that waits brings the task back to what this change made.
function isBeingRestored(change, task) {
  return state.queue.some((one) => one.task === task && one.restores && one.restores === change.result);
}

// ---- Sending --------------------------------------------------------------------------------

async function run() {
  if (running) return wake?.();
  running = true;
  try {
    for (let change = await nextReady(); change; change = await nextReady()) await deliver(change);
  } finally {
    running = false;
  }
}

// Return the first change that may be sent, and wait for the end of the time to undo a delete.
async function nextReady() {
  for (;;) {
    const blocked = new Set();
    let soonest = Infinity;
    for (const change of state.queue) {
      const free = !change.conflict && !blocked.has(change.task);
      if (free && change.notBefore <= Date.now()) return change;
      if (free) soonest = Math.min(soonest, change.notBefore);
      blocked.add(change.task);
    }
    if (soonest === Infinity) return null;
    await pause(soonest - Date.now());
  }
}

// Wait, or until something wakes the queue: a new change, the network, the reader.
function pause(milliseconds) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    function done() {
      clearTimeout(timer);
      wake = null;
      resolve();
    }
    wake = done;
  });
}

// Send a change until its fate is known.
async function deliver(change) {
  while (state.queue.includes(change)) {
    try {
      change.sending = true;
      const response = await request(change);
      store.noteOnline(true);
      return accept(change, response);
    } catch (error) {
      if (error instanceof api.NoReply) await waitForNetwork(change, error);
      else if (error.status === 403 && !waiters.has(change.key)) await waitForToken(change, error);
      else if (isTemporary(error)) await waitForServer(change, error);
      else return refuse(change, error);
    } finally {
      change.sending = false;
    }
  }
}

function request(change, more = {}) {
  change.task = aliases.get(change.task) ?? change.task;
  if (change.kind !== "create") change.etag ??= versions.get(change.task) ?? state.tasks.get(change.task)?.etag;
  save(); // a repeat after a reload must have the same If-Match
  const expects = change.kind === "delete" ? (body) => body?.success === true : (body) => api.isEntity(body?.payload);
  const options = { expects, key: change.key, ifMatch: change.etag, body: change.body, ...more };
  if (change.kind === "create") return api.send("POST", "tasks", { ...options, ifMatch: null });
  const method = change.kind === "patch" ? "PATCH" : "DELETE";
  return api.send(method, `tasks/${change.task}`, options);
}

// The same request may succeed later: overload, quota, a time-out, a request in progress, a race.
function isTemporary(error) {
  if (error.status === 409) return error.retryAfter > 0 || !error.field;
  return error.status >= 500 || error.status === 429 || error.status === 408;
}

async function waitForNetwork(change, error) {
  change.attempts++;
  settle(change, { waiting: true });
  keptOffline = true;
  store.noteError(error);
  if (state.toast?.of === change.key && change.attempts === 1) tellOf(change);
  await pause(1000 * Math.min(2 ** change.attempts, MAX_WAIT));
}

// Keep what this token may not do, until there is another token or the reader drops the change.
async function waitForToken(change, error) {
  change.sending = false;
  store.set({ forbidden: store.sentence(error), toast: null });
  while (state.forbidden && state.queue.includes(change)) await pause(60_000);
  store.set({ forbidden: "" });
}

async function waitForServer(change, error) {
  change.attempts++;
  change.refusals = (change.refusals ?? 0) + 1;
  if (change.refusals >= MAX_ATTEMPTS) {
    settle(change, { waiting: true });
    store.set({ stalled: store.sentence(error) });
    while (state.stalled) await pause(60_000); // until the reader says so
    return;
  }
  const seconds = error.retryAfter || Math.min(2 ** change.refusals / 2, MAX_WAIT);
  await sleep(1000 * Math.min(seconds, 120) + 250 * Math.random());
}

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// Send the queue again now.
export function tryAgain() {
  for (const change of state.queue) change.refusals = 0;
  store.set({ stalled: "", forbidden: "" });
  run();
}

export const useAnotherToken = () => store.askForAnotherToken(tryAgain);

store.whenOnline(() => tryAgain());

// ---- Fates ----------------------------------------------------------------------------------

function accept(change, { body }) {
  const task = body?.payload;
  if (change.kind === "delete") store.forget(change.task);
  else {
    if (change.kind === "create") rename(change.task, task.id);
    else if (change.body.status) store.pin(task.id); // again, after a reload of the page
    store.keep(task);
    change.result = task.etag;
    if (change.restores) noteRestored(change, task);
    versions.set(task.id, task.etag);
  }
  if (change.merged) tellOfMerge(change);
  take(change);
  if (keptOffline && !state.queue.length && !change.merged) store.notify("All changes are sent.");
  keptOffline &&= state.queue.length > 0;
  settle(change, { task });
}

function tellOfMerge(change) {
  const text = `${change.label}. Someone else’s changes of other fields are kept, too.`;
  if (undoable.includes(change)) tell(text, subjectOf(change), change.key);
  else store.notify(text);
}

// An undo makes a new version of the state before. The change that had made that state may be undone next.
function noteRestored(change, task) {
  for (const one of undoable) {
    const isSame = (aliases.get(one.task) ?? one.task) === task.id;
    if (isSame && one.result === change.restores) one.result = task.etag;
  }
}

// The API has given a new task its id.
function rename(temporary, id) {
  aliases.set(temporary, id);
  store.pin(id);
  for (const name of ["current", "focusWanted"]) if (state[name] === temporary) state[name] = id;
  for (const one of state.queue) if (one.task === temporary) one.task = id;
  for (const dialog of state.dialogs) if (dialog.id === temporary) dialog.id = id;
  saveDraft(id, draftOf(temporary));
  saveDraft(temporary, null);
}

async function refuse(change, error) {
  if (change.kind === "delete" && error.status === 404) return accept(change, {});
  if (isUndone(change)) return forgetBoth(change);
  const lost = error.status === 404 && !error.field && change.kind === "patch";
  if (error.status === 412 || lost) return showConflict(change, lost);
  take(change);
  forget(change);
  for (const later of state.queue.filter((one) => change.kind === "create" && one.task === change.task)) {
    take(later);
  }
  if (waiters.has(change.key)) return settle(change, { problem: error });
  showFailure(change, error);
}

// A change that was not made, and whose undo waits, leaves nothing to do.
const isUndone = (change) => state.queue.some((one) => one.undoes === change.key);

function forgetBoth(change) {
  const needs = (one) => one === change || one.undoes === change.key || (change.kind === "create" && one.task === change.task);
  for (const one of state.queue.filter(needs)) take(one);
  settle(change, { discarded: true });
  if (Number.isInteger(change.task)) store.fetchTask(change.task).catch(store.noteError);
}

// Take back what the page says of a change, and the offer to undo it.
function forget(change) {
  const of = state.toast?.of;
  if (of && (of === change.key || of === change.group)) store.dismissToast(state.toast.id);
  const at = undoable.indexOf(change);
  if (at >= 0) undoable.splice(at, 1);
}

// Tell about a change whose form is closed, and offer the form with what was typed.
function showFailure(change, error) {
  const text = `Not saved: ${subjectOf(change)}. ${store.describe(error)}`;
  if (change.kind === "delete") return store.notify(text, { error: true, seconds: 20 });
  const id = change.kind === "create" ? null : change.task;
  saveDraft(id, { mine: change.body, base: tasks.pick(change.before ?? tasks.EMPTY, Object.keys(change.body)) });
  const action = () => store.openDialog({ kind: "task", id, problem: error });
  store.notify(text, { error: true, label: "Open", action, seconds: 60 });
}

function take(change) {
  state.queue = state.queue.filter((one) => one !== change);
  save();
  store.changed();
}

// Drop a change that was not sent, and those that need it.
function discard(change) {
  const dropped = change.kind === "create" ? (one) => one.task === change.task : (one) => one === change;
  for (const one of state.queue.filter(dropped)) {
    take(one);
    settle(one, { discarded: true });
  }
  keptOffline &&= state.queue.length > 0;
  wake?.();
}

export function discardAll() {
  for (const change of [...state.queue]) discard(change);
  undoable.length = 0;
  store.set({ stalled: "", forbidden: "" });
  run();
}

// ---- Conflicts ------------------------------------------------------------------------------

async function showConflict(change, deleted) {
  const theirs = deleted ? (store.forget(change.task), null) : await currentTask(change.task);
  if (isUndone(change)) return forgetBoth(change);
  if (theirs && change.kind === "patch" && alreadySo(change, theirs)) {
    take(change);
    return settle(change, { task: theirs });
  }
  if (!theirs && change.kind === "delete") return accept(change, {});
  if (theirs && change.kind === "patch" && !tasks.clashes(change, theirs).length) return merge(change, theirs);
  change.conflict = { theirs };
  forget(change);
  save();
  store.changed();
  settle(change, { conflict: true });
  store.openDialog({ kind: "conflict", key: change.key });
}

// Send a change again, for the version of the others, who have changed other fields only.
function merge(change, theirs) {
  change.merged = true;
  change.etag = theirs.etag;
  change.label = labelFor(change, theirs);
  change.before = { ...tasks.fieldsOf(theirs), id: theirs.id };
  const { key } = change;
  const waiter = waiters.get(key);
  waiters.delete(key);
  change.key = api.newKey();
  if (waiter) waiters.set(change.key, waiter);
  if (state.toast?.of === key) state.toast.of = change.key;
  save();
}

// The label of a change of a task that others have given another name.
function labelFor({ label, body, before }, theirs) {
  return "name" in (body ?? {}) ? label : label.replace(`“${before.name}”`, () => `“${theirs.name}”`);
}

async function currentTask(id) {
  for (;;) {
    try {
      return await store.fetchTask(id);
    } catch (error) {
      store.noteError(error);
      await pause(3000);
    }
  }
}

const alreadySo = (change, theirs) => !tasks.changedFields(theirs, { ...theirs, ...change.body }).length;

export const conflictOf = (key) => state.queue.find((one) => one.key === key && one.conflict);
export const conflicts = () => state.queue.filter((one) => one.conflict);

// End a conflict as the reader has chosen: send these fields for the version that was shown, or
// leave the task as it is.
export function resolve(change, fields) {
  const theirs = state.tasks.get(change.task) ?? change.conflict.theirs;
  take(change);
  versions.delete(change.task);
  if (!fields) return run();
  if (!theirs) enqueueCreate({ ...tasks.fieldsOf(change.before), ...fields });
  else if (change.kind === "delete") remove(theirs);
  else enqueuePatch(theirs, fields, Object.keys(fields).length < Object.keys(change.body).length ? `Saved “${fields.name ?? theirs.name}”` : labelFor(change, theirs), change.users);
  run();
}

// ---- What is kept ---------------------------------------------------------------------------

function save() {
  const kept = state.queue.map(({ sending: _, ...change }) => change);
  ofTab.set(QUEUE, JSON.stringify(kept));
}

function read(storage, name, otherwise) {
  try {
    return JSON.parse(storage.get(name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

// Drafts: what was typed into a form and not saved, {mine, base}, by task; "new" is a new task's form.
export const draftOf = (id) => read(ofBrowser, DRAFTS, {})[id ?? "new"] ?? null;

export function saveDraft(id, draft) {
  const drafts = read(ofBrowser, DRAFTS, {});
  if (draft) drafts[id ?? "new"] = draft;
  else delete drafts[id ?? "new"];
  ofBrowser.set(DRAFTS, JSON.stringify(drafts));
}

export const countDrafts = () => Object.keys(read(ofBrowser, DRAFTS, {})).length;

// The next one who uses this browser may be another person.
export function signOut() {
  discardAll();
  ofBrowser.remove(DRAFTS);
  store.forgetMe();
  api.forgetToken();
  location.reload();
}

export function start() {
  state.queue = read(ofTab, QUEUE, []);
  if (state.queue.length) run();
  for (const change of conflicts()) store.openDialog({ kind: "conflict", key: change.key });
  addEventListener("beforeunload", (event) => {
    if (state.queue.some((change) => change.kind !== "delete")) event.preventDefault();
  });
  addEventListener("pagehide", sendDeletes);
}

// Send the deletes that wait for the end of their time to undo, as the page goes away. A reload
// sends them again, with the same key.
function sendDeletes() {
  for (const change of state.queue) {
    if (change.kind !== "delete" || change.conflict || !Number.isInteger(change.task)) continue;
    change.notBefore = 0;
    request(change, { keepalive: true }).catch(() => {});
  }
}
