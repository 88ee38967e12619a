import assert from 'node:assert/strict';
import { test } from 'node:test';
import { balanceOf, framesText, mergedEvidence, openedBy, packetsOffer, peakOf, ratesOf, seenText, shownOfTotal, uplinkFacts, whereText } from '../../web/js/model/pair-facts.js';
import { UNPLACED } from '../../web/js/model/graph-model.js';

const plain = (text) => text.replace(/[\u2009\u00a0]/g, ' ');
const node = (host, ...segments) => ({ label: `vm of ${host}`, host, segments });
const row = (supports, text, frames = [], more = {}) => ({ rule: 'sighting-1', supports, text, points: ['p'], frames, count: 1, ...more });

test('where both ends are, said once when it is the same', () => {
  assert.equal(whereText({ a: node('h', 'vlan10'), b: node('h', 'vlan10'), placeA: 'h', placeB: 'h' }), 'both on h · vlan10');
  assert.equal(whereText({ a: node('h', 'vlan10'), b: node('k'), placeA: 'h', placeB: 'k' }), 'h → k · vlan10 → no segment');
  assert.equal(whereText({ a: node(null), b: node(null), placeA: UNPLACED, placeB: UNPLACED }), 'host not known → host not known · no segment');
});

test('who opened the conversations', () => {
  const pair = (initiator, conversations = 1, back = 0) => ({ a: { label: 'web\u202e' }, edge: { initiator, conversations, conversations_from_target: back } });
  assert.equal(openedBy(pair('syn')), 'web⟨202E⟩, by TCP SYN');
  assert.equal(openedBy(pair('unknown')), 'not known');
  assert.equal(openedBy(pair('syn', 5, 2)), 'both: 3 → / 2 ←');
  assert.ok(openedBy({ a: { label: 'n'.repeat(300) }, edge: pair('port').edge }).length < 60);
});

test('rows that say the same are one with all their frames; what supports comes first', () => {
  const merged = mergedEvidence([row(false, 'against', [9]), row(true, 'same', [1]), row(true, 'same', [2, 1], { count: 3 })]);
  assert.deepEqual(merged.map(({ text, frames, count }) => [text, frames, count]), [['same', [1, 2], 4], ['against', [9], 1]]);
  assert.deepEqual(balanceOf(merged), { pro: 1, text: '1 for, 1 against' });
  assert.equal(framesText([]), '');
  assert.equal(framesText([7]), 'frame 7');
  assert.equal(framesText([1, 2, 3, 4, 5, 6, 7]), 'frames 1 / 2 / 3 / 4 / 5 / 6 ff.');
});

test('the peak is the fullest bucket of all series together, in the range', () => {
  const timeline = { bucket_ms: 1000, start_ms: 500, series: { stayed: [10, 0, 30], left: [5, 20, 0] }, untimed_bytes: 0 };
  assert.deepEqual(peakOf(timeline, null), { bytes: 30, seconds: 1 });
  assert.deepEqual(peakOf(timeline, { fromMs: 0, toMs: 2500 }), { bytes: 20, seconds: 1 });
  assert.equal(peakOf({ ...timeline, series: { stayed: [], left: [] } }, null), null);
});

test('a peak is told only where the pair lasted two buckets, else it could be below the average', () => {
  assert.deepEqual(ratesOf(1000, 8, { bytes: 500, seconds: 2 }), { term: 'Rate, average / peak', value: '1.00 kbit/s / 2.00 kbit/s', note: 'The peak is that of 2.00 s.' });
  assert.deepEqual(ratesOf(1000, 1, { bytes: 900, seconds: 1 }), { term: 'Rate, average', value: '8.00 kbit/s', note: '' });
  assert.equal(ratesOf(1000, 0, null).value, '–');
});

test('first and last seen with the zone, and with the date where there are two', () => {
  const noon = new Date(2026, 0, 31, 12, 4, 11).getTime();
  assert.match(seenText(noon, noon + 5000), /^12:04:11 – 12:04:16 \(UTC.*\)$/);
  assert.match(seenText(noon, noon + 10), /^12:04:11 \(UTC.*\)$/);
  assert.match(seenText(noon, noon + 86_400_000), /^2026-01-31 12:04 – 2026-02-01 12:04/);
  assert.equal(seenText(null, null), 'no times in the capture');
});

test('what uplinks recorded: each host for itself, copies counted, silence where it was captured', () => {
  const model = { facts: { points: [{ role: 'uplink', host: 'h' }, { role: 'uplink', host: 'k' }, { role: 'vnic', host: 'm' }] } };
  const seen = (host, wire, frames = 10) => ({ role: 'uplink', host, wire_bytes: wire, packets: 10, frames });
  const facts = (a, b, lane, rows, more = 0) => uplinkFacts({ a: node(a), b: node(b), lane }, { rows, more_rows: more }, model);
  assert.deepEqual(facts('h', 'h', 'hairpin', [seen('h', 700), seen('h', 700), { ...seen('h', 9), role: 'vnic' }]), [['On the uplink of h, out + back', '1.40 kB']]);
  assert.deepEqual(facts('h', 'k', 'left', [seen('h', 500), seen('k', 500, 20)], 1), [['On the uplink of h', 'at least 500 B'], ['On the uplink of k', 'at least 1.00 kB']]);
  assert.deepEqual(facts('h', 'h', 'stayed', []), [['On the uplink of h', 'none seen']]);
  assert.deepEqual(facts('m', null, 'undetermined', []), []);
});

test('how much a download holds, and why there is none', () => {
  assert.deepEqual(packetsOffer({ packets: 2, bytes: 1500, complete: true, reason: null }), { label: 'Download these packets (pcap) · 2 packets, about 1.50 kB', possible: true, note: '' });
  assert.match(packetsOffer({ packets: 2, bytes: null, complete: false, reason: null }).note, /^Not all/);
  assert.deepEqual(packetsOffer({ packets: null, bytes: null, complete: false, reason: 'Gone.' }), { label: 'Download these packets (pcap)', possible: false, note: 'Gone.' });
  assert.equal(packetsOffer({ packets: 0, bytes: 0, complete: true, reason: null }).possible, false);
});

test('how many are shown of how many', () => {
  assert.equal(plain(shownOfTotal(100, 1204)), '(100 of 1 204)');
});

test('with a time range chosen, figures of the whole capture say so', () => {
  const model = { facts: { points: [{ role: 'uplink', host: 'h1' }], range: { from_ns: 1, to_ns: 2 } } };
  const [[term]] = uplinkFacts({ a: { host: 'h1' }, b: { host: null }, lane: 'left' }, { rows: [], more_rows: 0 }, model);
  assert.equal(term, 'On the uplink of h1, whole capture');
  assert.equal(packetsOffer({ packets: 2, bytes: 1500, complete: true, reason: null }, true).label, 'Download these packets (pcap) · whole capture · 2 packets, about 1.50 kB');
});
