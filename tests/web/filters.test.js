import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_FILTERS, NO_GRADE, applyFilters, isFiltering, isolate, isolateLane, laneSums, rowSums, showGrade, showHost, showLane, showNode, showSegment, showService } from '../../web/js/model/filters.js';
import { threeHostsModel } from './three-hosts.js';

const model = threeHostsModel();
const names = (filters) => applyFilters(model, filters).pairs.map(({ a, b }) => `${a.label}-${b.label}`).sort();

test('without filters every pair is shown', () => {
  const shown = applyFilters(model, NO_FILTERS);
  assert.equal(shown.pairs.length, 17);
  assert.equal(shown.drawn.length, 15);
  assert.deepEqual([shown.hiddenPairs, shown.hiddenBytes], [0, 0]);
  assert.equal(isFiltering(NO_FILTERS), false);
});

test('hiding what left hides the hairpins, too', () => {
  const filters = showLane(NO_FILTERS, 'left', false);
  const shown = applyFilters(model, filters);
  assert.deepEqual([...new Set(shown.pairs.map((pair) => pair.lane))].sort(), ['flood', 'mixed', 'stayed', 'undetermined']);
  assert.equal(shown.hiddenBytes, 1500 + 500 + 1000 + 700 + 800 + 100);
  assert.deepEqual(showLane(filters, 'left', true), NO_FILTERS);
});

test('hairpins alone can be shown', () => {
  assert.deepEqual(names(isolateLane(NO_FILTERS, 'hairpin')).filter((name) => !name.includes('multicast')), ['app-2-db-2', 'build-1-nfs-1']);
  assert.deepEqual(isolateLane(isolateLane(NO_FILTERS, 'hairpin'), 'hairpin'), NO_FILTERS);
});

test('a segment that is hidden takes the pairs of its machines', () => {
  assert.ok(names(NO_FILTERS).includes('build-1-nfs-1'));
  const hidden = names(showSegment(NO_FILTERS, 'vlan30', false));
  assert.ok(!hidden.includes('build-1-nfs-1'));
  assert.ok(hidden.includes('web-1-app-1'));
});

test('a pair stays while one of its services is shown', () => {
  const http = showService(NO_FILTERS, 'http/8080', false);
  assert.ok(names(http).includes('web-1-app-1')); // it has ssh as well
  assert.ok(!names(http).includes('web-2-app-2'));
  assert.ok(!names(showService(http, 'ssh/22', false)).includes('web-1-app-1'));
});

test('search finds names, addresses, MACs and ports', () => {
  const search = (text) => names({ ...NO_FILTERS, search: text });
  assert.deepEqual(search('NFS-1'), ['<img src=x onerror="document.title=1">-nfs-1', 'build-1-nfs-1']);
  assert.deepEqual(search('10.0.3.12'), ['<img src=x onerror="document.title=1">-nfs-1', 'build-1-nfs-1']);
  assert.deepEqual(search('52-54-00-00-03-0B'), ['build-1-nfs-1']);
  assert.deepEqual(search('2049').length, 2);
  assert.deepEqual(search('udp/53'), ['lost-1-10.9.9.9']);
  assert.deepEqual(search('nobody'), []);
});

test('the least bytes hide smaller pairs and say what they hide', () => {
  const shown = applyFilters(model, { ...NO_FILTERS, minBytes: 1000 });
  assert.deepEqual(shown.pairs.map((pair) => pair.edge.wire_bytes), [4000, 2000, 1500, 1000, 1000]);
  assert.equal(shown.hiddenPairs, 12);
  assert.equal(shown.hiddenBytes, 13150 - 9500);
});

test('the legend counts a hidden lane, and the other filters', () => {
  const sums = laneSums(model, showLane({ ...NO_FILTERS, minBytes: 100 }, 'hairpin', false));
  assert.deepEqual(sums.hairpin, { pairs: 2, wire_bytes: 2000 });
  assert.deepEqual(sums.stayed, { pairs: 3, wire_bytes: 7000 }); // 90 and 10 bytes are too few
  assert.deepEqual(sums.left, { pairs: 4, wire_bytes: 2600 });
});

test('an endpoint can be hidden, isolated, and two can be isolated together', () => {
  const [pair] = model.pairs; // web-1 and app-1; web-1 also talks to itself
  const noisy = pair.a;
  const without = applyFilters(model, showNode(NO_FILTERS, noisy.id, false));
  assert.ok(without.pairs.every(({ a, b }) => a !== noisy && b !== noisy));
  assert.equal(without.pairs.length, model.pairs.length - model.pairsOf.get(noisy.id).length);
  assert.equal(applyFilters(model, isolate(NO_FILTERS, [noisy.id])).pairs.length, model.pairsOf.get(noisy.id).length);
  assert.deepEqual(names(isolate(NO_FILTERS, [pair.b.id, pair.a.id])), ['web-1-app-1', 'web-1-web-1']);
  const alone = isolate(NO_FILTERS, [pair.a.id, pair.b.id]);
  assert.deepEqual(isolate(alone, [pair.b.id, pair.a.id]), NO_FILTERS);
});

test('a host takes its pairs along, and its row still says how many bytes it has', () => {
  const place = model.hosts[0];
  const own = model.pairs.filter((pair) => pair.placeA === place || pair.placeB === place);
  const filters = showHost(NO_FILTERS, place, false);
  assert.equal(applyFilters(model, filters).hiddenPairs, own.length);
  const sums = rowSums(model, filters, 'hiddenHosts', (pair) => [pair.placeA, pair.placeB]);
  assert.equal(sums.get(place), own.reduce((sum, pair) => sum + pair.edge.wire_bytes, 0));
});

test('grades filter, and pairs without evidence have a row of their own', () => {
  const shown = applyFilters(model, showGrade(showGrade(NO_FILTERS, 'proven', false), NO_GRADE, false));
  assert.ok(shown.pairs.length > 0 && shown.hiddenPairs > 0);
  assert.ok(shown.pairs.every(({ edge }) => edge.grade !== 'proven' && edge.grade !== null));
});
