// A line to the server that can be cut and made deaf, and what a test asks of the world around the client.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Live, memoryStorage } from '../src/index.js';

const PATIENCE_MILLISECONDS = 20_000;
export const told = JSON.parse(await readFile(process.env.TABLETAP_TOLD, 'utf8'));
export const KITCHEN = `cafe:${told.cafeId}:kitchen`;

/** What the condition comes to be true with. */
export async function until(reached, what = String(reached)) {
  const deadline = Date.now() + PATIENCE_MILLISECONDS;
  for (;;) {
    const found = await reached();
    if (found) return found;
    assert.ok(Date.now() < deadline, `never: ${what}`);
    await sleep(10);
  }
}

/** A TCP line to the server. */
export class Line {
  #server = net.createServer((near) => this.#carry(near));
  #sockets = new Set();
  /** What the server answers is lost on the way. */
  deaf = false;
  /** Nobody gets through. */
  down = false;
  /** How often somebody connected. */
  connections = 0;

  static async open() {
    const line = new Line();
    await new Promise((resolve) => line.#server.listen(0, '127.0.0.1', resolve));
    line.url = `http://127.0.0.1:${line.#server.address().port}`;
    return line;
  }

  get open() {
    return this.#sockets.size;
  }

  #carry(near) {
    this.connections += 1;
    if (this.down) {
      near.destroy();
      return;
    }
    const far = net.connect(Number(new URL(told.url).port), '127.0.0.1');
    this.#sockets.add(near);
    const end = () => {
      this.#sockets.delete(near);
      near.destroy();
      far.destroy();
    };
    near.on('data', (some) => far.write(some));
    far.on('data', (some) => this.deaf || near.write(some));
    for (const side of [near, far]) side.on('close', end).on('error', end);
  }

  /** End every connection, as a router that restarts. */
  cut() {
    for (const socket of this.#sockets) socket.destroy();
  }

  close() {
    this.#server.close();
    this.cut();
  }
}

/** A client that writes down what it applied. */
export function screen(line, { namespace = '/kitchen', who = 'kitchen', storage = memoryStorage(), ...options } = {}) {
  const problems = [];
  const live = new Live({
    url: line.url,
    namespace,
    token: told.tokens[who],
    storage,
    blinkMilliseconds: 100,
    onProblem: (problem) => problems.push(problem.code ?? problem),
    socket: { reconnectionDelay: 50, reconnectionDelayMax: 200 },
    ...options,
  });
  return { live, problems, storage };
}

/** The state that the tests keep: every event that was applied. */
export const LOG = {
  initial: { begun: 0, events: [] },
  reduce: (log, { seq, name, orderId, status }) => ({ ...log, events: [...log.events, { seq, name, orderId, status }] }),
};

/** Follow the kitchen from its snapshot. */
export function follow(live, more = {}) {
  const load = async () => {
    const { epoch, seq } = await http('GET', `/streams/${KITCHEN}/snapshot`, 'kitchen');
    return { state: { begun: seq, events: [] }, epoch, seq };
  };
  return live.follow(KITCHEN, { ...LOG, load, ...more });
}

export const isLive = (live) => until(() => live.status.phase === 'live', 'live');
export const isStale = (live) => until(() => live.status.phase === 'stale', 'stale');

/** One request of the public API, past the line. */
export async function http(method, path, who, body) {
  const response = await fetch(`${told.worldUrl}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${told.tokens[who]}`,
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    },
    body: body && JSON.stringify(body),
  });
  const answer = await response.json();
  assert.ok(response.ok, `${method} ${path}: ${JSON.stringify(answer)}`);
  return answer;
}

/** An order that the kitchen hears of. */
export async function paidOrder() {
  const order = await http('POST', '/orders', 'customer', { items: [{ menuItemId: told.menuItemId, quantity: 1 }] });
  await http('POST', '/payments', 'customer', { orderId: order.id, paymentMethod: 'customer_credit' });
  return order.id;
}

/** Everything the stream has told since, as the server has it. */
export async function everything(after, epoch = 1) {
  const { items } = await http('GET', `/events?stream=${KITCHEN}&after=${epoch}:${after}&limit=200`, 'kitchen');
  return items.map(({ seq, name, orderId, status }) => ({ seq, name, orderId, status }));
}

/** Every status that the kitchen's stream has told of the order. */
export async function movesOf(orderId, since) {
  const moves = (await everything(since)).filter((event) => event.orderId === orderId && event.name === 'order_status_changed');
  return moves.map((event) => event.status);
}

/** Have something happen to the server: stop, start, pass, token, restart-stream. */
export async function control(act, what = null) {
  const response = await fetch(`${told.control}/${act}`, { method: 'POST', body: JSON.stringify(what) });
  assert.ok(response.ok, `${act}: ${response.status}`);
  return response.json();
}
