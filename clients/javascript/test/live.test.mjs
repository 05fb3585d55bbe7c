// The client through a bad line, in front of a real server. `tests/clients/test_javascript.py` runs this and says, in the
// file that TABLETAP_TOLD names, where the server is.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { Outbox } from '../src/index.js';
import { KITCHEN, Line, control, everything, follow, http, isLive, isStale, movesOf, paidOrder, screen, told, until } from './support.mjs';

/** @type {Line} */
let line;
let opened = [];
before(async () => {
  line = await Line.open();
});
after(() => line.close());
beforeEach(() => Object.assign(line, { deaf: false, down: false }));
afterEach(() => {
  for (const { live } of opened) live.stop();
  opened = [];
});

/** A screen that is stopped after its test. */
function open(options) {
  const opening = screen(line, options);
  opened.push(opening);
  return opening;
}

/** A kitchen that is live. */
async function kitchen(options) {
  const { live, problems, storage } = open(options);
  const tickets = follow(live, options?.how);
  live.start();
  await isLive(live);
  return { live, problems, storage, tickets };
}

/** Wait until everything has been applied, and hold it against the server: nothing missing, nothing twice. */
async function hasEverything({ live, tickets }) {
  const expected = await everything(tickets.state.begun, tickets.cursor.epoch);
  await until(() => live.status.phase === 'live' && tickets.state.events.length >= expected.length, 'everything applied');
  assert.deepEqual(tickets.state.events, expected);
}

test('it begins with a snapshot and applies what follows, once and in order', async () => {
  const heard = [];
  const one = await kitchen({ how: { onEvent: (event) => heard.push(event.seq) } });
  await paidOrder();
  await until(() => one.tickets.state.events.some((event) => event.name === 'new_paid_order'));
  await hasEverything(one);
  assert.deepEqual(heard, one.tickets.state.events.map((event) => event.seq));
  assert.equal(one.live.status.events, one.tickets.cursor.seq);
});

test('the snapshot comes from the server where no other place to begin is given', async () => {
  const orderId = await paidOrder();
  const { live } = open();
  const tickets = live.follow(KITCHEN, { initial: { orders: [] }, reduce: (state) => state });
  live.start();
  await isLive(live);
  assert.ok(tickets.state.orders.some((order) => order.orderId === orderId));
});

test('a line that is cut again and again costs nothing and repeats nothing', async () => {
  const one = await kitchen();
  for (let times = 0; times < 4; times += 1) {
    const paying = paidOrder();
    line.cut();
    await paying;
  }
  await hasEverything(one);
  assert.deepEqual(one.problems, []);
});

test('a missing event is asked for before anything later is applied', async () => {
  const one = await kitchen();
  await paidOrder();
  await hasEverything(one);
  const { epoch, seq } = one.tickets.cursor;
  one.tickets.set({ ...one.tickets.state, events: one.tickets.state.events.slice(0, -1) }, { epoch, seq: seq - 1 });
  await paidOrder();
  await hasEverything(one);
});

test('a reload shows the last state at once and goes on from there', async () => {
  const one = await kitchen();
  await paidOrder();
  await hasEverything(one);
  one.live.stop();
  await paidOrder();

  const { live } = open({ storage: one.storage });
  const tickets = follow(live, { load: () => assert.fail('no snapshot is needed') });
  assert.deepEqual(tickets.state, one.tickets.state);
  assert.ok(live.status.since, 'as of');
  live.start();
  await isLive(live);
  await hasEverything({ live, tickets });
});

test('a server that restarts is waited for, and the screen says that it is not up to date', async () => {
  const one = await kitchen();
  await control('stop');
  await isStale(one.live);
  assert.ok(Date.now() - one.live.status.since < 20_000, 'since when');
  await paidOrder();
  await control('start');
  await hasEverything(one);
});

test('commands made offline are kept through a reload and happen once, in their order', async () => {
  const one = await kitchen();
  const orderId = await paidOrder();
  await hasEverything(one);
  line.down = true;
  line.cut();
  await isStale(one.live);
  const outbox = new Outbox(one.live);
  for (const status of ['preparing', 'ready']) outbox.add('order_status_update', { orderId, status });
  one.live.stop();

  const again = open({ storage: one.storage });
  const done = [];
  const kept = new Outbox(again.live, { onDone: (command, order) => done.push([command.payload.status, order.status]) });
  assert.equal(kept.waiting.length, 2);
  again.live.start();
  line.down = false;
  await until(() => done.length === 2);
  assert.deepEqual(done, [['preparing', 'preparing'], ['ready', 'ready']]);
  assert.deepEqual(kept.waiting, []);
  assert.deepEqual(await movesOf(orderId, one.tickets.state.begun), ['paid', 'preparing', 'ready']);
});

test('a command whose answer was lost is sent again and happens once', async () => {
  const one = await kitchen({ answerMilliseconds: 500 });
  const orderId = await paidOrder();
  const done = [];
  const outbox = new Outbox(one.live, { onDone: (command) => done.push(command.commandId) });
  line.deaf = true;
  const { commandId } = outbox.add('order_status_update', { orderId, status: 'preparing' });
  await until(async () => (await movesOf(orderId, one.tickets.state.begun)).length === 2, 'it happened');
  assert.equal(outbox.takeBack(commandId), false, 'it may have happened');
  line.deaf = false;
  line.cut();
  await until(() => outbox.waiting.length === 0);
  assert.deepEqual(done, [commandId]);
  assert.deepEqual(await movesOf(orderId, one.tickets.state.begun), ['paid', 'preparing']);
});

test('a refused command takes those that build on it along, and no others', async () => {
  const one = await kitchen();
  const [orderId, other] = [await paidOrder(), await paidOrder()];
  line.down = true;
  line.cut();
  const refused = [];
  const done = [];
  const outbox = new Outbox(one.live, {
    lane: (command) => command.payload.orderId,
    onRefused: (command, problem, dropped) => refused.push([problem.code, dropped.map(({ payload }) => payload.status)]),
    onDone: (command) => done.push(command.payload.orderId),
  });
  await until(() => !one.live.socket.connected);
  outbox.add('order_status_update', { orderId, status: 'preparing', expectedVersion: 99 });
  outbox.add('order_status_update', { orderId, status: 'ready' });
  outbox.add('order_status_update', { orderId: other, status: 'preparing' });
  line.down = false;
  await until(() => outbox.waiting.length === 0);
  assert.deepEqual(refused, [['version_conflict', ['ready']]]);
  assert.deepEqual(done, [other]);
});

test('all namespaces share one connection, and starting twice opens no second one', async () => {
  const own = await Line.open();
  const socket = { transports: ['websocket'] };
  const lives = ['/kitchen', '/admin', '/counter'].map((namespace) => open({ namespace, who: 'manager', url: own.url, socket }).live);
  for (const live of [...lives, ...lives]) live.start();
  for (const live of lives) await isLive(live);
  assert.equal(own.connections, 1);
  own.close();
});

test('a server that says nothing any more is left, and another connection made', async () => {
  const one = await kitchen();
  const before = line.connections;
  line.deaf = true;
  const { now } = Date;
  try {
    Date.now = () => now() + 60_000;
    await until(() => line.connections > before, 'another connection');
  } finally {
    Date.now = now;
  }
  line.deaf = false;
  line.cut();
  await paidOrder();
  await hasEverything(one);
});

test('the server is told how far the screen is', async () => {
  const one = await kitchen({ ackMilliseconds: 30 });
  const acks = [];
  one.live.socket.onAnyOutgoing((name, payload) => name === 'stream_ack' && acks.push(payload.cursors[KITCHEN].seq));
  await paidOrder();
  await until(() => acks.at(-1) === one.tickets.cursor.seq);
});

test('what may not be followed is said once, and the rest goes on', async () => {
  const one = await kitchen();
  one.live.follow(`cafe:${told.cafeId}:counter`, { initial: null, reduce: (state) => state, load: async () => ({ state: null, epoch: 1, seq: 0 }) });
  await until(() => one.problems.length);
  line.cut();
  await paidOrder();
  const expected = (await everything(one.tickets.state.begun)).length;
  await until(() => one.tickets.state.events.length === expected);
  assert.deepEqual(one.problems, ['not_allowed']);
  one.live.unfollow(`cafe:${told.cafeId}:counter`);
  await isLive(one.live);
});

test('a bug in what is done with an event is said, and the next events still come', async () => {
  let broken = true;
  const reduce = (log, event) => {
    if (broken) throw new Error('a bug');
    return { ...log, events: [...log.events, event.seq] };
  };
  const { live, problems } = open();
  const tickets = live.follow(KITCHEN, { initial: { events: [] }, reduce, load: async () => {
    const { epoch, seq } = await http('GET', `/streams/${KITCHEN}/snapshot`, 'kitchen');
    return { state: { events: [] }, epoch, seq };
  } });
  live.start();
  await isLive(live);
  await paidOrder();
  await until(() => problems.length);
  assert.notEqual(live.status.phase, 'live', 'the screen does not claim to show the truth');
  broken = false;
  line.cut();
  await isLive(live);
  assert.ok(tickets.state.events.length >= 2);
});

test('a token that runs out is refreshed in place', async () => {
  const refused = [];
  const first = told.tokens.kitchen;
  const one = await kitchen({ refresh: async (old) => refused.push(old) && control('token', 'kitchen') });
  const { id } = one.live.socket;
  const sent = [];
  one.live.socket.onAnyOutgoing((name) => sent.push(name));
  await control('pass', 3_560);
  await until(() => sent.includes('auth_refresh'));
  await one.live.send('stream_ack', { cursors: {} }); // messages are handled in their order
  await control('pass', 100);
  await paidOrder2();
  await hasEverything2(one);
  assert.equal(one.live.socket.id, id, 'the same connection');
  assert.deepEqual(refused, [first]);
});

test('a session that was ended is begun again with another token', async () => {
  const ended = [];
  let mayRefresh = false;
  const one = await kitchen({
    token: await control('token', 'kitchen'),
    refresh: () => (mayRefresh ? control('token', 'kitchen') : Promise.reject(Object.assign(new Error('away'), { retryable: true }))),
  });
  one.live.socket.on('session_expired', () => ended.push('expired'));
  await control('pass', 3_700);
  await until(() => ended.length);
  await isStale(one.live);
  mayRefresh = true;
  await isLive(one.live);
  assert.deepEqual(one.problems, []);
});

test('a stream that was restarted is begun again from a snapshot', async () => {
  told.tokens.kitchen = await control('token', 'kitchen');
  told.tokens.customer = await control('token', 'customer');
  const one = await kitchen();
  await paidOrder();
  await hasEverything(one);
  await control('restart-stream', KITCHEN);
  line.cut();
  await until(() => one.tickets.cursor.epoch === 2, 'the new epoch');
  await isLive(one.live);
  await paidOrder();
  await hasEverything(one);
});

test('the example of the README is a kitchen', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const [, example] = /```js\n(import [^]*?)```/.exec(readme);
  const shown = { phases: [], tickets: [], problems: [] };
  let begin;
  Object.assign(globalThis, {
    signIn: async () => ({ accessToken: await control('token', 'kitchen'), cafeId: told.cafeId }),
    refreshToken: () => control('token', 'kitchen'),
    showStrip: (phase) => shown.phases.push(phase),
    showProblem: (message) => shown.problems.push(message),
    showTickets: (orders, how) => {
      shown.tickets = orders.map((order) => order.orderId);
      begin = how;
    },
  });
  const folder = await mkdtemp(path.join(tmpdir(), 'tabletap-'));
  const file = path.join(folder, 'example.mjs');
  const here = new URL('../src/index.js', import.meta.url);
  const code = example.replace("'tabletap-live'", `'${here}'`).replace('https://cafe.example', line.url);
  await writeFile(file, `${code}\nexport { live };\n`);
  const { live } = await import(file);
  opened.push({ live });
  await until(() => shown.phases.at(-1) === 'live', 'the example is live');
  const orderId = await paidOrder();
  await until(() => shown.tickets.includes(orderId), 'its ticket is shown');
  begin(orderId);
  await until(async () => (await http('GET', `/orders/${orderId}`, 'customer')).status === 'preparing', 'it is begun');
  assert.deepEqual(shown.problems, []);
  await rm(folder, { recursive: true });
});

/** The same after time has passed: with tokens of now. */
async function paidOrder2() {
  told.tokens.customer = await control('token', 'customer');
  return paidOrder();
}

async function hasEverything2(one) {
  told.tokens.kitchen = await control('token', 'kitchen');
  await hasEverything(one);
}
