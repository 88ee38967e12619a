// A new inventory gives endpoints new ids. What was selected, hidden or shown alone is found again by its addresses. Pure.

/** @typedef {import('./graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../document-types.js').DocumentNode} DocumentNode */
/** @typedef {import('../url-state.js').Selection} Selection */

/**
 * @param {Selection|null} selection
 * @param {GraphModel|null} before
 * @param {GraphModel} now
 * @returns {Selection|null} the same object when nothing has to change
 */
export function carrySelection(selection, before, now) {
  if (selection === null || before === null) return selection;
  if (selection.type === 'node') {
    const id = idNow(selection.id, before, now);
    return id === selection.id ? selection : { ...selection, id };
  }
  if (selection.type !== 'pair') return selection;
  const [a, b] = [idNow(selection.a, before, now), idNow(selection.b, before, now)];
  return a === selection.a && b === selection.b ? selection : { ...selection, a, b };
}

/** @param {string[]} ids @param {GraphModel|null} before @param {GraphModel} now @returns {string[]} the same list when nothing has to change */
export function carryNodes(ids, before, now) {
  if (before === null) return ids;
  const carried = ids.map((id) => idNow(id, before, now));
  return carried.every((id, i) => id === ids[i]) ? ids : [...new Set(carried)];
}

/** @param {string} id @param {GraphModel} before @param {GraphModel} now @returns {string} unchanged when it is not found for certain */
function idNow(id, before, now) {
  const node = before.nodes.get(id);
  if (!node || now.nodes.has(id)) return id;
  const same = [...now.nodes.values()].filter((other) => sharesAddress(node, other));
  return same.length === 1 && same[0] ? same[0].id : id;
}

/** @param {DocumentNode} one @param {DocumentNode} other */
function sharesAddress(one, other) {
  return one.ips.some((ip) => other.ips.includes(ip)) || (one.ips.length === 0 && one.macs.some((mac) => other.macs.includes(mac)));
}
