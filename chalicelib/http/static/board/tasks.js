// Tasks as plain data: statuses, due dates, filters, and differences between two states of a task.

export const STATUSES = ["PENDING", "IN_PROGRESS", "DONE", "CANCELLED"];
export const TITLES = {
  PENDING: "Pending",
  IN_PROGRESS: "In progress",
  DONE: "Done",
  CANCELLED: "Cancelled",
};
export const FIELDS = ["name", "desc", "status", "expires_at", "assignees"];
export const FIELD_TITLES = {
  name: "Name",
  desc: "Description",
  status: "Status",
  expires_at: "Due date",
  assignees: "Assignees",
};
export const EMPTY = { name: "", desc: "", status: "PENDING", expires_at: null, assignees: [] };
const MAX_NAME = 200;
const MAX_DESC = 10000;
const MAX_ASSIGNEES = 50;

export const OPEN = ["PENDING", "IN_PROGRESS"];
export const isOpen = (task) => OPEN.includes(task.status);

// The number in an ETag such as "3" or "3-1". It grows with each change of the task.
export const versionOf = (etag) => Number(/\d+/.exec(etag ?? "")?.[0] ?? 0);

// ---- Differences ----------------------------------------------------------------------------

export const fieldsOf = (task) => Object.fromEntries(FIELDS.map((name) => [name, task[name]]));

export function same(name, a, b) {
  if (name !== "assignees") return (a ?? null) === (b ?? null);
  return [...(a ?? [])].sort().join() === [...(b ?? [])].sort().join();
}

export function changedFields(before, after) {
  return FIELDS.filter((name) => name in after && !same(name, before[name], after[name]));
}

// The fields of a change that others have changed in another way since `before`.
export function clashes({ before, body }, theirs) {
  const both = (name) => !same(name, theirs[name], before[name]) && !same(name, theirs[name], body[name]);
  return Object.keys(body).filter(both);
}

export const pick = (task, names) => Object.fromEntries(names.map((name) => [name, task[name]]));

// ---- Dates: text YYYY-MM-DD in the time zone of the reader ------------------------------------

const DAY = 86_400_000;
const pad = (number) => String(number).padStart(2, "0");
const isoDay = (date) =>
  `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
export const today = () => isoDay(new Date());
const parse = (day) => {
  const [year, month, date] = day.split("-").map(Number);
  const parsed = new Date(2000, month - 1, date);
  parsed.setFullYear(year);
  return parsed;
};
export function plusDays(day, count) {
  const date = parse(day);
  date.setDate(date.getDate() + count);
  return isoDay(date);
}
const daysBetween = (from, to) => Math.round((parse(to) - parse(from)) / DAY);
export function endOfWeek(day) {
  return plusDays(day, 6 - ((parse(day).getDay() + 6) % 7)); // Sunday
}

const format = (options) => new Intl.DateTimeFormat(undefined, options);
const WEEKDAY = format({ weekday: "short" });
const THIS_YEAR = format({ day: "numeric", month: "short" });
const OTHER_YEAR = format({ day: "numeric", month: "short", year: "numeric" });
const LONG = format({ dateStyle: "full" });
const MOMENT = format({ dateStyle: "medium", timeStyle: "short" });

export function shortDay(day, now = today()) {
  return (day.slice(0, 4) === now.slice(0, 4) ? THIS_YEAR : OTHER_YEAR).format(parse(day));
}
export const longDay = (day) => LONG.format(parse(day));
export const moment = (time) => MOMENT.format(new Date(time));

// What a due date means now: a kind, which CSS colours, and a text, which says the same.
export function due(task, now = today()) {
  const day = task.expires_at;
  if (!day) return null;
  const left = daysBetween(now, day);
  const title = `Due ${longDay(day)}`;
  if (!isOpen(task)) return { kind: "later", text: shortDay(day, now), title };
  if (left < 0) return { kind: "overdue", text: `Overdue · ${shortDay(day, now)}`, title };
  if (left === 0) return { kind: "today", text: "Today", title };
  if (left === 1) return { kind: "soon", text: "Tomorrow", title };
  if (day <= endOfWeek(now)) return { kind: "soon", text: `This ${WEEKDAY.format(parse(day))}`, title };
  return { kind: "later", text: shortDay(day, now), title };
}

// ---- Filters --------------------------------------------------------------------------------

// assignee: "" is everybody, "me", "none" (unassigned), or a user's id as text.
export const NO_FILTERS = {
  text: "",
  due: "",
  dueAfter: "",
  dueBefore: "",
  createdAfter: "",
  createdBefore: "",
  assignee: "",
  statuses: [],
};

export function dueRange(filters, now = today()) {
  if (filters.due === "overdue") return ["", plusDays(now, -1)];
  if (filters.due === "today") return [now, now];
  if (filters.due === "week") return [plusDays(endOfWeek(now), -6), endOfWeek(now)];
  if (filters.due === "range") return [filters.dueAfter, filters.dueBefore];
  return ["", ""];
}

// The due date that a new task takes from the filters. A past one never is.
export function newDay(filters, now = today()) {
  const [after, before] = dueRange(filters, now);
  const day = before || after;
  return day >= now ? day : null;
}

// The statuses that are shown: only open tasks can be overdue.
export function shownStatuses(filters) {
  const chosen = STATUSES.filter((one) => !filters.statuses.length || filters.statuses.includes(one));
  return filters.due === "overdue" ? chosen.filter((status) => isOpen({ status })) : chosen;
}

const isCreatedFiltered = (filters) => Boolean(filters.createdAfter || filters.createdBefore);
const isDueFiltered = (filters) => dueRange(filters).some(Boolean);

// What is wrong with two days, or "".
export const wrongRange = (after, before) => (after && before && before < after ? "The second date is before the first." : "");

// Why the filters can't be combined, or "". The indexes of the API answer either due dates or dates of creation.
export function contradiction(filters) {
  const { due, dueAfter, dueBefore, createdAfter, createdBefore } = filters;
  const wrong = (due === "range" && wrongRange(dueAfter, dueBefore)) || wrongRange(createdAfter, createdBefore);
  if (wrong) return wrong;
  if (!shownStatuses(filters).length) return "Only open tasks can be overdue.";
  if (!isCreatedFiltered(filters)) return "";
  if (isDueFiltered(filters)) return "Choose dates of creation or due dates, not both.";
  if (filters.assignee === "none") return "Unassigned tasks can't be filtered by creation.";
  return "";
}

// The order that the filters require, or the chosen one.
export function effectiveSort(filters, sort) {
  if (isCreatedFiltered(filters)) return "created_at";
  if (isDueFiltered(filters) || filters.assignee === "none") return "expires_at";
  return sort;
}

// The path and query of the first page of the tasks that pass the filters and have these statuses.
export function listPath(filters, me, sort, statuses, pageSize) {
  const query = new URLSearchParams({ sort: effectiveSort(filters, sort), page_size: pageSize });
  if (statuses.length < STATUSES.length) query.set("status", statuses.join(","));
  const [after, before] = dueRange(filters);
  if (after) query.set("due_after", after);
  if (before) query.set("due_before", before);
  if (filters.createdAfter) query.set("created_after", filters.createdAfter);
  if (filters.createdBefore) query.set("created_before", filters.createdBefore);
  if (filters.assignee === "none") query.set("unassigned", "true");
  const user = assigneeId(filters, me);
  return `${user ? `users/${user}/tasks` : "tasks"}?${query}`;
}

export function assigneeId(filters, me) {
  if (filters.assignee === "me") return me;
  return /^\d+$/.test(filters.assignee) ? Number(filters.assignee) : null;
}

// Whether a task passes the filters: for tasks that change while they are shown.
export function matches(task, filters, me, now = today(), nameOf = String) {
  if (!shownStatuses(filters).includes(task.status)) return false;
  const user = assigneeId(filters, me);
  if (user && !task.assignees.includes(user)) return false;
  if (filters.assignee === "none" && task.assignees.length) return false;
  const [after, before] = dueRange(filters, now);
  if ((after || before) && !task.expires_at) return false;
  if ((after && task.expires_at < after) || (before && task.expires_at > before)) return false;
  const { createdAfter, createdBefore } = filters;
  if (createdAfter && task.created_at < createdAfter) return false;
  if (createdBefore && task.created_at > createdBefore) return false;
  return containsText(task, filters.text, nameOf);
}

function containsText(task, text, nameOf) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const content = words.length ? `#${task.id} ${task.name} ${task.desc} ${task.assignees.map(nameOf).join(" ")}`.toLowerCase() : "";
  return words.every((word) => content.includes(word));
}

// How many filters are set, apart from the text and "my tasks", which have controls of their own.
export function countFilters(filters) {
  return [
    isDueFiltered(filters),
    isCreatedFiltered(filters),
    filters.assignee && filters.assignee !== "me",
    filters.statuses.length,
  ].filter(Boolean).length;
}

// ---- What the API refuses, checked before it is sent -------------------------------------------

// What is wrong with the year of a day, or "". A browser takes 26 for the year 0026.
export function wrongYear(day) {
  if (!day || day >= "1900") return "";
  return day < "1000" ? "The year needs four digits." : "The year must be 1900 or later.";
}

// What is wrong with the fields of a task: a list of {field, text}.
export function errorsOf({ name, desc, assignees }) {
  const errors = [];
  const check = (isWrong, field, text) => isWrong && errors.push({ field, text });
  check(!name.trim(), "name", "Give the task a name.");
  check([...name.trim()].length > MAX_NAME, "name", `At most ${MAX_NAME} characters.`);
  check(assignees.length > MAX_ASSIGNEES, "assignees", `At most ${MAX_ASSIGNEES} people.`);
  check([...desc].length > MAX_DESC, "desc", `At most ${MAX_DESC.toLocaleString()} characters.`);
  return errors;
}
