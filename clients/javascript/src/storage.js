// Where states, cursors and waiting commands are kept. A storage answers at once: what an event changed and its cursor
// are written together, before the next event.

/** @typedef {import('../index').LiveStorage} LiveStorage */

/** Keeps things for as long as the program runs. @returns {LiveStorage} */
export function memoryStorage() {
  /** @type {Map<string, string>} */
  const kept = new Map();
  return {
    get: (name) => read(kept.get(name)),
    set: (name, value) => void (value === null ? kept.delete(name) : kept.set(name, JSON.stringify(value))),
    forget(start) {
      for (const name of [...kept.keys()]) if (name.startsWith(start)) kept.delete(name);
    },
  };
}

/**
 * Keeps things in `localStorage` or its like, so that they survive a reload. A browser that forbids it only forgets on
 * reload.
 * @param {Storage} [storage] @param {string} [prefix] @returns {LiveStorage}
 */
export function webStorage(storage, prefix = 'tabletap:') {
  const place = () => storage ?? localStorage; // merely to name it may be forbidden
  const otherwise = memoryStorage();
  return {
    get(name) {
      try {
        return read(place().getItem(prefix + name)) ?? otherwise.get(name);
      } catch {
        return otherwise.get(name);
      }
    },
    set(name, value) {
      try {
        if (value === null) place().removeItem(prefix + name);
        else place().setItem(prefix + name, JSON.stringify(value));
        otherwise.set(name, null);
      } catch {
        otherwise.set(name, value); // full, or forbidden
      }
    },
    forget(start) {
      otherwise.forget(start);
      try {
        const names = Object.keys(place());
        for (const name of names) if (name.startsWith(prefix + start)) place().removeItem(name);
      } catch {
        // nothing could have been stored
      }
    },
  };
}

/** @param {string | null | undefined} text */
function read(text) {
  return text ? JSON.parse(text) : null;
}
