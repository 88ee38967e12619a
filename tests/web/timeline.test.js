import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clockSpan, rateAxis, roundDuration } from '../../web/js/format.js';
import { borderNear, carried, drawn, halfOf, moved, resized, sameRange, usedRange, wholeRange } from '../../web/js/model/brush.js';
import { modelWithin } from '../../web/js/model/graph-model.js';
import { denominators, headline } from '../../web/js/model/headline.js';
import { axisOf, bitRate, bucketTexts, highest, marksOf, moveText, niceTop, seriesOn, spokenSummary, stacked, timeTicks } from '../../web/js/model/timeline.js';
import { threeHosts, threeHostsModel } from './three-hosts.js';

const plain = (text) => text.replace(/[\u00a0\u2009]/g, ' ');
const local = (...parts) => new Date(...parts).getTime();
const NOON = local(2026, 0, 31, 12, 0, 0);
const HOUR = 3_600_000;

/** Ten buckets of 2 s that begin half a second before t0. */
const AXIS = { startMs: -500, bucketMs: 2000, count: 10 };

function timelineOf(series, more = {}) {
  const length = Object.values(series)[0].length;
  const none = () => Array(length).fill(0);
  return {
    t0_ns: null, bucket_ms: 1000, start_ms: 0, untimed_bytes: 0,
    series: { stayed: none(), left: none(), hairpin: none(), mixed: none(), undetermined: none(), group: none(), ...series }, ...more,
  };
}

test('lanes stand upon each other, hidden ones leave no gap, and multicast is not drawn', () => {
  const timeline = timelineOf({ stayed: [100, 0, 5], left: [50, 20, 0], hairpin: [10, 0, 0], group: [9000, 9000, 9000] });
  assert.deepEqual(stacked(timeline, []), [
    { lane: 'stayed', bars: [{ bucket: 0, low: 0, high: 100 }, { bucket: 2, low: 0, high: 5 }] },
    { lane: 'left', bars: [{ bucket: 0, low: 100, high: 150 }, { bucket: 1, low: 0, high: 20 }] },
    { lane: 'hairpin', bars: [{ bucket: 0, low: 150, high: 160 }] },
  ]);
  assert.deepEqual(stacked(timeline, ['stayed', 'hairpin']), [
    { lane: 'left', bars: [{ bucket: 0, low: 0, high: 50 }, { bucket: 1, low: 0, high: 20 }] },
  ]);
  assert.deepEqual(highest(stacked(timeline, [])), { bucket: 0, low: 150, high: 160 });
  assert.deepEqual(highest(stacked(timeline, ['stayed'])), { bucket: 0, low: 50, high: 60 });
  assert.equal(highest([]), null);
});

test('without times there is no axis', () => {
  assert.equal(axisOf(null), null);
  assert.equal(axisOf(timelineOf({ stayed: [] })), null);
  assert.deepEqual(axisOf(timelineOf({ stayed: [7] }, { start_ms: -300 })), { startMs: -300, bucketMs: 1000, count: 1 });
});

test('a series of an older server has no hairpins, and is drawn', () => {
  const timeline = timelineOf({ left: [8] });
  delete timeline.series.hairpin;
  assert.deepEqual(stacked(timeline, []).map(({ lane }) => lane), ['left']);
});

test('rates are bits of a bucket over its length', () => {
  assert.equal(bitRate(250, AXIS), 1000); // 250 B in 2 s
});

test('the scale ends at a round number that holds the highest bar', () => {
  assert.deepEqual([0, 1, 1.01, 7.9, 8, 9.5, 12, 640_000].map(niceTop), [1, 1, 2, 8, 8, 10, 20, 800_000]);
  assert.deepEqual([1, 900, 1000, 20_000, 4e6, 1e9].map((top) => rateAxis(top).unit), ['bit/s', 'bit/s', 'kbit/s', 'kbit/s', 'Mbit/s', 'Gbit/s']);
  assert.deepEqual([rateAxis(4e6).text(4e6), rateAxis(4e6).text(2e6), rateAxis(1e6).text(5e5)], ['4', '2', '0.5']);
});

test('ticks are round local times, from three seconds to thirty days', () => {
  const labels = (ms, most, least = 1) => timeTicks(NOON, NOON + ms, most, least).map(({ label }) => label);
  assert.deepEqual(labels(3000, 14, 1000), ['12:00:00', '12:00:01', '12:00:02', '12:00:03']);
  assert.deepEqual(labels(6 * HOUR, 7), ['12:00', '13:00', '14:00', '15:00', '16:00', '17:00', '18:00']);
  const month = labels(30 * 24 * HOUR, 14);
  assert.ok(month.length >= 4 && month.length <= 14 && month.every((label) => /^\d\d-\d\d$/.test(label)), String(month));
  assert.ok(timeTicks(0, 1000 * 365 * 24 * HOUR, 10, 1).length <= 11);
});

test('at midnight a tick names the day', () => {
  const ticks = timeTicks(local(2026, 0, 31, 20), local(2026, 1, 1, 4), 8, 1);
  assert.deepEqual(ticks.map(({ label }) => label), ['20:00', '21:00', '22:00', '23:00', '02-01', '01:00', '02:00', '03:00', '04:00']);
});

test('what is drawn becomes whole buckets within the capture, one at least', () => {
  assert.deepEqual(drawn(AXIS, 1600, 5400), { fromMs: 1500, toMs: 5500 });
  assert.deepEqual(drawn(AXIS, 5400, 1600), { fromMs: 1500, toMs: 5500 });
  assert.deepEqual(drawn(AXIS, 1600, 1700), { fromMs: 1500, toMs: 3500 });
  assert.deepEqual(drawn(AXIS, -9e9, 9e9), wholeRange(AXIS));
  assert.deepEqual(drawn(AXIS, 9e9, 9e9), { fromMs: 17_500, toMs: 19_500 });
  assert.deepEqual(drawn({ startMs: 0, bucketMs: 1000, count: 1 }, 100, 200), { fromMs: 0, toMs: 1000 });
});

test('moving keeps the length and stops at the ends of the capture', () => {
  const range = { fromMs: 1500, toMs: 5500 };
  assert.deepEqual(moved(AXIS, range, 2), { fromMs: 5500, toMs: 9500 });
  assert.deepEqual(moved(AXIS, range, -5), { fromMs: -500, toMs: 3500 });
  assert.deepEqual(moved(AXIS, range, 50), { fromMs: 15_500, toMs: 19_500 });
  assert.equal(halfOf(AXIS, range), 1);
  assert.equal(halfOf(AXIS, { fromMs: -500, toMs: 1500 }), 1);
});

test('an end does not pass the other one', () => {
  const range = { fromMs: 1500, toMs: 5500 };
  assert.deepEqual(resized(AXIS, range, 'from', 9), { fromMs: 3500, toMs: 5500 });
  assert.deepEqual(resized(AXIS, range, 'to', 0), { fromMs: 1500, toMs: 3500 });
  assert.deepEqual(resized(AXIS, range, 'from', -3), { fromMs: -500, toMs: 5500 });
  assert.deepEqual(resized(AXIS, range, 'to', 99), { fromMs: 1500, toMs: 19_500 });
  assert.deepEqual([-9e9, -500, 1400, 9e9].map((ms) => borderNear(AXIS, ms)), [0, 0, 1, 10]);
});

test('a range follows t0, is cut to the capture, and is given up outside of it', () => {
  const range = { fromMs: 1500, toMs: 5500 };
  assert.equal(carried(range, 0, AXIS), range);
  assert.deepEqual(carried(range, 2000, AXIS), { fromMs: 3500, toMs: 7500 });
  assert.deepEqual(carried({ fromMs: -9000, toMs: 1500 }, 0, AXIS), { fromMs: -500, toMs: 1500 });
  assert.equal(carried({ fromMs: 60_000, toMs: 70_000 }, 0, AXIS), null);
  assert.equal(carried(range, 0, null), null);
  assert.equal(carried(null, 0, AXIS), null);
});

test('the range becomes the buckets that the server counted', () => {
  const facts = { totals: { first_seen_ns: 1_790_000_000_500_000_000 }, range: { from_ns: 1_790_000_002_000_000_000, to_ns: 1_790_000_006_000_000_000 } };
  const used = usedRange(facts, { fromMs: 1700, toMs: 5100 }, AXIS);
  assert.ok(sameRange(used, { fromMs: 1500, toMs: 5500 }), JSON.stringify(used));
  const asked = { fromMs: 1500, toMs: 5500 };
  assert.equal(usedRange(facts, asked, AXIS), asked);
  assert.equal(usedRange({ ...facts, range: null }, asked, AXIS), asked);
});

test('spans say as much as they must', () => {
  assert.equal(clockSpan(NOON, NOON + HOUR), '12:00 – 13:00');
  assert.equal(clockSpan(NOON + 2000, NOON + 5000), '12:00:02 – 12:00:05');
  assert.equal(clockSpan(NOON, NOON + 250), '12:00:00.000 – 12:00:00.250');
  assert.equal(clockSpan(NOON, NOON + 24 * HOUR), '01-31 12:00 – 02-01 12:00');
  assert.equal(clockSpan(NOON + 16_000, NOON + 48 * HOUR), '01-31 12:00 – 02-02 12:00');
  assert.deepEqual([1000, 300_000, 7_200_000, 250, 90_000, 7_168_000].map(roundDuration).map(plain), ['1 s', '5 min', '2 h', '250 ms', '90 s', '1 h 59 min']);
});

test('a bar and the whole are told in words', () => {
  const timeline = timelineOf({ stayed: [1000, 0], hairpin: [500, 0] }, { bucket_ms: 2000 });
  assert.deepEqual(bucketTexts(timeline, 0, []).map(({ text }) => text), ['Stayed on host 4.00 kbit/s', 'Hairpin 2.00 kbit/s']);
  assert.deepEqual(bucketTexts(timeline, 1, []), []);
  assert.equal(plain(spokenSummary(timeline, [], NOON)),
    '2 bars of 2 s, 12:00:00 – 12:00:04. Most traffic: 6.00 kbit/s at 12:00:00 – 12:00:02. Multicast and broadcast are left out.');
  assert.match(spokenSummary(timeline, ['stayed', 'hairpin'], NOON), /None of the traffic/);
  assert.equal(spokenSummary(timelineOf({ stayed: [] }), [], NOON), '');
});

test('moves that would stand on each other are one mark, those outside are none', () => {
  const nodes = new Map([['vm:a', { label: 'a' }]]);
  const move = (node, seconds, from_host, to_host) => ({ node, from_host, to_host, time_ns: (NOON + seconds * 1000) * 1e6, how: 'ports' });
  const moves = [move('vm:b', 40, null, 'h2'), move('vm:a', 10, 'h1', 'h2'), move('vm:c', 12, 'h1', null), move('vm:a', 999, 'h2', 'h1')];
  const marks = marksOf(moves, nodes, NOON, NOON + 60_000, 5000);
  assert.deepEqual(marks.map(({ label }) => label), ['2 moves', 'vm:b moved to h2']);
  assert.equal(marks[0].title, '12:00:10 a moved h1 → h2; 12:00:12 vm:c moved away from h1');
  assert.equal(moveText(move('vm:\u202eevil', 1, 'h1', 'x'.repeat(300)), nodes).includes('\u202e'), false);
  assert.ok(moveText(move('vm:a', 1, 'y'.repeat(300), 'x'.repeat(300)), nodes).length < 80);
});

test('a range keeps every endpoint and the scale of widths, and counts what was active', () => {
  const whole = threeHostsModel();
  const part = threeHosts();
  const [edge] = part.edges.filter((one) => one.source.startsWith('vm:') && one.target.startsWith('vm:') && one.left_host === 'stayed' && one.source !== one.target);
  Object.assign(edge, { wire_bytes: 100, stayed_bytes: 100 });
  part.edges = [edge];
  part.nodes = part.nodes.filter((node) => [edge.source, edge.target].includes(node.id)).map((node) => ({ ...node, wire_bytes: 100, packets: 2 }));
  part.graph.totals.unique_bytes = 100;
  part.graph.range = { from_ns: NOON * 1e6, to_ns: (NOON + HOUR) * 1e6 };
  part.graph.warnings.push({ code: 'filtered', text: '', count: 9 });
  const model = modelWithin(whole, part);
  assert.deepEqual([...model.nodes.keys()], [...whole.nodes.keys()]);
  assert.deepEqual([...model.places.keys()], [...whole.places.keys()]);
  assert.equal(model.mostBytes, whole.pairs[0].edge.wire_bytes);
  assert.equal(model.facts.warnings, whole.facts.warnings);
  assert.equal(plain(headline(model)), 'In 12:00 – 13:00, 100 % of VM-to-VM bytes stayed, 0 % left, none is undetermined');
  assert.deepEqual(denominators(model).map(plain), ['100 B VM-to-VM of 100 B in all', '2 VMs on 1 host', 'bytes of this time, verdicts of the whole capture']);
  part.edges = [];
  assert.equal(headline(modelWithin(whole, part)), 'No conversations in 12:00 – 13:00');
});

test('a pair of a newer result than the whole is left out until that follows', () => {
  const part = threeHosts();
  part.edges[0].source = 'vm:newcomer';
  assert.equal(modelWithin(threeHostsModel(), part).pairs.length, part.edges.length - 1);
});

test('a series of an older or newer result stands on the same buckets, or nowhere', () => {
  const whole = timelineOf({ stayed: [100, 50, 5] });
  const older = timelineOf({ stayed: [10, 20] });
  assert.equal(seriesOn(older, whole), older);
  assert.deepEqual(seriesOn(timelineOf({ stayed: [1, 2, 3, 4] }), whole).series.stayed, [1, 2, 3]);
  assert.equal(seriesOn(timelineOf({ stayed: [10] }, { bucket_ms: 2000 }), whole), null, 'buckets have become wider');
  assert.equal(seriesOn(timelineOf({ stayed: [10] }, { t0_ns: '7' }), whole), null, 'an earlier capture came in');
});
