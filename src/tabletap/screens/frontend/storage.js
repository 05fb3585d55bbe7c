// What this device remembers, as JSON under one prefix. A browser that forbids storage only forgets on reload.

const PREFIX = 'tabletap:';
/** @type {Map<string, string>} */
const fallback = new Map();

/** What was remembered under a name. @template T @param {string} name @returns {T | null} */
export function recall(name) {
  try {
    const text = localStorage.getItem(PREFIX + name) ?? fallback.get(name);
    return text ? JSON.parse(text) : null;
  } catch {
    const text = fallback.get(name);
    return text ? JSON.parse(text) : null;
  }
}

/** Remember a value, or forget it when it is null. @param {string} name @param {unknown} value */
export function remember(name, value) {
  const text = value === null ? null : JSON.stringify(value);
  try {
    if (text === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, text);
    fallback.delete(name);
  } catch {
    if (text === null) fallback.delete(name);
    else fallback.set(name, text);
  }
}

/** Forget everything whose name starts so. @param {string} start */
export function forget(start) {
  for (const name of [...fallback.keys()]) if (name.startsWith(start)) fallback.delete(name);
  try {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(PREFIX + start)) localStorage.removeItem(key);
    }
  } catch {
    // nothing could have been stored
  }
}
