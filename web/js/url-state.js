// View, filters and selection as the address' hash, and back. Pure. Ids, never names; defaults are left out.

import { NO_FILTERS } from './model/filters.js';
import { LANE_ORDER } from './verdicts.js';

/** @typedef {import('./model/filters.js').Filters} Filters */
/** @typedef {'map'|'table'} View */
/**
 * @typedef {{type: 'pair', a: string, b: string} | {type: 'node', id: string} | {type: 'place', place: string}
 *   | {type: 'trunk', from: string, to: string} | {type: 'point', id: string}} Selection
 */
/** @typedef {{view: View, filters: Filters, selection: Selection|null}} UrlState */

const SEPARATOR = '~';

/** encodeURIComponent leaves the separator alone. @param {string} part */
function encodePart(part) {
  return encodeURIComponent(part).replaceAll(SEPARATOR, '%7E');
}

/** @param {string[]} parts */
function join(parts) {
  return parts.map(encodePart).join(SEPARATOR);
}

/** @param {string|null} text @returns {string[]} */
function split(text) {
  if (!text) return [];
  try {
    return text.split(SEPARATOR).map(decodeURIComponent);
  } catch {
    return [];
  }
}

/** @param {Selection} selection */
function selectionParts(selection) {
  if (selection.type === 'pair') return ['pair', selection.a, selection.b];
  if (selection.type === 'trunk') return ['trunk', selection.from, selection.to];
  if (selection.type === 'place') return ['place', selection.place];
  return [selection.type, selection.id];
}

/** @param {string[]} parts @returns {Selection|null} */
function selectionOf([type, one, two]) {
  if (one === undefined) return null;
  if (type === 'pair' && two !== undefined) return { type, a: one, b: two };
  if (type === 'trunk' && two !== undefined) return { type, from: one, to: two };
  if (type === 'place') return { type, place: one };
  if (type === 'node' || type === 'point') return { type, id: one };
  return null;
}

/** @param {UrlState} state @returns {string} without the leading # */
export function toHash({ view, filters, selection }) {
  const fields = [];
  if (view !== 'map') fields.push(`v=${view}`);
  if (filters.hiddenLanes.length) fields.push(`hide=${join(filters.hiddenLanes)}`);
  if (filters.hiddenSegments.length) fields.push(`seg=${join(filters.hiddenSegments)}`);
  if (filters.hiddenServices.length) fields.push(`svc=${join(filters.hiddenServices)}`);
  if (filters.search) fields.push(`q=${encodePart(filters.search)}`);
  if (filters.minBytes) fields.push(`min=${filters.minBytes}`);
  if (selection) fields.push(`sel=${join(selectionParts(selection))}`);
  return fields.join('&');
}

/** @param {string} hash with or without the leading # @returns {UrlState} what is unknown or broken is left out */
export function fromHash(hash) {
  const fields = new Map(
    hash.replace(/^#/, '').split('&').map((field) => {
      const [key = '', ...rest] = field.split('=');
      return /** @type {[string, string]} */ ([key, rest.join('=')]);
    }),
  );
  const least = Number(fields.get('min'));
  return {
    view: fields.get('v') === 'table' ? 'table' : 'map',
    filters: {
      ...NO_FILTERS,
      hiddenLanes: LANE_ORDER.filter((lane) => split(fields.get('hide') ?? null).includes(lane)),
      hiddenSegments: split(fields.get('seg') ?? null),
      hiddenServices: split(fields.get('svc') ?? null),
      search: split(fields.get('q') ?? null)[0] ?? '',
      minBytes: Number.isFinite(least) && least > 0 ? least : 0,
    },
    selection: selectionOf(split(fields.get('sel') ?? null)),
  };
}
