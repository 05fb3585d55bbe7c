// The public HTTP API: one way to ask, one kind of problem.

import { texts } from './texts.js';

/** @typedef {import('./session.js').Session} Session */

const TIMEOUT_MILLISECONDS = 20_000;

/** What the server turned down, or that it could not be reached (`status` 0). `message` is one sentence for people. */
export class Problem extends Error {
  /** @param {number} status @param {string} code @param {string} message @param {boolean} retryable @param {number} [retryAfterSeconds] */
  constructor(status, code, message, retryable, retryAfterSeconds) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryable = retryable;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The sentence to show for anything that was thrown. @param {unknown} error @returns {string} */
export function sentence(error) {
  if (error instanceof Problem) return error.message;
  console.error(error);
  return texts.problem.unclear;
}

/**
 * Ask the server once. Raises Problem.
 * @param {string} method @param {string} path
 * @param {{body?: unknown, token?: string | null, headers?: Record<string, string>}} [options]
 * @returns {Promise<Response>}
 */
export async function ask(method, path, { body, token, headers = {} } = {}) {
  /** @type {Response} */
  let response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      headers: {
        Accept: 'application/json, application/problem+json, image/*',
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
      cache: 'no-store',
    });
  } catch {
    throw new Problem(0, 'network', texts.problem.network, true);
  }
  noteServerTime(response);
  if (!response.ok) throw await problemOf(response);
  return response;
}

/** @param {Response} response */
async function problemOf(response) {
  /** @type {any} */
  let body = null;
  try {
    body = await response.json();
  } catch {
    // not an answer of ours: a proxy's page, say
  }
  if (typeof body?.code !== 'string') body = null;
  const retryAfter = Number(response.headers.get('Retry-After')) || undefined;
  const retryable = body?.retryable ?? [429, 502, 503, 504].includes(response.status);
  return new Problem(response.status, body?.code ?? 'unknown', body?.detail ?? texts.problem.unclear, retryable, retryAfter);
}

let offsetMilliseconds = 0;

/** @param {Response} response */
function noteServerTime(response) {
  const date = Date.parse(response.headers.get('Date') ?? '');
  if (Number.isNaN(date)) return;
  const offset = date - Date.now();
  // The header has whole seconds: a smaller difference says nothing.
  offsetMilliseconds = Math.abs(offset) > 2000 ? offset : 0;
}

/** Now by the server's clock, so that a tablet with a wrong clock shows right ages. @returns {number} ms since 1970 */
export function serverNow() {
  return Date.now() + offsetMilliseconds;
}

/** The API for one signed-in person: renews the token when it has run out, then asks once more. */
export class Api {
  /** @param {Session} session */
  constructor(session) {
    this.session = session;
  }

  /** @param {string} path @returns {Promise<any>} */
  async get(path) {
    return (await this.#send('GET', path)).json();
  }

  /** @param {string} path @returns {Promise<Blob>} */
  async blob(path) {
    return (await this.#send('GET', path)).blob();
  }

  /** @param {string} path @param {unknown} body @param {string} [idempotencyKey] @returns {Promise<any>} */
  async post(path, body, idempotencyKey) {
    const response = await this.#send('POST', path, body, idempotencyKey);
    return response.status === 204 ? null : response.json();
  }

  /** @param {string} path */
  async remove(path) {
    await this.#send('DELETE', path);
  }

  /** @param {string} method @param {string} path @param {unknown} [body] @param {string} [idempotencyKey] */
  async #send(method, path, body, idempotencyKey) {
    /** @type {Record<string, string>} */
    const headers = idempotencyKey ? { 'Idempotency-Key': idempotencyKey } : {};
    const token = await this.session.token();
    try {
      return await ask(method, path, { body, token, headers });
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401) throw error;
      return ask(method, path, { body, token: await this.session.renew(token), headers });
    }
  }
}
