// A live client for TableTap that loses nothing. See README.md.

export { Live } from './live.js';
export { Outbox } from './outbox.js';
export { LiveProblem } from './problem.js';
export { memoryStorage, webStorage } from './storage.js';
export { newId } from './ids.js';
