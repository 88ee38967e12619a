// What the panel of a pair says in words and numbers. Pure.

import { bytes, count, dateOf, duration, isolated, plural, rate, shortName, timeOfDay, timeSpan, zoneOf } from '../format.js';
import { UNPLACED } from './graph-model.js';

/** @typedef {import('./graph-model.js').Pair} Pair */
/** @typedef {import('./graph-model.js').GraphModel} GraphModel */
/** @typedef {import('../document-types.js').DocumentEdge} DocumentEdge */
/** @typedef {import('../document-types.js').Evidence} Evidence */
/** @typedef {import('../document-types.js').Sightings} Sightings */
/** @typedef {import('../document-types.js').Timeline} Timeline */
/** @typedef {import('../url-state.js').Range} Range */

const FRAMES_SHOWN = 6;
const LABEL_MOST = 28;

/** Where both ends are and in which segments: "both on host-a · vlan20". @param {Pair} pair */
export function whereText({ a, b, placeA, placeB }) {
  const segments = (/** @type {string[]} */ list) => (list.length ? shortName(list.join(', ')) : 'no segment');
  const host = (/** @type {import('../document-types.js').DocumentNode} */ node) => (node.host === null ? 'host not known' : shortName(node.host));
  const together = placeA === placeB && placeA !== UNPLACED && a.host !== null;
  const hosts = together ? `both on ${host(a)}` : `${isolated(host(a))} → ${isolated(host(b))}`;
  const same = segments(a.segments) === segments(b.segments);
  return `${hosts} · ${same ? segments(a.segments) : `${isolated(segments(a.segments))} → ${isolated(segments(b.segments))}`}`;
}

/** Who opened the conversations, and how that is known. @param {Pair} pair */
export function openedBy({ a, edge }) {
  const { initiator, conversations, conversations_from_target: fromTarget } = edge;
  if (fromTarget > 0) return `both: ${count(conversations - fromTarget)} → / ${count(fromTarget)} ←`;
  const known = { syn: 'by TCP SYN', port: 'by the ports', first: 'as it was seen first' };
  const how = known[/** @type {keyof typeof known} */ (initiator)];
  return how ? `${shortName(a.label, LABEL_MOST)}, ${how}` : 'not known';
}

/** Several conversations often say the same: one row then, with all their frames; what supports comes first. @param {Evidence[]} evidence @returns {Evidence[]} */
export function mergedEvidence(evidence) {
  /** @type {Map<string, Evidence>} */
  const rows = new Map();
  for (const row of evidence) {
    const key = JSON.stringify([row.supports, row.rule, row.text]);
    const known = rows.get(key);
    rows.set(key, known ? {
      ...known, count: known.count + row.count, points: [...new Set([...known.points, ...row.points])], frames: [...new Set([...known.frames, ...row.frames])],
    } : row);
  }
  return [...rows.values()].sort((p, q) => Number(q.supports) - Number(p.supports));
}

/** "3 for, 1 against" of merged rows. @param {Evidence[]} rows */
export function balanceOf(rows) {
  const pro = rows.filter((row) => row.supports).length;
  return { pro, text: `${count(pro)} for, ${count(rows.length - pro)} against` };
}

/** @param {number[]} numbers @returns {string} "frames 12 / 40 / 41", "" without any */
export function framesText(numbers) {
  if (numbers.length === 0) return '';
  const more = numbers.length > FRAMES_SHOWN ? ' ff.' : '';
  return `${numbers.length === 1 ? 'frame' : 'frames'} ${numbers.slice(0, FRAMES_SHOWN).map(count).join(' / ')}${more}`;
}

/**
 * The fullest bucket of a timeline, of those that touch the time range.
 * @param {Timeline} timeline
 * @param {Range|null} range
 * @returns {{bytes: number, seconds: number}|null} null without traffic in time
 */
export function peakOf({ bucket_ms: width, start_ms: start, series }, range) {
  let most = 0;
  const lists = Object.values(series);
  for (let place = 0; place < (lists[0]?.length ?? 0); place += 1) {
    const from = start + place * width;
    if (range !== null && (from + width <= range.fromMs || from >= range.toMs)) continue;
    most = Math.max(most, lists.reduce((sum, list) => sum + (list[place] ?? 0), 0));
  }
  return most > 0 ? { bytes: most, seconds: width / 1000 } : null;
}

/**
 * Average over the span of the pair, and the peak where the span is long enough to have one: two buckets and more.
 * @param {number} wireBytes
 * @param {number} spanSeconds
 * @param {{bytes: number, seconds: number}|null} peak
 * @returns {{term: string, value: string, note: string}}
 */
export function ratesOf(wireBytes, spanSeconds, peak) {
  const average = rate(wireBytes, spanSeconds);
  if (peak === null || spanSeconds < 2 * peak.seconds) return { term: 'Rate, average', value: average, note: '' };
  return { term: 'Rate, average / peak', value: `${average} / ${rate(peak.bytes, peak.seconds)}`, note: `The peak is that of ${duration(peak.seconds * 1000)}.` };
}

/** @param {number|null} first @param {number|null} last @returns {string} without the date where both are of one day, which the headline names */
export function seenText(first, last) {
  if (first === null || last === null || dateOf(first) !== dateOf(last)) return timeSpan(first, last);
  const [start, end] = [timeOfDay(first), timeOfDay(last)];
  return `${start === end ? start : `${start} – ${end}`} (${zoneOf(first)})`;
}

/**
 * What of the pair was recorded on uplinks, each host for itself; a hairpin stands there twice.
 * @param {Pair} pair
 * @param {Sightings} sightings
 * @param {GraphModel} model with a time range chosen these stay the figures of the whole capture, and say so
 * @returns {[string, string][]} terms and values, none where no uplink of the two hosts was captured
 */
export function uplinkFacts({ a, b, lane }, sightings, model) {
  const captured = model.facts.points.filter((point) => point.role === 'uplink').map((point) => point.host);
  return [...new Set([a.host, b.host])].filter((host) => host !== null && captured.includes(host)).map((host) => {
    const rows = sightings.rows.filter((row) => row.role === 'uplink' && row.host === host);
    const sum = rows.reduce((total, row) => total + row.wire_bytes * (row.packets ? row.frames / row.packets : 1), 0);
    const term = `On the uplink of ${shortName(host ?? '', LABEL_MOST)}${lane === 'hairpin' ? ', out + back' : ''}${model.facts.range ? ', whole capture' : ''}`;
    const least = sightings.more_rows > 0 ? 'at least ' : '';
    return [term, rows.length ? `${least}${bytes(Math.round(sum))}` : 'none seen'];
  });
}

/** "(100 of 1,204)" @param {number} shown @param {number} total */
export function shownOfTotal(shown, total) {
  return `(${count(shown)} of ${count(total)})`;
}

/**
 * What the button for the packets says once the server told how many there are.
 * @param {import('../document-types.js').PacketsSize} size
 * @param {boolean} [ranged] a time range is chosen, which packets do not follow
 * @returns {{label: string, possible: boolean, note: string}}
 */
export function packetsOffer({ packets, bytes: size, complete, reason }, ranged = false) {
  const possible = packets !== null && packets > 0;
  const amount = possible ? `${ranged ? ' · whole capture' : ''} · ${plural(packets, 'packet')}${size === null ? '' : `, about ${bytes(size)}`}` : '';
  const nothing = packets === 0 ? 'The captures hold no packet of this pair.' : 'These packets cannot be had.';
  const note = reason ?? (possible ? (complete ? '' : 'Not all of them are there any more.') : nothing);
  return { label: `Download these packets (pcap)${amount}`, possible, note };
}
