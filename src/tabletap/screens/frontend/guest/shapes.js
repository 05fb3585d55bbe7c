// The menu as the API tells it, turned into what this screen uses: the one place that knows its shape.

/** @typedef {import('../shapes').Menu} Menu */
/** @typedef {import('../shapes').MenuItem} MenuItem */
/** @typedef {import('../shapes').ModifierGroup} ModifierGroup */

/** @param {any} told @returns {Menu} */
export function menuOf(told) {
  return {
    cafeName: told.name ?? told.cafeName ?? '',
    currency: told.currency,
    categories: told.categories.map((/** @type {any} */ category) => ({
      name: category.name,
      items: category.items.map(itemOf),
    })),
  };
}

/** @param {any} told @returns {MenuItem} */
function itemOf(told) {
  return {
    id: told.id,
    name: told.name,
    description: told.description ?? '',
    price: told.price,
    allergens: told.allergens ?? [],
    available: told.available !== false,
    groups: (told.modifierGroups ?? []).map(groupOf),
  };
}

/** @param {any} told @param {number} index @returns {ModifierGroup} */
function groupOf(told, index) {
  return {
    id: told.id ?? String(index),
    name: told.name,
    min: told.min ?? told.minimum ?? 0,
    max: told.max ?? told.maximum ?? told.options.length,
    options: told.options.map((/** @type {any} */ option) => ({
      id: option.id,
      name: option.name,
      priceDelta: option.priceDelta ?? 0,
    })),
  };
}
