// Requests to the API: its address, the token, and the errors of RFC 9457.

import { ofTab } from "./storage.js";

const ROOT = new URL("../../v1/", import.meta.url); // this file is /board/VERSION/api.js
const TOKEN = "billet.token";
const TIMEOUT_MS = 30_000; // the API's own limit is REQUEST_SECONDS, 25 by default

// A response that is an error. `field` is the name of the field before the colon of `detail`.
class Problem extends Error {
  constructor(status, body, retryAfter) {
    const detail = body?.detail || `The server answered ${status}.`;
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

// ---- Token ----------------------------------------------------------------------------------

let askForToken = null; // set by the store; resolves when there is a new token

export const onUnauthorized = (ask) => (askForToken = ask);
export const token = () => ofTab.get(TOKEN);
export const setToken = (value) => ofTab.set(TOKEN, value);
export const forgetToken = () => ofTab.remove(TOKEN);

// ---- Requests -------------------------------------------------------------------------------

// Send one request. Returns {status, body, etag, next}, also for 304; other errors are thrown.
// A 401 asks for a token and sends the request again.
export async function send(method, path, { body, ifMatch, ifNoneMatch, key, keepalive } = {}) {
  for (;;) {
    const used = token();
    const headers = { Accept: "application/json" };
    if (used) headers.Authorization = `Bearer ${used}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (ifMatch) headers["If-Match"] = ifMatch;
    if (ifNoneMatch) headers["If-None-Match"] = ifNoneMatch;
    if (key) headers["Idempotency-Key"] = `"${key}"`;
    const response = await attempt(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store", // conditions are ours
      redirect: "error",
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

export const get = (path, etag) => send("GET", path, { ifNoneMatch: etag });

async function attempt(path, options) {
  let response, text;
  try {
    response = await fetch(new URL(path, ROOT), options);
    text = await response.text();
  } catch (error) {
    throw new NoReply(error.message);
  }
  const { status, headers } = response;
  if (status === 401) return { status };
  if (!response.ok && status !== 304) {
    throw new Problem(status, parsed(text), Number(headers.get("Retry-After")) || 0);
  }
  const body = status === 304 ? null : parsed(text);
  return { status, body, etag: headers.get("ETag"), next: nextPage(headers.get("Link")) };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
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
