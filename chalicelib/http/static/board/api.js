// Requests to the API: its address, the token, and the errors of RFC 9457.

import { ofTab } from "./storage.js";

const ROOT = new URL("../../v1/", import.meta.url); // this file is /board/VERSION/api.js
const TOKEN = "billet.token";
const TIMEOUT_MS = 30_000; // the API's own limit is REQUEST_SECONDS, 25 by default

// A response that is an error. `field` is the name of the field before the colon of `detail`.
class Problem extends Error {
  constructor(status, body, retryAfter) {
    const detail = body?.detail ?? `The server answered ${status}.`;
    super(detail);
    this.status = status;
    this.detail = detail;
    this.type = body?.type ?? "about:blank";
    this.retryAfter = retryAfter;
    const found = /^([a-z_-]+): (.*)$/s.exec(detail);
    this.field = found?.[1] ?? null;
    this.text = found?.[2] ?? detail;
  }
}

// No response came: the network, or a time-out. Whether the request arrived is unknown.
export class NoReply extends Error {}

// What came is not a response of the API: a sign-in page of the network, an error page of a proxy, or
// a part of a response. It does not tell what became of the request either.
export class NotOurs extends NoReply {
  constructor() {
    super("The server's answer is not from Billet Tasks.");
  }
}

// ---- Token ----------------------------------------------------------------------------------

let askForToken = null; // set by the store; resolves when there is a new token

export const onUnauthorized = (ask) => (askForToken = ask);
export const token = () => ofTab.get(TOKEN);
export const setToken = (value) => ofTab.set(TOKEN, value);
export const forgetToken = () => ofTab.remove(TOKEN);

// ---- Requests -------------------------------------------------------------------------------

// Send one request. Returns {status, body, etag, next}, also for 304; other errors are thrown.
// `expects` says whether a body has the form that the API gives it. A 401 asks for a token and sends
// the request again.
export async function send(method, path, { expects, body, ifMatch, ifNoneMatch, key, keepalive }) {
  for (;;) {
    const used = token();
    const headers = { Accept: "application/json" };
    if (used) headers.Authorization = `Bearer ${used}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (ifMatch) headers["If-Match"] = ifMatch;
    if (ifNoneMatch) headers["If-None-Match"] = ifNoneMatch;
    if (key) headers["Idempotency-Key"] = `"${key}"`;
    const response = await attempt(path, expects, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store", // conditions are ours
      redirect: "manual", // the API has none
      keepalive,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.status === 401 && askForToken) {
      if (token() === used) await askForToken(Boolean(used));
      continue;
    }
    return response;
  }
}

export const get = (path, expects, etag) => send("GET", path, { expects, ifNoneMatch: etag });

export const isList = Array.isArray;
export const isEntity = (body) => Number.isInteger(body?.id);
export const isEntityOrNull = (body) => body === null || isEntity(body);

async function attempt(path, expects, options) {
  let response, text;
  try {
    response = await fetch(new URL(path, ROOT), options);
    text = await response.text();
  } catch (error) {
    throw new NoReply(error.message);
  }
  const { status, headers } = response;
  const body = status === 304 ? null : parsed(text, headers.get("Content-Type") ?? "");
  if (response.ok ? !expects(body) : status !== 304 && !isError(status, body)) throw new NotOurs();
  if (status === 401) return { status };
  if (!response.ok && status !== 304) throw new Problem(status, body, Number(headers.get("Retry-After")) || 0);
  return { status, body, etag: headers.get("ETag"), next: nextPage(headers.get("Link")) };
}

// The API's own errors are problems. Proxies have these others, too; a repeat is right for them.
const isError = (status, body) => status >= 500 || status === 429 || status === 408 || isProblem(body);
const isProblem = (body) => typeof body?.detail === "string";

// The JSON in a text, or undefined.
function parsed(text, type) {
  try {
    return type.includes("json") ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}

// The query of the next page. Its host is not used: a proxy may have given the API another one.
function nextPage(link) {
  const url = /<([^>]*)>;\s*rel="?next"?/.exec(link ?? "")?.[1];
  return url ? new URL(url, ROOT).search : null;
}

// A random UUID. crypto.randomUUID exists on HTTPS and localhost only.
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
