// Where a stream can be begun, over HTTP.

import { LiveProblem, silence } from './problem.js';

const WAIT_MILLISECONDS = 20_000;

/**
 * The server's snapshot of a stream. Raises LiveProblem.
 * @param {string} url @param {string} stream @param {string} token @param {() => Promise<string>} another
 * @returns {Promise<{state: any, epoch: number, seq: number}>}
 */
export async function fetchSnapshot(url, stream, token, another) {
  const path = `${url.replace(/\/$/, '')}/api/v1/streams/${stream}/snapshot`;
  let response = await ask(path, token);
  if (response.status === 401) response = await ask(path, await another());
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  const { code = 'unknown', detail: message = '', retryable = [429, 502, 503, 504].includes(response.status) } = body;
  throw new LiveProblem({ code, message, retryable, retryAfterSeconds: Number(response.headers.get('Retry-After')) || undefined });
}

/** @param {string} path @param {string} token */
async function ask(path, token) {
  try {
    const headers = { Accept: 'application/json', Authorization: `Bearer ${token}` };
    return await fetch(path, { headers, cache: 'no-store', signal: AbortSignal.timeout(WAIT_MILLISECONDS) });
  } catch {
    throw silence();
  }
}
