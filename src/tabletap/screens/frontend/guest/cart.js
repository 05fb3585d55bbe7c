// The cart: pure sums over lines.

/** @typedef {import('../shapes').CartLine} CartLine */
/** @typedef {import('../shapes').Menu} Menu */
/** @typedef {import('../shapes').MenuItem} MenuItem */
/** @typedef {import('../shapes').Modifier} Modifier */

const MOST_OF_ONE = 99;

/** @param {MenuItem} item @param {Modifier[]} modifiers @returns {number} of one piece */
export function unitPrice(item, modifiers) {
  return modifiers.reduce((sum, modifier) => sum + modifier.priceDelta, item.price);
}

/** @param {CartLine} line */
export function lineTotal(line) {
  return unitPrice(line.item, line.modifiers) * line.quantity;
}

/** @param {CartLine[]} lines */
export function total(lines) {
  return lines.reduce((sum, line) => sum + lineTotal(line), 0);
}

/** @param {CartLine[]} lines */
export function pieces(lines) {
  return lines.reduce((sum, line) => sum + line.quantity, 0);
}

/** @param {MenuItem} item @param {Modifier[]} modifiers @param {string} note */
function keyOf(item, modifiers, note) {
  return [item.id, ...modifiers.map((modifier) => modifier.id).toSorted(), note].join('|');
}

/** @param {CartLine[]} lines @param {MenuItem} item @param {Modifier[]} modifiers @param {number} quantity @param {string} note @returns {CartLine[]} */
export function put(lines, item, modifiers, quantity, note) {
  const key = keyOf(item, modifiers, note);
  const same = lines.find((line) => line.key === key);
  if (same) return change(lines, key, same.quantity + quantity);
  return [...lines, { key, item, modifiers, quantity, note }];
}

/** @param {CartLine[]} lines @param {string} key @param {number} quantity none = take the line off @returns {CartLine[]} */
export function change(lines, key, quantity) {
  if (quantity < 1) return lines.filter((line) => line.key !== key);
  return lines.map((line) => (line.key === key ? { ...line, quantity: Math.min(quantity, MOST_OF_ONE) } : line));
}

/**
 * The lines at today's menu: new prices, and without what is no longer there.
 * @param {CartLine[]} lines @param {Menu} menu
 * @returns {{lines: CartLine[], gone: string[]}}
 */
export function freshen(lines, menu) {
  const items = new Map(menu.categories.flatMap((category) => category.items).map((item) => [item.id, item]));
  /** @type {CartLine[]} */
  const kept = [];
  /** @type {string[]} */
  const gone = [];
  for (const line of lines) {
    const item = items.get(line.item.id);
    const options = new Map(item?.groups.flatMap((group) => group.options).map((option) => [option.id, option]));
    const modifiers = line.modifiers.map((modifier) => options.get(modifier.id));
    if (item?.available && modifiers.every((modifier) => modifier !== undefined)) {
      kept.push({ ...line, item, modifiers: modifiers.filter((modifier) => modifier !== undefined) });
    } else gone.push(line.item.name);
  }
  return { lines: kept, gone };
}
