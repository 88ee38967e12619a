// What can be done with a pair: its packets, its filter for Wireshark, the pair alone on the map, a link to it.

import { api } from '../api.js';
import { isolate } from '../model/filters.js';
import { packetsOffer } from '../model/pair-facts.js';
import { copyButton } from './copying.js';
import { el, fill } from './element.js';

/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('../model/filters.js').Filters} Filters */
/** @typedef {import('../document-types.js').PacketsSize} PacketsSize */

/**
 * @param {Pair} pair
 * @param {string} mapId
 * @param {{sightings: import('../document-types.js').Sightings, packets: PacketsSize}|null} loaded
 * @param {{filters: Filters, range: import('../url-state.js').Range|null}} state
 * @param {import('../session.js').Session} session
 * @param {{setFilters: (filters: Filters) => void}} actions
 * @returns {Node}
 */
export function pairActions({ a, b }, mapId, loaded, { filters, range }, session, actions) {
  const ends = a === b ? [a.id] : [a.id, b.id];
  const alone = filters.isolated.length === ends.length && ends.every((id) => filters.isolated.includes(id));
  const filter = loaded?.sightings.filter ?? null;
  return el('section', { class: 'actions', 'aria-label': 'What can be done with this pair' },
    packetsButton(api.packetsAddress(mapId, a.id, b.id), loaded?.packets ?? null, range !== null),
    filter !== null && copyButton(session, {
      text: () => filter, label: 'Copy as Wireshark filter', what: 'filter', note: loaded?.sightings.filter_note ?? '', id: 'copy-filter', title: filter, className: 'button',
    }),
    el('button', { type: 'button', class: 'button', id: 'isolate-pair', 'aria-pressed': String(alone), onclick: () => actions.setFilters(isolate(filters, ends)) },
      alone ? 'Show all again' : a === b ? 'Isolate this VM' : 'Isolate these two VMs'),
    copyButton(session, { text: () => location.href, label: 'Copy link to this pair', what: 'link', id: 'copy-pair-link', className: 'button' }));
}

/** @param {string} address @param {PacketsSize|null} size null while the server is asked @param {boolean} ranged a time range is chosen, which packets do not follow */
function packetsButton(address, size, ranged) {
  const offer = size === null ? { label: 'Download these packets (pcap)', possible: false, note: '' } : packetsOffer(size, ranged);
  const note = offer.note ? el('p', { class: 'actions__note hostile', id: 'packets-note' }, offer.note) : null;
  const described = note ? 'packets-note' : null;
  const button = offer.possible
    ? el('a', { class: 'button button--primary', id: 'download-packets', href: address, download: true, 'aria-describedby': described }, offer.label)
    : el('button', { type: 'button', class: 'button button--primary', id: 'download-packets', disabled: true, 'aria-describedby': described }, offer.label);
  const spot = el('div', { class: 'actions__packets needs-server' });
  fill(spot, button, note);
  return spot;
}
