// What needs no server to be checked.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Followed } from '../src/followed.js';
import { Live, LiveProblem, Outbox, memoryStorage, newId, webStorage } from '../src/index.js';

const at = (seq, epoch = 1) => ({ epoch, seq, name: 'announcement' });
const numbers = { initial: [], reduce: (state, event) => [...state, event.seq] };
const away = (storage = memoryStorage()) => new Live({ url: 'http://127.0.0.1:9', namespace: '/kitchen', token: 't', storage });

/** What a browser's localStorage does. */
function browserStorage() {
  const store = Object.create({
    getItem: (name) => store[name] ?? null,
    setItem: (name, text) => void (store[name] = text),
    removeItem: (name) => void delete store[name],
  });
  return store;
}

test('an event is the next one, an old one, or shows a gap', () => {
  const followed = new Followed('s', numbers, memoryStorage(), 's');
  assert.equal(followed.place(at(1)), 'gap', 'nothing is known yet');
  followed.set([], at(4));
  assert.deepEqual([3, 4, 5, 6].map((seq) => followed.place(at(seq))), ['old', 'old', 'next', 'gap']);
  assert.equal(followed.place(at(5, 2)), 'gap', 'another epoch');
});

test('state and cursor are kept together and come back together', () => {
  const storage = memoryStorage();
  const followed = new Followed('s', numbers, storage, 'kept');
  followed.set([], at(0));
  followed.apply(at(1));
  followed.apply(at(2));
  const again = new Followed('s', numbers, storage, 'kept');
  assert.deepEqual([again.state, again.cursor, again.complete], [[1, 2], { epoch: 1, seq: 2 }, false]);
});

test('a stream is complete when it has reached the head that was named', () => {
  const followed = new Followed('s', numbers, memoryStorage(), 's');
  followed.set([], at(0));
  followed.reaches(2);
  followed.apply(at(1));
  assert.equal(followed.complete, false);
  followed.apply(at(2));
  assert.equal(followed.complete, true);
  followed.interrupt();
  assert.equal(followed.complete, false);
});

test('a browser that forbids storage only forgets on reload', () => {
  const forbidding = { getItem: () => { throw new Error('no'); }, setItem: () => { throw new Error('full'); } };
  const storage = webStorage(forbidding);
  storage.set('a', { b: 1 });
  assert.deepEqual(storage.get('a'), { b: 1 });
  storage.forget('a');
  assert.equal(storage.get('a'), null);
  assert.equal(webStorage().get('a'), null, 'where there is none at all');
});

test('what is kept in a browser has a prefix of its own and can be forgotten by how it begins', () => {
  const store = browserStorage();
  const storage = webStorage(store, 'mine:');
  storage.set('live:a', 1);
  storage.set('live:b', 2);
  storage.set('outbox', 3);
  assert.deepEqual(Object.keys(store), ['mine:live:a', 'mine:live:b', 'mine:outbox']);
  storage.forget('live:');
  storage.set('outbox', null);
  assert.deepEqual(Object.keys(store), []);
});

test('commands wait in their order and survive a reload', () => {
  const storage = memoryStorage();
  const outbox = new Outbox(away(storage));
  const [first, second] = ['preparing', 'ready'].map((status) => outbox.add('order_status_update', { orderId: 'a', status }));
  assert.notEqual(first.commandId, second.commandId);
  assert.deepEqual(new Outbox(away(storage)).waiting, [first, second]);
});

test('a command is taken back with those that build on it, and only while it has not gone', () => {
  const lane = (command) => command.payload.orderId;
  const outbox = new Outbox(away(), { lane });
  const [a, , b] = ['a', 'a', 'b'].map((orderId) => outbox.add('order_status_update', { orderId }, { holdMilliseconds: 60_000 }));
  assert.equal(outbox.takeBack(a.commandId), true);
  assert.deepEqual(outbox.waiting, [b]);
  assert.equal(outbox.takeBack(a.commandId), false);
  outbox.waiting = [{ ...b, sent: true }];
  assert.equal(outbox.takeBack(b.commandId), false);
  outbox.close();
});

test('what cannot be reached is a problem that passes', async () => {
  const live = away();
  live.options.answerMilliseconds = 20;
  await assert.rejects(live.send('subscribe', { stream: 's' }), { code: 'network', retryable: true });
  assert.ok(new LiveProblem({ code: 'not_allowed' }) instanceof Error);
  assert.deepEqual([live.status.phase, live.status.since], ['stale', null]);
});

test('an id is a UUIDv7 of now', () => {
  const id = newId();
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.ok(Math.abs(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16) - Date.now()) < 5_000);
  assert.notEqual(newId(), id);
});
