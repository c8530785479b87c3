// Dialogs: the form of a task, conflicts, the move menu, the token, who you are, and the keys.

import { useEffect, useLayoutEffect, useRef, useState } from "./hooks.js";
import { Avatar, defaults, html, Icon, moveTo, neighbourOf, removeAllSelected, selectedTasks, withNames } from "./board.js";
import * as outbox from "./outbox.js";
import * as store from "./store.js";
import * as tasks from "./tasks.js";

const { state } = store;
const LOOKUP_MS = 300; // of no typing, before a name is looked up on the server
const MAX_OPTIONS = 8;

// A modal <dialog>. The browser keeps the focus in it, and Escape closes it.
function Dialog({ kind, title, onClose = () => store.closeDialog(kind), closable = true, children }) {
  const element = useRef(null);

  useLayoutEffect(() => {
    const dialog = element.current;
    dialog.showModal();
    dialog.querySelector("[autofocus]")?.focus();
    return () => {
      dialog.close();
      if (!state.dialogs.length && state.current !== null) store.set({ focusWanted: state.current });
    };
  }, []);

  return html`<dialog
    ref=${element}
    class=${`dialog dialog-${kind}`}
    aria-labelledby=${`dialog-${kind}`}
    onCancel=${(event) => {
      event.preventDefault();
      if (closable) onClose();
    }}
    onMouseDown=${(event) => closable && event.target === element.current && onClose()}
  >
    <div class="dialog-body">
      <header class="dialog-head">
        <h2 id=${`dialog-${kind}`}>${title}</h2>
        ${closable && html`<button type="button" class="icon-button" aria-label="Close" onClick=${onClose}><${Icon} name="close" /></button>`}
      </header>
      ${children}
    </div>
  </dialog>`;
}

// ---- A task -----------------------------------------------------------------------------------

export function TaskDialog({ dialog }) {
  const { id } = dialog;
  const entry = id === null ? null : store.shown(id);
  const [absent, setAbsent] = useState("");

  useEffect(() => {
    if (id === null || entry) return;
    store.fetchTask(id).then(
      (task) => task || setAbsent(`Task ${id} does not exist.`),
      (error) => setAbsent(store.describe(error)),
    );
  }, []);

  if (id !== null && !entry) {
    return html`<${Dialog} kind="task" title=${`Task ${id}`}>
      <p class="dialog-text" role="status">${absent || (state.gone.has(id) ? "This task was deleted." : "Loading…")}</p>
    <//>`;
  }
  return html`<${TaskForm} key="form" id=${id} seen=${entry?.task ?? null} dialog=${dialog} />`;
}

function initialEdit(id, seen, dialog) {
  const draft = outbox.draftOf(id);
  const start = seen ?? { ...tasks.EMPTY, ...defaults(), status: dialog.status ?? "PENDING" };
  const base = { ...tasks.fieldsOf(start), ...draft?.base };
  return { base, mine: { ...tasks.fieldsOf(start), ...draft?.mine }, etag: null, theirs: {}, news: [], restored: Boolean(draft) };
}

// Bring what others have changed into an edit. A field that only they have changed is taken; one
// that both have changed becomes a question.
function rebase(edit, seen) {
  const next = { ...edit, mine: { ...edit.mine }, theirs: {}, news: [...edit.news], etag: seen.etag };
  for (const name of tasks.FIELDS) {
    const mine = edit.mine[name];
    if (tasks.same(name, seen[name], mine)) continue;
    const iChanged = !tasks.same(name, mine, edit.base[name]);
    const theyChanged = !tasks.same(name, seen[name], edit.base[name]);
    if (!iChanged) {
      next.mine[name] = seen[name];
      next.news = [...new Set([...next.news, name])];
    } else if (theyChanged || name in edit.theirs) next.theirs[name] = seen[name];
  }
  next.base = tasks.fieldsOf(seen);
  return next;
}

function TaskForm({ id, seen, dialog }) {
  const edit = useRef(null);
  edit.current ??= initialEdit(id, seen, dialog);
  if (seen && edit.current.etag !== seen.etag) edit.current = rebase(edit.current, seen);
  const { base, mine, theirs, news, restored } = edit.current;
  const [errors, setErrors] = useState(() => toErrors(dialog.problem));
  const [saving, setSaving] = useState(false);
  const [person, setPerson] = useState(""); // what is typed into Assignees and not chosen
  const sending = useRef(false);
  const form = useRef(null);
  const isNew = id === null;
  const changed = isNew || person.trim() || tasks.changedFields(base, mine).length > 0;

  function change(values) {
    Object.assign(edit.current, { mine: { ...edit.current.mine, ...values } });
    const dirty = tasks.changedFields(edit.current.base, edit.current.mine);
    outbox.saveDraft(id, dirty.length ? { mine: tasks.pick(edit.current.mine, dirty), base: tasks.pick(edit.current.base, dirty) } : null);
    if (errors.length) setErrors(errors.filter(({ field }) => field && !(field in values)));
    store.changed();
  }

  function settleField(name, value) {
    delete edit.current.theirs[name];
    change({ [name]: value });
  }

  // Show errors, and go to the first one.
  function show(found) {
    setErrors(found);
    const wrong = found.map(({ field }) => field);
    [...form.current.elements].find(({ id }) => wrong.includes(id.replace("field-", "")))?.focus();
  }

  async function save(event) {
    event?.preventDefault();
    if (sending.current) return;
    sending.current = true;
    setSaving(true);
    try {
      const wrong = await findErrors();
      if (wrong.length) show(wrong);
      else await send();
    } catch (problem) {
      const text = problem.field === "username" ? `${store.quote(problem.username)}: ${problem.text}` : store.describe(problem);
      show([{ field: "assignees", text }]);
    } finally {
      sending.current = false;
      setSaving(false);
    }
  }

  // What is wrong with the due date, or "". One that the API has returned may stay.
  function wrongDay() {
    if (form.current.elements.expires_at.validity.badInput) return "This date is not complete or does not exist.";
    const { expires_at } = edit.current.mine;
    return expires_at === edit.current.base.expires_at ? "" : tasks.wrongYear(expires_at);
  }

  async function findErrors() {
    const day = wrongDay();
    const isChosen = await choosePerson();
    const found = Object.keys(edit.current.theirs).map((field) => ({ field, text: "Choose theirs or yours first." }));
    if (day) found.push({ field: "expires_at", text: day });
    if (!isChosen) found.push({ field: "assignees", text: "Choose a person, or clear the field." });
    return [...found, ...tasks.errorsOf(edit.current.mine)];
  }

  async function send() {
    const fields = { ...edit.current.mine, name: edit.current.mine.name.trim() };
    const added = await createUsers(fields.assignees);
    fields.assignees = edit.current.mine.assignees;
    const fate = await (isNew ? outbox.create(fields, { users: added }) : outbox.patch(seen, fields, added));
    if (fate.problem) return show(toErrors(fate.problem));
    outbox.saveDraft(id, null);
    if (fate.task) outbox.saveDraft(fate.task.id, null);
    store.closeDialog("task");
  }

  // Choose who is typed into Assignees. Returns whether nothing is left there.
  async function choosePerson() {
    const { ids, rest } = await findPeople(person);
    if (ids.length) change({ assignees: [...new Set([...edit.current.mine.assignees, ...ids])] });
    setPerson(rest);
    return !rest;
  }

  // Create the users that were chosen by a new name. Returns their names.
  async function createUsers(assignees) {
    const names = assignees.filter((one) => typeof one === "string");
    for (const name of names) {
      const user = await store.createUser(name);
      const { mine } = edit.current;
      change({ assignees: mine.assignees.map((one) => (one === name ? user.id : one)) });
    }
    return names;
  }

  dialog.leave = close;
  function close() {
    store.closeDialog("task");
    const dirty = tasks.changedFields(edit.current.base, edit.current.mine);
    if (!dirty.length) return;
    store.notify(isNew ? "The new task is kept as a draft." : "Your changes are kept as a draft.", {
      label: "Discard",
      action: () => {
        outbox.saveDraft(id, null);
        store.changed();
      },
    });
  }

  function discardDraft() {
    outbox.saveDraft(id, null);
    edit.current = initialEdit(id, seen, dialog);
    setErrors([]);
    store.changed();
  }

  function remove() {
    const next = neighbourOf(id);
    outbox.saveDraft(id, null);
    outbox.remove(seen);
    state.current = next;
    store.closeDialog("task");
  }

  function typePerson(text) {
    setPerson(text);
    if (errorOf("assignees")) setErrors(errors.filter(({ field }) => field !== "assignees"));
  }

  const general = errors.find(({ field }) => !(field in tasks.FIELD_TITLES));
  const errorOf = (name) => errors.find(({ field }) => field === name)?.text;
  const invalid = (name) => (errorOf(name) ? { "aria-invalid": "true", "aria-describedby": `error-${name}` } : {});
  const field = (name) => ({ name, error: errorOf(name), theirs: name in theirs ? { value: theirs[name] } : null, settle: settleField, mine: mine[name] });
  const title = isNew ? "New task" : `Task ${id}`;

  return html`<${Dialog} kind="task" title=${Number.isInteger(id) || isNew ? title : "Task"} onClose=${close}>
    <form
      ref=${form}
      class="task-form"
      novalidate
      onSubmit=${save}
      onKeyDown=${(event) => event.key === "Enter" && (event.metaKey || event.ctrlKey) && save(event)}
    >
      ${restored && html`<p class="notice">Your draft was restored. <button type="button" class="link" onClick=${discardDraft}>Discard the draft</button></p>`}
      ${news.length > 0 && html`<p class="notice" role="status">Someone has just changed: ${news.map((name) => tasks.FIELD_TITLES[name].toLowerCase()).join(", ")}. You see the new values.</p>`}
      ${general && html`<p class="notice notice-error" role="alert">${general.text}${general.forbidden && html` <button type="button" class="link" onClick=${() => store.askForAnotherToken(() => setErrors([]))}>Use another token</button>`}</p>`}
      <${Field} ...${field("name")}>
        <textarea id="field-name" name="name" dir="auto" class="input input-name" rows="1" value=${mine.name} autofocus=${isNew} ...${invalid("name")} onKeyDown=${(event) => event.key === "Enter" && !event.isComposing && !event.ctrlKey && !event.metaKey && save(event)} onInput=${(event) => change({ name: event.target.value.replace(/\s*\n\s*/g, " ") })}></textarea>
      <//>
      <div class="field-row">
        <${Field} ...${field("status")}>
          <select id="field-status" name="status" class="input" value=${mine.status} ...${invalid("status")} onChange=${(event) => change({ status: event.target.value })}>
            ${tasks.STATUSES.map((status) => html`<option value=${status} selected=${mine.status === status}>${tasks.TITLES[status]}</option>`)}
          </select>
        <//>
        <${Field} ...${field("expires_at")}>
          <input id="field-expires_at" name="expires_at" type="date" class="input" max="9999-12-31" value=${mine.expires_at ?? ""} ...${invalid("expires_at")} onInput=${(event) => change({ expires_at: event.target.value || null })} />
        <//>
      </div>
      <div class="quick-dates" role="group" aria-label="Set the due date">
        ${quickDates().map(([label, day]) => html`<button type="button" class="chip" aria-pressed=${mine.expires_at === day ? "true" : "false"} onClick=${() => change({ expires_at: day })}>${label}</button>`)}
        ${mine.expires_at && html`<button type="button" class="chip" onClick=${() => change({ expires_at: null })}>No due date</button>`}
      </div>
      <${Field} ...${field("assignees")}>
        <${People} id="field-assignees" chosen=${mine.assignees} creating text=${person} onText=${typePerson} onChange=${(assignees) => change({ assignees })} invalid=${errorOf("assignees") ? invalid("assignees") : null} />
      <//>
      <${Field} ...${field("desc")}>
        <textarea id="field-desc" name="desc" dir="auto" class="input" rows="8" value=${mine.desc} ...${invalid("desc")} onInput=${(event) => change({ desc: event.target.value })}></textarea>
      <//>
      ${seen && html`<p class="dates">Created ${tasks.shortDay(seen.created_at)}${seen.updated_at ? ` · Changed ${tasks.moment(seen.updated_at)}` : ""}</p>`}
      <footer class="dialog-foot">
        ${!isNew && html`<button type="button" class="button danger" onClick=${remove}>Delete</button>`}
        <span class="grow"></span>
        <span class="hint wide-only"><kbd>Ctrl</kbd> <kbd>Enter</kbd></span>
        <button type="submit" class="button primary" aria-disabled=${saving || !changed ? "true" : "false"}>${saving ? "Saving…" : isNew ? "Create task" : "Save"}</button>
      </footer>
    </form>
  <//>`;
}

function toErrors(problem) {
  if (!problem) return [];
  const field = problem.field in tasks.FIELD_TITLES ? problem.field : null;
  const forbidden = problem.status === 403;
  return [{ field, forbidden, text: field ? problem.text : `${forbidden ? "Not saved: " : ""}${store.describe(problem)}` }];
}

function quickDates() {
  const now = state.now;
  const monday = tasks.plusDays(tasks.endOfWeek(now), 1);
  return [["Today", now], ["Tomorrow", tasks.plusDays(now, 1)], ["Next Monday", monday]];
}

function Field({ name, error, theirs, mine, settle, children }) {
  return html`<div class="field">
    <label for=${`field-${name}`}>${tasks.FIELD_TITLES[name]}</label>
    ${children}
    ${error && html`<p class="field-error" id=${`error-${name}`} role="alert">${withNames(error)}</p>`}
    ${theirs && html`<div class="clash" role="group" aria-label=${`${tasks.FIELD_TITLES[name]} was changed by someone else`}>
      <p>Someone else changed this to <strong dir="auto">${valueText(name, theirs.value)}</strong></p>
      <button type="button" class="button" onClick=${() => settle(name, theirs.value)}>Use theirs</button>
      <button type="button" class="button" onClick=${() => settle(name, mine)}>Keep mine</button>
    </div>`}
  </div>`;
}

function valueText(name, value) {
  if (name === "status") return tasks.TITLES[value];
  if (name === "expires_at") return value ? tasks.longDay(value) : "no due date";
  if (name === "assignees") return value.length ? value.map(store.nameOf).join(", ") : "nobody";
  return value || "nothing";
}

// ---- People: a combobox (https://www.w3.org/WAI/ARIA/apg/patterns/combobox/) ------------------------

// `text` is what is typed, and belongs to the one who uses this. With `creating`, a name that nobody
// has can be chosen: it is in `chosen` as text, and becomes a user when the form is saved.
export function People({ id, chosen, text, onText, onChange, single = false, creating = false, autofocus = false, invalid, label, placeholder = "Type a name", onEnter }) {
  const [open, setOpen] = useState(false);
  const [picked, setPicked] = useState(null); // index of the option that the arrow keys have reached
  const [message, setMessage] = useState("");
  const [absent, setAbsent] = useState(""); // the last name that the server does not know
  const input = useRef(null);
  const typed = single ? text.trim() : text.split(",").at(-1).trim();
  const isAbsent = state.usersComplete || absent === typed;
  const options = optionsFor(typed, chosen, creating && isAbsent && !state.noNewUsers);
  const active = picked ?? (typed && options[0]?.user ? 0 : -1); // Enter adds a new user by choice only

  useEffect(() => void store.loadUsers(), []);
  useLayoutEffect(() => void (autofocus && input.current.focus()), []);
  useLayoutEffect(() => void (invalid && setOpen(false)), [Boolean(invalid)]); // the message is below

  useEffect(() => {
    if (!typed || state.usersComplete) return undefined;
    const timer = setTimeout(() => {
      store.findUser(typed).then((user) => setAbsent(user ? "" : typed), (error) => setMessage(store.describe(error)));
    }, LOOKUP_MS);
    return () => clearTimeout(timer);
  }, [typed]);

  function type(next) {
    onText(next);
    setPicked(null);
    setMessage("");
  }

  function choose(option) {
    type(single ? "" : text.split(",").slice(0, -1).join(","));
    setOpen(false);
    input.current.focus();
    onChange(single ? [option.user.id] : [...chosen, option.user?.id ?? option.create]);
  }

  // Text with commas is several names. Those that are not found stay in the field.
  async function split(whole) {
    type(whole);
    if (single || !/,\s*$/.test(whole)) return;
    const { ids, rest } = await findPeople(whole);
    if (!ids.length || input.current?.value !== whole) return;
    onChange([...new Set([...chosen, ...ids])]);
    type(rest && `${rest}, `);
  }

  async function enter() {
    if (!typed && !text.trim()) return onEnter?.();
    if (open && options[active]) return choose(options[active]);
    if (typed && isAbsent && !options.some(({ user }) => user)) setMessage(`No user is named “${typed}”.`);
    setOpen(true);
  }

  function key(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const count = Math.max(1, options.length);
      if (open) setPicked(event.key === "ArrowDown" ? (active + 1) % count : (Math.max(active, 0) + count - 1) % count);
      setOpen(true);
    } else if (event.key === "Enter") {
      if (typed || onEnter || (open && options[active])) event.preventDefault();
      if (typed || !options[active] || !open) enter();
      else choose(options[active]);
    } else if (event.key === "Escape" && (open || typed)) {
      event.preventDefault();
      event.stopPropagation();
      setOpen(false);
      type("");
    } else if (event.key === "Backspace" && !text && chosen.length && !single) {
      onChange(chosen.slice(0, -1));
    }
  }

  return html`<div class="people">
    ${!single && chosen.length > 0 && html`<ul class="chosen" aria-label="Chosen people">
      ${chosen.map((one) => html`<li key=${one} class="person">
        <${Avatar} id=${one} /><bdi>${store.nameOf(one)}</bdi>${typeof one === "string" && html`<span class="hint">new user</span>`}
        <button type="button" class="icon-button" aria-label=${`Remove ${store.nameOf(one)}`} onClick=${() => onChange(chosen.filter((other) => other !== one))}><${Icon} name="close" /></button>
      </li>`)}
    </ul>`}
    <div class="combo">
      <input
        ref=${input}
        id=${id}
        class="input"
        dir="auto"
        role="combobox"
        aria-label=${label}
        aria-expanded=${open && options.length ? "true" : "false"}
        aria-controls=${`${id}-options`}
        aria-autocomplete="list"
        aria-activedescendant=${open && options[active] ? `${id}-option-${active}` : undefined}
        ...${invalid ?? (message && { "aria-describedby": `${id}-message` })}
        autocomplete="off"
        autocapitalize="off"
        spellcheck="false"
        autofocus=${autofocus}
        placeholder=${single && chosen.length ? store.nameOf(chosen[0]) : placeholder}
        value=${text}
        onInput=${(event) => {
          split(event.target.value);
          setOpen(true);
        }}
        onFocus=${() => setOpen(!autofocus || Boolean(text))}
        onClick=${() => setOpen(true)}
        onBlur=${() => setOpen(false)}
        onKeyDown=${key}
      />
      <ul id=${`${id}-options`} class="options" role="listbox" aria-label="People" hidden=${!open || !options.length}>
        ${options.map((option, index) => html`<li
          key=${option.user?.id ?? "create"}
          id=${`${id}-option-${index}`}
          role="option"
          aria-selected=${index === active ? "true" : "false"}
          onMouseDown=${(event) => event.preventDefault()}
          onClick=${() => choose(option)}
        >
          ${option.user ? html`<${Avatar} id=${option.user.id} /><bdi>${option.user.username}</bdi>` : html`<${Icon} name="plus" /><span>Add “<bdi>${option.create}</bdi>” as a new user</span>`}
        </li>`)}
      </ul>
    </div>
    ${open && typed && !options.length && !message && !invalid && html`<p class="hint" role="status">${withNames(isAbsent ? `No user is named “${typed}”.` : `Looking for “${typed}”…`)}</p>`}
    ${message && !invalid && html`<p class="field-error" id=${`${id}-message`} role="alert">${withNames(message)}</p>`}
  </div>`;
}

const localPart = (username) => username.toLowerCase().split("@")[0];

function optionsFor(typed, chosen, creating) {
  const wanted = typed.toLowerCase();
  // The part after @ is often the same for all. It counts if @ is typed.
  const searched = ({ username }) => (wanted.includes("@") ? username.toLowerCase() : localPart(username));
  const free = store.sortedUsers().filter((user) => !chosen.includes(user.id));
  const found = free.filter((user) => searched(user).includes(wanted));
  found.sort((a, b) => searched(b).startsWith(wanted) - searched(a).startsWith(wanted));
  const options = found.slice(0, MAX_OPTIONS).map((user) => ({ user }));
  const exists = [...free, ...chosen.map((id) => ({ username: store.nameOf(id) }))].some(({ username }) => username.toLowerCase() === wanted);
  if (wanted && creating && !exists) options.push({ create: typed });
  return options;
}

// The users with the names in a text, separated by commas: {ids, rest}. The rest is not a user's name.
// Whether one user alone has a short name is known when the users are loaded.
export async function findPeople(text) {
  const ids = [];
  const rest = [];
  const names = text.split(",").map((one) => one.trim()).filter(Boolean);
  if (names.length) await store.loadUsers();
  for (const name of names) {
    const user = store.userNamed(name) ?? (state.usersComplete ? null : await store.findUser(name));
    if (user) ids.push(user.id);
    else rest.push(name);
  }
  return { ids, rest: rest.join(", ") };
}

// ---- Conflicts ------------------------------------------------------------------------------

export function ConflictDialog({ dialog }) {
  const change = outbox.conflictOf(dialog.key);
  const [choices, setChoices] = useState({});
  if (!change) return null;
  const theirs = state.tasks.get(change.task) ?? (state.gone.has(change.task) ? null : change.conflict.theirs);
  const { before } = change;

  function end(fields) {
    store.closeDialog("conflict");
    outbox.resolve(change, fields);
    const [next] = outbox.conflicts();
    if (next) store.openDialog({ kind: "conflict", key: next.key });
  }

  if (!theirs) return html`<${DeletedConflict} change=${change} end=${end} />`;
  const mine = change.kind === "delete" ? {} : change.body;
  const others = tasks.changedFields(before, theirs).filter((name) => !(name in mine));
  const questions = change.kind === "delete" ? [] : tasks.clashes(change, theirs);
  const alone = Object.keys(mine).filter((name) => !questions.includes(name) && !tasks.same(name, theirs[name], mine[name]));
  const choiceOf = (name) => choices[name] ?? "mine";
  const keep = (names) => end(names.length ? tasks.pick(mine, names) : null);

  return html`<${Dialog} kind="conflict" title="Someone else changed this task">
    <p class="dialog-text"><strong dir="auto">${theirs.name}</strong> (#${change.task}) was changed while you worked on it. Nothing was overwritten.
    ${change.kind === "delete" ? " Do you still want to delete it?" : " Choose what to keep."}</p>
    ${questions.map((name) => html`<fieldset class="versions" key=${name}>
      <legend>${tasks.FIELD_TITLES[name]}</legend>
      ${[["theirs", "Theirs", theirs[name]], ["mine", "Yours", mine[name]]].map(([which, title, value]) => html`<label class="version" key=${which}>
        <input type="radio" name=${`choice-${name}`} checked=${choiceOf(name) === which} onChange=${() => setChoices({ ...choices, [name]: which })} />
        <span class="version-title">${title}</span>
        <span class="version-value" dir="auto">${valueText(name, value)}</span>
      </label>`)}
      <p class="hint">Before: <bdi>${valueText(name, before[name])}</bdi></p>
    </fieldset>`)}
    ${alone.length > 0 && html`<p class="dialog-text">Only you changed, so it is saved with your choice: ${alone.map((name) => tasks.FIELD_TITLES[name].toLowerCase()).join(", ")}.</p>`}
    ${others.length > 0 && html`<div class="dialog-text">
      <p>${questions.length ? "They also changed:" : "They changed:"}</p>
      <ul class="differences">${others.map((name) => html`<li key=${name}>${tasks.FIELD_TITLES[name]}: <del dir="auto">${valueText(name, before[name])}</del> <ins dir="auto">${valueText(name, theirs[name])}</ins></li>`)}</ul>
    </div>`}
    <footer class="dialog-foot">
      <button type="button" class="button" onClick=${() => keep(alone)}>${change.kind === "delete" ? "Keep the task" : "Keep theirs"}</button>
      <span class="grow"></span>
      ${change.kind === "delete"
        ? html`<button type="button" class="button danger" onClick=${() => end({})}>Delete anyway</button>`
        : html`<button type="button" class="button primary" onClick=${() => keep([...alone, ...questions.filter((name) => choiceOf(name) === "mine")])}>Save my choice</button>`}
    </footer>
  <//>`;
}

function DeletedConflict({ change, end }) {
  const fields = Object.keys(change.body);
  return html`<${Dialog} kind="conflict" title="This task was deleted">
    <p class="dialog-text"><strong dir="auto">${change.before.name}</strong> (#${change.task}) was deleted by someone else. Your change was:</p>
    <ul class="differences">${fields.map((name) => html`<li key=${name}>${tasks.FIELD_TITLES[name]}: <bdi>${valueText(name, change.body[name])}</bdi></li>`)}</ul>
    <footer class="dialog-foot">
      <button type="button" class="button" onClick=${() => end(null)}>Discard my change</button>
      <span class="grow"></span>
      <button type="button" class="button primary" onClick=${() => end(change.body)}>Create it again</button>
    </footer>
  <//>`;
}

// ---- The move menu (https://www.w3.org/WAI/ARIA/apg/patterns/menubar/) -----------------------------

export function MoveMenu({ dialog }) {
  const entry = store.shown(dialog.id);
  const menu = useRef(null);
  const close = (focus = dialog.id) => {
    store.closeDialog("move");
    store.set({ focusWanted: focus });
  };

  useLayoutEffect(() => {
    const element = menu.current;
    const { box } = dialog;
    element.showPopover();
    const below = box.bottom + element.offsetHeight < innerHeight;
    element.style.top = `${below ? box.bottom + 4 : Math.max(4, box.top - element.offsetHeight - 4)}px`;
    element.style.left = `${Math.max(4, Math.min(box.left, innerWidth - element.offsetWidth - 4))}px`;
    element.querySelector("[aria-checked=true]")?.focus();
  }, []);

  function choose(status) {
    store.closeDialog("move");
    if (status === entry.task.status) store.set({ focusWanted: dialog.id });
    else moveTo(dialog.id, status);
  }

  function key(event) {
    const items = [...menu.current.querySelectorAll("[role=menuitemradio]")];
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (to !== undefined) items.at(to % items.length).focus();
    else if (event.key === "Escape" || event.key === "Tab") close();
    else if (/^[1-4]$/.test(event.key)) choose(tasks.STATUSES[event.key - 1]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  if (!entry) return null;
  return html`<div
    ref=${menu}
    popover="auto"
    class="menu"
    role="menu"
    aria-label=${`Move “${entry.task.name}” to`}
    onKeyDown=${key}
    onToggle=${(event) => event.newState === "closed" && store.dialogOf("move") === dialog && store.closeDialog("move")}
  >
    ${tasks.STATUSES.map((status, index) => html`<button
      key=${status}
      type="button"
      role="menuitemradio"
      aria-checked=${entry.task.status === status ? "true" : "false"}
      tabindex="-1"
      onClick=${() => choose(status)}
    >
      <${Icon} name=${status} />${tasks.TITLES[status]}<kbd aria-hidden="true">${index + 1}</kbd>
    </button>`)}
  </div>`;
}

// ---- Several tasks -----------------------------------------------------------------------------

export function RemoveDialog() {
  const chosen = selectedTasks();
  const names = chosen.slice(0, MAX_OPTIONS);
  const close = () => store.closeDialog("remove");

  function removeAll() {
    close();
    removeAllSelected();
  }

  return html`<${Dialog} kind="remove" title=${`Delete ${chosen.length} tasks?`}>
    <ul class="differences">
      ${names.map(({ id, name }) => html`<li key=${id}><bdi>${name}</bdi></li>`)}
      ${chosen.length > names.length && html`<li>and ${chosen.length - names.length} more</li>`}
    </ul>
    <footer class="dialog-foot">
      <button type="button" class="button" autofocus onClick=${close}>Keep them</button>
      <span class="grow"></span>
      <button type="button" class="button danger" onClick=${removeAll}>Delete ${chosen.length} tasks</button>
    </footer>
  <//>`;
}

// ---- Token, who, keys -----------------------------------------------------------------------

export function TokenDialog({ dialog }) {
  const [value, setValue] = useState("");
  const [error, setError] = useState(dialog.rejected ? "The server does not accept this token. It may be mistyped, expired or revoked." : "");

  function submit(event) {
    event.preventDefault();
    if (!/^[\x21-\x7e]+$/.test(value.trim())) return setError("Paste the token: it has no spaces.");
    dialog.submit(value.trim());
  }

  return html`<${Dialog} kind="token" title="Sign in" closable=${Boolean(dialog.optional)}>
    <form class="task-form" onSubmit=${submit}>
      <p class="dialog-text">${dialog.optional ? "Use a token whose role allows the change." : "This server requires a token."} It stays in this tab until you close it or sign out.</p>
      <div class="field">
        <label for="token">Token</label>
        <input id="token" class="input" type="password" autocomplete="off" spellcheck="false" autofocus value=${value} aria-invalid=${error ? "true" : undefined} aria-describedby=${error ? "token-error" : "token-hint"} onInput=${(event) => setValue(event.target.value)} />
        ${error && html`<p class="field-error" id="token-error" role="alert">${error}</p>`}
        <p class="hint" id="token-hint">An administrator creates one with <code>billet token create</code>.</p>
      </div>
      <footer class="dialog-foot"><span class="grow"></span><button type="submit" class="button primary">Sign in</button></footer>
    </form>
  <//>`;
}

export function WhoDialog() {
  const [chosen, setChosen] = useState(state.me ? [state.me.id] : []);
  const [text, setText] = useState("");

  function choose([id]) {
    setChosen([id]);
    store.closeDialog("who");
    store.chooseMe({ id, username: store.nameOf(id) });
  }

  return html`<${Dialog} kind="who" title="Who are you?">
    <div class="task-form">
      <p class="dialog-text">“My tasks” shows the tasks that are assigned to you. This browser remembers who you are.</p>
      <div class="field">
        <label for="who">Your name</label>
        <${People} id="who" single autofocus chosen=${chosen} text=${text} onText=${setText} onChange=${choose} />
      </div>
      ${state.me && html`<footer class="dialog-foot"><button type="button" class="button" onClick=${() => (store.closeDialog("who"), store.chooseMe(null))}>Forget me</button></footer>`}
    </div>
  <//>`;
}

const KEYS = [
  ["n", "New task"],
  ["Arrow keys, Home, End", "Go from card to card"],
  ["Enter", "Open the card"],
  ["Shift ← →", "Move the card to the column beside it"],
  ["m, then an arrow or 1 to 4", "Move the card to a column"],
  ["Delete", "Delete the card"],
  ["x", "Select the card, to change several at once"],
  ["z, Ctrl Z", "Undo the last change"],
  ["/", "Search"],
  ["f", "Filters"],
  ["i", "My tasks, on and off"],
  ["v", "Board or list"],
  ["Ctrl Enter", "Save the form"],
  ["Esc", "Close"],
  ["?", "This help"],
];

export function HelpDialog() {
  return html`<${Dialog} kind="help" title="Keyboard shortcuts">
    <table class="keys">
      <tbody>
        ${KEYS.map(([keys, text]) => html`<tr key=${keys}><th scope="row"><kbd>${keys}</kbd></th><td>${text}</td></tr>`)}
      </tbody>
    </table>
  <//>`;
}
