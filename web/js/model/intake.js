// What a dropped file is, told by its name. Pure.

/** @typedef {'capture'|'inventory'|'points'|'unknown'} FileKind */

const CAPTURES = /\.(pcap|pcapng|cap|dmp|ntar|snoop|erf)(\d*)(\.(gz|zst|lz4))?$/i;
const INVENTORY = /\.(csv|tsv|json|xml|yaml|yml|txt|xlsx|conf|log)$/i;
const POINTS = /(^|[^a-z])points[^/]*\.(yaml|yml|json)$/i;

/** Words for the list of files. @type {Record<FileKind, string>} */
export const KIND_LABELS = {
  capture: 'capture', inventory: 'inventory', points: 'capture points', unknown: 'capture',
};

/**
 * @param {string} name
 * @returns {FileKind}
 */
export function kindOfFile(name) {
  if (POINTS.test(name)) return 'points';
  if (CAPTURES.test(name)) return 'capture';
  if (INVENTORY.test(name)) return 'inventory';
  return 'unknown';
}

/**
 * A file of an unknown suffix is sent as a capture: the server looks inside and says what is wrong with it.
 * @template {{name: string}} F
 * @param {F[]} files
 * @returns {{captures: F[], inventory: F[], points: F[]}}
 */
export function sortFiles(files) {
  /** @type {{captures: F[], inventory: F[], points: F[]}} */
  const sorted = { captures: [], inventory: [], points: [] };
  for (const file of files) {
    const kind = kindOfFile(file.name);
    sorted[kind === 'points' ? 'points' : kind === 'inventory' ? 'inventory' : 'captures'].push(file);
  }
  return sorted;
}

/**
 * A map's name from its captures.
 * @param {string[]} names
 */
export function mapName(names) {
  const first = names[0] ?? 'Map';
  return names.length > 1 ? `${first} and ${names.length - 1} more` : first;
}

/**
 * What to say of a capture that a map has under another name, else ''. Its frames would look as if a second place had seen them.
 * @param {string} id of the map
 * @param {string} name of the file that was sent
 * @param {{map: string, name: string}[]} same captures that hold the same bytes
 */
export function sameContent(id, name, same) {
  const other = same.find((capture) => capture.map === id);
  return other ? `${name} holds the same bytes as ${other.name}, which this map has already: its frames look as if they had been seen at a second place.` : '';
}
