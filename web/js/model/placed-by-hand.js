// What the user states of single machines: an inventory file of the map's own, changed by one answer. Pure.

/** @typedef {import('../document-types.js').DocumentNode} DocumentNode */
/** @typedef {'vm'|'router'|'hypervisor'} HandKind the kinds that an inventory can state */
/** @typedef {{vm: string, mac?: string, ip?: string[], host?: string, kind: string}} HandRow */
/** @typedef {{placed_by_hand: true, vms: HandRow[]}} HandDocument */

/** Its name in the map. */
export const HAND_FILE = 'placed-on-the-page.json';

/** @type {Record<HandKind, string>} */
export const HAND_KINDS = { vm: 'VM, also one that routes', router: 'Router, no VM', hypervisor: 'Hypervisor itself' };

/** @param {string} text of the file, "" where there is none @returns {HandDocument} rows that are not the page's are left out */
export function readHandDocument(text) {
  /** @type {unknown} */
  let value = null;
  try {
    value = JSON.parse(text);
  } catch {
    value = null;
  }
  const rows = /** @type {{vms?: unknown}|null} */ (value)?.vms;
  return { placed_by_hand: true, vms: Array.isArray(rows) ? rows.filter((row) => typeof row?.vm === 'string') : [] };
}

/** @param {HandRow} row @param {DocumentNode} node */
function isAbout(row, node) {
  if (row.mac) return node.macs.includes(row.mac);
  return (row.ip ?? []).some((ip) => node.ips.includes(ip));
}

/** @param {HandDocument} document @param {DocumentNode} node @returns {{host: string, kind: string}|null} */
export function handAnswer(document, node) {
  const row = document.vms.find((one) => isAbout(one, node));
  return row ? { host: row.host ?? '', kind: row.kind } : null;
}

/** @param {HandDocument} document @param {DocumentNode} node @returns {HandDocument} */
export function withoutHand(document, node) {
  return { placed_by_hand: true, vms: document.vms.filter((row) => !isAbout(row, node)) };
}

/**
 * States host and kind of an endpoint, by its MACs; by its addresses where no frame showed a MAC of its own.
 * @param {HandDocument} document
 * @param {DocumentNode} node
 * @param {Iterable<DocumentNode>} nodes all of the map
 * @param {{host: string, kind: string}} answer
 * @returns {HandDocument}
 */
export function withHand(document, node, nodes, { host, kind }) {
  const said = { vm: nameOf(node, nodes), ...(host.trim() ? { host: host.trim() } : {}), kind };
  const rows = node.macs.length ? node.macs.map((mac) => ({ ...said, mac })) : [{ ...said, ip: node.ips }];
  return { placed_by_hand: true, vms: [...withoutHand(document, node).vms, ...rows] };
}

/** One name means one VM, so a name that others have too gets an address. @param {DocumentNode} node @param {Iterable<DocumentNode>} nodes */
function nameOf(node, nodes) {
  const name = node.label.toLowerCase();
  const shared = [...nodes].some((other) => other.id !== node.id && other.label.toLowerCase() === name);
  return shared ? `${node.label} (${node.macs[0] ?? node.ips[0] ?? node.id})` : node.label;
}
