// The display filter that shows a pair in Wireshark. Pure.

/** @typedef {import('../document-types.js').DocumentNode} DocumentNode */

/** Addresses of a machine beyond this many make a filter that nobody can read. */
const MOST = 16;

/** @param {string} field @param {string[]} values */
function isAnyOf(field, values) {
  return values.length === 1 ? `${field} == ${values[0]}` : `${field} in {${values.join(', ')}}`;
}

/**
 * Link-local IPv6 addresses carry no zone in Wireshark.
 * @param {DocumentNode} node
 * @param {boolean} v6
 */
function addresses(node, v6) {
  return node.ips.map((ip) => ip.split('%')[0] ?? ip).filter((ip) => ip.includes(':') === v6).slice(0, MOST);
}

/**
 * @param {DocumentNode} a
 * @param {DocumentNode} b
 * @returns {string|null} null when the two share no kind of address to filter by
 */
export function wiresharkFilter(a, b) {
  const parts = [];
  for (const [field, v6] of /** @type {[string, boolean][]} */ ([['ip.addr', false], ['ipv6.addr', true]])) {
    const of = addresses(a, v6);
    const other = addresses(b, v6);
    if (of.length && other.length) parts.push(`(${isAnyOf(field, of)} && ${isAnyOf(field, other)})`);
  }
  if (parts.length === 0 && a.macs.length && b.macs.length) {
    parts.push(`(${isAnyOf('eth.addr', a.macs.slice(0, MOST))} && ${isAnyOf('eth.addr', b.macs.slice(0, MOST))})`);
  }
  return parts.length ? parts.join(' || ') : null;
}
