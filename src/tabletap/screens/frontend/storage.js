// What this device remembers, as JSON under one prefix. A browser that forbids storage only forgets on reload.

import { webStorage } from 'tabletap-live';

export const storage = webStorage();

/** What was remembered under a name. @template T @param {string} name @returns {T | null} */
export const recall = (name) => storage.get(name);

/** Remember a value, or forget it when it is null. @param {string} name @param {unknown} value */
export const remember = (name, value) => storage.set(name, value);

/** Forget everything whose name starts so. @param {string} start */
export const forget = (start) => storage.forget(start);
