// Does with the official Socket.IO client for JavaScript what a test asks for, in Node and in browsers alike, and
// reports everything that the client hears, in the order in which the client hears it.

const TRANSPORTS = { websocket: ['websocket'], polling: ['polling'], upgrade: ['polling', 'websocket'] };

/** JSON has no bytes: `{"$bytes": [1, 2]}` stands for them. */
function withBytes(value) {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(withBytes);
  if (value.$bytes) return new Uint8Array(value.$bytes);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withBytes(inner)]));
}

class Client {
  #cursors = {};
  #sockets = {};

  constructor(Manager, report, { url, transport, namespaces, auth, reconnects, keepsCursors }) {
    this.auth = auth;
    this.report = report;
    this.manager = new Manager(url, {
      transports: TRANSPORTS[transport],
      reconnection: reconnects,
      reconnectionDelay: 20,
      reconnectionDelayMax: 200,
      autoConnect: false,
    });
    this.manager.on('open', () => {
      this.manager.engine.on('upgrade', ({ name }) => report({ kind: 'transport', name }));
      report({ kind: 'transport', name: this.manager.engine.transport.name });
    });
    for (const namespace of namespaces) this.#sockets[namespace] = this.#socket(namespace, keepsCursors);
    for (const socket of Object.values(this.#sockets)) socket.connect();
  }

  #socket(namespace, keepsCursors) {
    const tell = (kind, name, payload) => this.report({ kind, namespace, name, payload });
    const cursors = () => (keepsCursors ? { cursors: this.#cursors } : {});
    const socket = this.manager.socket(namespace, { auth: (give) => give({ ...this.auth, ...cursors() }) });
    socket.on('connect', () => tell('connect', socket.id));
    socket.on('connect_error', (error) => tell('connect_error', error.message, error.data));
    socket.on('disconnect', (reason) => tell('disconnect', reason));
    socket.onAny((name, payload) => {
      if (payload?.seq) this.#cursors[payload.stream] = { epoch: payload.epoch, seq: payload.seq };
      tell('event', name, payload);
    });
    return socket;
  }

  /** Send messages in one breath, without waiting for anything. */
  send({ namespace, messages }) {
    for (const { number, name, given } of messages) {
      const answered = (payload) => this.report({ kind: 'ack', namespace, name: String(number), payload });
      this.#sockets[namespace].emit(name, ...withBytes(given), answered);
    }
  }

  again({ auth }) {
    this.auth = auth;
    for (const socket of Object.values(this.#sockets)) socket.connect();
  }

  leave({ namespace }) {
    this.#sockets[namespace].disconnect();
  }

  close() {
    for (const socket of Object.values(this.#sockets)) socket.disconnect();
    this.report({ kind: 'closed' });
  }
}

/** A function that obeys commands: `{client, act, ...}`; `report` is given `{client, kind, ...}`. */
export function puppet(Manager, report) {
  const clients = new Map();
  return ({ client, act, ...more }) => {
    const tell = (heard) => report({ client, ...heard });
    if (act === 'open') clients.set(client, new Client(Manager, tell, more));
    else clients.get(client)[act](more);
    if (act === 'close') clients.delete(client);
  };
}
