// From one revision of the graph document to the next: rows that did not change stay the same objects. Pure.

/** @typedef {import('../document-types.js').GraphDocument} GraphDocument */
/** @typedef {import('../document-types.js').GraphChanges} GraphChanges */

/**
 * @param {GraphDocument} document of the revision `changes.since`; not changed
 * @param {GraphChanges} changes
 * @returns {GraphDocument}
 */
export function applyChanges(document, changes) {
  return {
    ...document,
    graph: changes.graph,
    nodes: applied(document.nodes, changes.nodes, new Set(changes.removed_nodes), (node) => node.id, changes.node_order),
    edges: applied(document.edges, changes.edges, new Set(changes.removed_edges.map(edgeKey)), (edge) => edgeKey([edge.source, edge.target]), changes.edge_order),
  };
}

/** JSON, because an id may hold any character. @param {[string, string]} ends */
function edgeKey(ends) {
  return JSON.stringify(ends);
}

/**
 * The old rows without the removed ones and with the changed ones in their places, then the new ones; in `order`.
 * @template T
 * @param {T[]} old
 * @param {T[]} changed
 * @param {Set<string>} removed
 * @param {(row: T) => string} keyOf
 * @param {number[]|null} order
 * @returns {T[]}
 */
function applied(old, changed, removed, keyOf, order) {
  if (changed.length === 0 && removed.size === 0 && order === null) return old;
  const waiting = new Map(changed.map((row) => [keyOf(row), row]));
  /** @type {T[]} */
  const rows = [];
  for (const row of old) {
    const key = keyOf(row);
    if (removed.has(key)) continue;
    rows.push(waiting.get(key) ?? row);
    waiting.delete(key);
  }
  rows.push(...waiting.values());
  return order === null ? rows : order.map((place) => /** @type {T} */ (rows[place]));
}
