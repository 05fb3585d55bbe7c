// The types of tabletap-live. What is heard and said is in events.d.ts, made from the server's own models.

import type { ManagerOptions, Socket, SocketOptions } from 'socket.io-client';
import type {
  Audience, ClientEvents, Commands, CommandsIn, Envelope, Namespace, ServerEvents, StateOf, StreamEvent, StreamKey, StreamsIn,
} from './events';

export type * from './events';

export interface Cursor {
  epoch: number;
  seq: number;
}

/** The audience of a stream, by its name. */
export type AudienceOf<K extends string> = { [A in Audience]: K extends StreamKey[A] ? A : never }[Audience];

/** An event of a stream whose name is known, or of any. */
export type EventOf<K extends string> = [AudienceOf<K>] extends [never]
  ? Envelope & Record<string, any> : StreamEvent<AudienceOf<K>>;

/** Where states, cursors and waiting commands are kept. It answers at once. */
export interface LiveStorage {
  /** What was kept under a name; null when there is nothing. */
  get(name: string): any;
  /** Keep a JSON value; null forgets it. */
  set(name: string, value: unknown): void;
  /** Forget everything whose name starts so. */
  forget(start: string): void;
}

export type Phase = 'live' | 'catching_up' | 'stale';

export interface Status {
  /** `live`: everything up to the head of every stream is applied and the server is heard. */
  phase: Phase;
  /** When what is shown was last known to be the truth, ms since 1970. */
  since: number | null;
  /** The last heartbeat, ms since 1970. */
  beatAt: number | null;
  /** How many events all streams together have had. */
  events: number;
}

export interface LiveOptions<S extends Namespace = Namespace> {
  /** Where TableTap is, as `https://cafe.example`; the page's own address where there is one. */
  url?: string;
  namespace: S;
  /** An access token that is good for a while yet. */
  token: string | (() => string | Promise<string>);
  /** Another token than this one, which is about to run out or was refused. */
  refresh?: (refused: string) => string | Promise<string>;
  /** `memoryStorage()` if there is none; in a browser give it `webStorage()`. */
  storage?: LiveStorage;
  /** Tells apart what several people of one device keep. */
  name?: string;
  onStatus?: (status: Status) => void;
  /** What only people can mend: no sign-in, no right, a bug in `reduce`. Everything else is tried again in silence. */
  onProblem?: (problem: any) => void;
  /** An interruption this short is only "catching up" (3,000). */
  blinkMilliseconds?: number;
  /** After this the answer to a command is not waited for any more (8,000). */
  answerMilliseconds?: number;
  /** How often the server is told how far we are (10,000); 0 for never. */
  ackMilliseconds?: number;
  /** Options of socket.io-client. */
  socket?: Partial<ManagerOptions & SocketOptions>;
}

export interface How<State, K extends string = string> {
  /** The state before anything was heard. */
  initial: State;
  /** The state after the next event: a new value, not a changed one. */
  reduce: (state: State, event: EventOf<K>) => State;
  /** Where to begin, instead of the server's snapshot as it is. */
  load?: () => Promise<{ state: State } & Cursor>;
  /** The state is another one. */
  onChange?: (state: State) => void;
  /** Something happened just now: for sounds and the like. What must not be lost belongs into the state. */
  onEvent?: (event: EventOf<K>) => void;
}

/** One stream: what it says so far, and up to where. */
export interface Followed<State> {
  readonly stream: string;
  readonly state: State;
  /** The last event in the state; null before the first snapshot. */
  readonly cursor: Cursor | null;
  /** Everything up to the head that the server named has been applied. */
  readonly complete: boolean;
  /** Change the state by our own doing; the cursor stays. */
  change(change: (state: State) => State): void;
}

/** A connection to one namespace that knows whether it shows the truth. */
export class Live<S extends Namespace = Namespace> {
  constructor(options: LiveOptions<S>);
  readonly namespace: string;
  readonly storage: LiveStorage;
  readonly status: Status;
  /** For what this class does not do. Do not connect or disconnect it. */
  readonly socket: Socket<ServerEvents<S>, ClientEvents<S>>;
  /** Connect, and stay connected until `stop`. Safe to repeat. */
  start(): void;
  /** Disconnect, and stay so until `start`. What is kept stays kept. Safe to repeat. */
  stop(): void;
  /** Follow a stream from what is kept of it, or from a snapshot. Safe to repeat: a stream is followed once. */
  follow<K extends StreamKey[StreamsIn[S]], State = StateOf[AudienceOf<K>]>(stream: K, how: How<State, K>): Followed<State>;
  /** Follow a stream no longer. What is kept of it stays kept. */
  unfollow(stream: string): void;
  /**
   * Send a command and wait for its answer. Raises LiveProblem; its code is "network" when no answer came, and then it
   * may have happened: `Outbox` is for commands that must.
   */
  send<C extends CommandsIn[S]>(name: C, payload: Commands[C]['payload']): Promise<Commands[C]['result']>;
  /** Be told of every connection, from the first; the answer ends that. */
  onConnected(listener: () => void): () => void;
}

/** A command that has not been answered yet. */
export interface Waiting {
  commandId: string;
  name: string;
  payload: Record<string, any>;
  /** Not sent before this moment (time to take it back), ms since 1970. */
  notBefore: number;
  /** It may have happened. */
  sent: boolean;
}

export interface OutboxOptions {
  /** Where it is kept; two outboxes of one device need two names. */
  name?: string;
  /** Commands of one lane build on each other, those of other lanes need not wait. Without it all go in their order. */
  lane?: (command: Waiting) => string;
  onChange?: (waiting: Waiting[]) => void;
  onDone?: (command: Waiting, result: any) => void;
  /** It will not happen, nor what built on it. */
  onRefused?: (command: Waiting, problem: any, dropped: Waiting[]) => void;
}

/** Commands that are kept until they are answered, sent in their order, and happen once however often they are sent. */
export class Outbox {
  constructor(live: Live<any>, options?: OutboxOptions);
  /** What has not been answered yet, oldest first. */
  readonly waiting: Waiting[];
  /** Put a command in line; it can be taken back while it is held. */
  add(name: string, payload: Record<string, any>, options?: { holdMilliseconds?: number }): Waiting;
  /** Take a command back, with those that build on it. False when it has already gone. */
  takeBack(commandId: string): boolean;
  /** Send what may go now; safe to call at any time. */
  flush(): void;
  /** Send nothing more from here; what waits stays kept. */
  close(): void;
}

/** Something that the server refused, or that it could not be asked (`code` "network"). `message` is for people. */
export class LiveProblem extends Error {
  constructor(what: {
    code?: string; message?: string; type?: string; retryable?: boolean; retryAfterSeconds?: number | undefined;
    stream?: string | undefined;
  });
  readonly code: string;
  readonly type: string;
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | undefined;
  readonly stream: string | undefined;
}

/** Keeps things for as long as the program runs. */
export function memoryStorage(): LiveStorage;
/** Keeps things in `localStorage` or its like, so that they survive a reload. */
export function webStorage(storage?: Storage, prefix?: string): LiveStorage;
/** A new UUIDv7: sortable by time, unguessable otherwise. */
export function newId(): string;
