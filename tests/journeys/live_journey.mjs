// One order from the tap to the hand, seen by the official Socket.IO client in all six namespaces, as several people,
// over the public interfaces alone.
//
//   node live_journey.mjs READY_FILE
//
// READY_FILE is what `tabletap demo --ready-file` writes. Prints one JSON object with what was heard; exits 1 with a
// sentence when something was not as it should be.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { io } from 'socket.io-client';

const PATIENCE_MILLISECONDS = 10_000;
const ready = JSON.parse(await readFile(process.argv[2], 'utf8'));
const { url, cafeId, menu, users } = ready;
const stream = (tail) => `cafe:${cafeId}:${tail}`;

/** Somebody's socket in one namespace: keeps cursors, and that no event is missing or comes twice. */
class Screen {
  constructor(namespace, user) {
    this.namespace = namespace;
    this.heard = [];
    this.cursors = {};
    this.faults = [];
    this.socket = io(url + namespace, {
      autoConnect: false,
      forceNew: true,
      reconnectionDelay: 300,
      randomizationFactor: 0,
      auth: (give) => give({ token: user.accessToken, cursors: this.cursors }),
    });
    this.socket.onAny((name, payload) => this.#hear(name, payload));
  }

  #hear(name, payload) {
    this.heard.push({ name, payload });
    if (!payload?.seq) return;
    const at = this.cursors[payload.stream];
    if (at && payload.seq !== at.seq + 1) this.faults.push(`${payload.stream}: ${payload.seq} after ${at.seq}`);
    this.cursors[payload.stream] = { epoch: payload.epoch, seq: payload.seq };
  }

  /** Wait for something that was heard. */
  async hears(name, matches = () => true, from = 0) {
    const deadline = Date.now() + PATIENCE_MILLISECONDS;
    while (Date.now() < deadline) {
      const found = this.heard.slice(from).find((each) => each.name === name && matches(each.payload));
      if (found) return found.payload;
      await sleep(10);
    }
    throw new Error(`${this.namespace} never heard ${name}; it heard ${this.heard.map((each) => each.name)}`);
  }

  async connect() {
    this.socket.connect();
    await this.hears('session_ready');
    return this;
  }

  /** The connection has left polling behind, which it begins with. */
  async upgraded() {
    const { engine } = this.socket.io;
    if (engine.transport.name !== 'websocket') await new Promise((resolve) => { engine.once('upgrade', resolve); });
  }

  async ask(name, payload) {
    return this.socket.timeout(PATIENCE_MILLISECONDS).emitWithAck(name, payload);
  }

  async result(name, payload) {
    const ack = await this.ask(name, payload);
    assert.equal(ack.ok, true, JSON.stringify(ack));
    return ack.result;
  }

  /** Follow a stream from now; what comes later is held against the head that the answer names. */
  async follow(key) {
    const { epoch, head } = await this.result('subscribe', { stream: key });
    this.cursors[key] ??= { epoch, seq: head };
    return head;
  }

  seqs(key) {
    return this.heard.filter(({ payload }) => payload?.stream === key).map(({ payload }) => payload.seq);
  }
}

async function http(method, path, user, body) {
  const response = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${user.accessToken}`,
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    },
    body: body && JSON.stringify(body),
  });
  const answer = await response.json();
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
  return answer;
}

const place = () => http('POST', '/orders', users.customer, { items: [{ menuItemId: menu[0].id, quantity: 1 }] });

async function pay(order) {
  const payment = { orderId: order.id, paymentMethod: 'customer_credit' };
  return http('POST', '/payments', users.customer, payment);
}

async function refusal(namespace, user) {
  const { socket } = new Screen(namespace, user);
  const told = new Promise((resolve) => {
    socket.on('connect_error', resolve);
  });
  socket.connect();
  const error = await told;
  socket.disconnect();
  return { message: error.message, ...error.data };
}

async function connectAll() {
  const wanted = {
    kitchen: ['/kitchen', users.kitchen],
    counter: ['/counter', users.counter],
    admin: ['/admin', users.manager],
    staff: ['/orders', users.staff],
    own: ['/customers', users.customer],
    paying: ['/payments', users.customer],
  };
  const screens = {};
  for (const [name, [namespace, user]] of Object.entries(wanted)) {
    screens[name] = await new Screen(namespace, user).connect();
  }
  await screens.kitchen.follow(stream('kitchen'));
  await screens.counter.follow(stream('counter'));
  await screens.counter.follow(stream('staff'));
  await screens.staff.follow(stream('staff'));
  await screens.admin.follow(stream('management'));
  await screens.paying.result('join_cafe', { cafeId });
  return screens;
}

async function refuseStrangers(screens) {
  const refused = await refusal('/kitchen', users.customer);
  assert.equal(refused.code, 'not_allowed');
  assert.equal(refused.retryable, false);
  assert.equal((await refusal('/orders', { accessToken: 'nonsense' })).code, 'token_invalid');

  const ack = await screens.own.ask('subscribe', { stream: stream('kitchen') });
  assert.equal(ack.ok, false);
  assert.equal(ack.error.type, 'authorization_denied');
  assert.deepEqual(await screens.own.hears('exception'), ack.error);
}

async function makeOne(screens) {
  const order = await place();
  await screens.own.result('join_order', { orderId: order.id });
  const payment = await pay(order);
  await screens.paying.hears('payment_state_sync', (event) => event.paymentId === payment.paymentId);
  const ticket = await screens.kitchen.hears('new_paid_order', (event) => event.orderId === order.id);
  assert.deepEqual(ticket.items[0].name, menu[0].name);
  assert.ok(!JSON.stringify(ticket).includes('mount'), 'the kitchen sees no prices');

  const move = (status) => screens.kitchen.result('order_status_update', { orderId: order.id, status, commandId: randomUUID() });
  assert.equal((await move('preparing')).status, 'preparing');
  await screens.counter.hears('order_in_preparation', (event) => event.orderId === order.id);
  await move('ready');
  await screens.own.hears('order_ready', (event) => event.orderId === order.id);
  const collected = { orderId: order.id, status: 'collected' };
  assert.equal((await screens.counter.result('order_status_update', collected)).status, 'collected');
  await screens.staff.hears('order_status_changed', (event) => event.orderId === order.id && event.status === 'collected');
  await screens.admin.hears('order_status_changed', (event) => event.orderId === order.id && event.status === 'collected');
}

/** The kitchen's line breaks, twice, and each time an order is paid before it is back. */
async function cutOff({ kitchen }) {
  for (let times = 1; times <= 2; times += 1) {
    const before = kitchen.heard.length;
    const lost = new Promise((resolve) => {
      kitchen.socket.once('disconnect', resolve);
    });
    await kitchen.upgraded();
    // The line stays broken until the order is paid, however long that takes on this machine.
    kitchen.socket.io.reconnection(false);
    kitchen.socket.io.engine.transport.ws.terminate();
    await lost;
    const order = await place();
    await pay(order);
    assert.equal(kitchen.socket.connected, false, 'the order was paid while the line was broken');
    kitchen.socket.io.reconnection(true);
    kitchen.socket.connect();
    const { streams } = await kitchen.hears('session_ready', () => true, before);
    assert.deepEqual(streams.map((each) => each.stream), [stream('kitchen')]);
    await kitchen.hears('new_paid_order', (event) => event.orderId === order.id);
  }
}

async function upToDate(screens) {
  const { seq, state } = await http('GET', `/streams/${stream('kitchen')}/snapshot`, users.kitchen);
  const heard = screens.kitchen.seqs(stream('kitchen'));
  assert.equal(heard.at(-1), seq, 'the screen is where the stream is');
  assert.deepEqual(heard, heard.map((_, index) => heard[0] + index), 'no gap, no repeat');
  return state.orders.length;
}

const screens = await connectAll();
await refuseStrangers(screens);
await makeOne(screens);
await cutOff(screens);
const waiting = await upToDate(screens);
const faults = Object.values(screens).flatMap((screen) => screen.faults);
assert.deepEqual(faults, []);
const heard = Object.fromEntries(
  Object.entries(screens).map(([name, screen]) => [name, screen.heard.map((each) => each.name)]),
);
for (const screen of Object.values(screens)) screen.socket.disconnect();
console.log(JSON.stringify({ waiting, heard, kitchen: screens.kitchen.seqs(stream('kitchen')) }));
