// Services with their bytes, the largest first.

import { bytes, serviceName } from '../format.js';
import { el } from './element.js';
import { moreList } from './more-list.js';

/**
 * @param {string} key
 * @param {{service: import('../document-types.js').Service, wire_bytes: number}[]} rows
 */
export function foldedServices(key, rows) {
  if (rows.length === 0) return el('p', { class: 'muted' }, 'No service was recognised.');
  return moreList(key, rows, ({ service, wire_bytes }) =>
    el('li', {}, el('span', { class: 'hostile' }, serviceName(service)), el('b', { class: 'num' }, bytes(wire_bytes))), { className: 'services', page: 6 });
}
