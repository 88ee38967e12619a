// How much a pair sent, when, how fast, and what of it was recorded on uplinks.

import { bytes, count, duration, msOfNs, timeSpan } from '../format.js';
import { openedBy, peakOf, ratesOf, seenText, uplinkFacts } from '../model/pair-facts.js';
import { rangeText } from '../model/headline.js';
import { foldedServices } from './services-list.js';
import { el } from './element.js';

/** @typedef {import('../model/graph-model.js').Pair} Pair */
/** @typedef {import('../model/graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../document-types.js').PairDetail} PairDetail */
/** @typedef {import('../document-types.js').Timeline} Timeline */

/**
 * @param {Pair} pair
 * @param {GraphModel} model
 * @param {{detail: PairDetail, timeline: Timeline}|null} loaded
 * @param {import('../url-state.js').Range|null} range
 * @returns {Node[]}
 */
export function trafficSections(pair, model, loaded, range) {
  const { edge } = pair;
  const first = msOfNs(edge.first_seen_ns);
  const last = msOfNs(edge.last_seen_ns);
  const seen = first !== null && last !== null ? last - first : 0;
  const { range: within } = model.facts;
  // bytes of a range come in its time, of which the pair may have had a part only
  const span = Math.min(seen, Math.min(last ?? 0, msOfNs(within?.to_ns) ?? Infinity) - Math.max(first ?? 0, msOfNs(within?.from_ns) ?? 0));
  const inRange = (/** @type {string} */ title) => (within ? `${title} · in ${rangeText(model)}` : title);
  const rates = ratesOf(edge.wire_bytes, span / 1000, loaded ? peakOf(loaded.timeline, range) : null);
  const uplinks = loaded ? uplinkFacts(pair, loaded.detail.sightings, model) : [];
  return [
    el('section', {}, el('h3', {}, inRange('Traffic')), el('dl', { class: 'facts', id: 'traffic' },
      fact('Bytes → / ←', `${bytes(edge.source_to_target_bytes)} / ${bytes(edge.target_to_source_bytes)}`),
      uplinks.flatMap(([term, value]) => fact(term, value)),
      fact('Payload', bytes(edge.payload_bytes)),
      fact('Packets', count(edge.packets)),
      fact(rates.term, rates.value, rates.note),
      fact(within ? 'First – last seen, whole capture' : 'First – last seen', seenText(first, last), timeSpan(first, last)),
      fact('Span', seen > 0 ? duration(seen) : '–'),
      fact('Opened by', openedBy(pair)))),
    el('section', {}, el('h3', {}, inRange('Services')), foldedServices('services', edge.services.map((service) => ({ service, wire_bytes: service.wire_bytes })))),
  ];
}

/** @param {string} term @param {string} value @param {string} [title] */
function fact(term, value, title = '') {
  return [el('dt', { class: 'hostile', title: title || null }, term), el('dd', { title: title || null }, value)];
}
