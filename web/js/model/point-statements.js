// What the user states of capture points and hosts on the page: the map's points document, changed by one answer. Pure.

/** @typedef {import('../document-types.js').Point} Point */
/** @typedef {import('../document-types.js').HostStatement} HostStatement */
/**
 * @typedef {object} PointRow a row of the points file
 * @property {string} [file]
 * @property {string} [interface]
 * @property {number} [interface_id]
 * @property {number} [ifindex]
 * @property {string} [session]
 * @property {string} [role]
 * @property {string} [host]
 * @property {string} [covers]
 * @property {number} [sampled]
 * @property {number} [vlan] of a remote mirror: then the row is about the copies among a point's frames
 * @property {string} [transport] of mirrored traffic, the same
 */
/** @typedef {{hosts: Record<string, HostStatement>, points: PointRow[]}} PointsDocument */

/** What names a point in a row. @type {('file'|'interface'|'interface_id'|'ifindex'|'session')[]} */
const NAMING = ['file', 'interface', 'interface_id', 'ifindex', 'session'];

/**
 * The part of a row that means this point and no other; the interface's number only where its name would mean several.
 * @param {Point} point
 * @param {Point[]} points all of the map
 * @returns {PointRow}
 */
export function namingOf(point, points) {
  /** @type {PointRow} */
  const row = { file: point.file, interface: point.interface };
  const alike = points.filter((other) => other.file === point.file && other.interface === point.interface);
  if (alike.some((other) => other.interface_id !== point.interface_id) && point.interface_id !== undefined) row.interface_id = point.interface_id;
  if (point.ifindex !== null && point.ifindex !== undefined) row.ifindex = point.ifindex;
  if (point.session) row.session = point.session;
  return row;
}

/** @param {PointRow} row @param {PointRow} naming */
function isAbout(row, naming) {
  if ((row.vlan ?? row.transport ?? null) !== null) return false; // about what was mirrored into the point
  return NAMING.every((key) => (row[key] ?? null) === (naming[key] ?? null));
}

/**
 * States role and host of a point. An empty answer takes back what this page or a row about just this point has said;
 * rows about more than this point stay, and so does what is said of sampling.
 * @param {PointsDocument} document
 * @param {Point} point
 * @param {Point[]} points all of the map
 * @param {{role: string, host: string}} answer
 * @returns {PointsDocument}
 */
export function withPoint(document, point, points, { role, host }) {
  const naming = namingOf(point, points);
  const own = document.points.filter((row) => isAbout(row, naming));
  /** @type {PointRow} */
  const said = Object.assign({}, ...own, naming);
  delete said.role;
  delete said.host;
  if (role) said.role = role;
  if (host.trim()) said.host = host.trim();
  const rows = document.points.filter((row) => !own.includes(row));
  const says = Object.keys(said).some((key) => !NAMING.includes(/** @type {any} */ (key)));
  return { hosts: document.hosts, points: says ? [...rows, said] : rows };
}

/**
 * States a host's uplinks.
 * @param {PointsDocument} document
 * @param {string} host
 * @param {{uplinks: string, complete: boolean}} answer uplinks with commas between them
 * @returns {PointsDocument}
 */
export function withUplinks(document, host, { uplinks, complete }) {
  const names = [...new Set(uplinks.split(',').map((name) => name.trim()).filter(Boolean))];
  const others = Object.entries(document.hosts).filter(([name]) => name !== host);
  /** @type {[string, HostStatement][]} */
  const own = names.length || complete ? [[host, { uplinks: names, uplinks_complete: complete }]] : [];
  return { hosts: Object.fromEntries([...others, ...own]), points: document.points };
}
