import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileName } from '../../web/js/model/file-name.js';
import { filterWords } from '../../web/js/model/filter-words.js';
import { NO_FILTERS, isFiltering, showLane } from '../../web/js/model/filters.js';
import { UNPLACED } from '../../web/js/model/graph-model.js';
import { threeHostsModel } from './three-hosts.js';

const model = threeHostsModel();
const words = (patch, range = null) => filterWords({ ...NO_FILTERS, ...patch }, range, model, Date.UTC(2026, 0, 31, 12, 4));

test('no filter is said to be none', () => {
  assert.equal(words({}), 'no filter');
  assert.equal(words({ search: '  ' }), 'no filter');
});

test('what is hidden stands apart from what alone is shown', () => {
  assert.equal(words({ ...showLane(NO_FILTERS, 'left', false), hiddenSegments: ['vlan20'], minBytes: 1_000_000, search: 'app' }),
    "Hidden: Left the host; segment vlan20; below 1.00 MB. Only: search 'app'");
});

test('a hairpin is a part of what left, and is named where it is treated apart', () => {
  assert.equal(words({ hiddenLanes: ['left'] }), 'Hidden: Left the host, hairpins apart');
  assert.equal(words({ hiddenLanes: ['hairpin', 'mixed'] }), 'Hidden: Hairpin; Mixed');
});

test('endpoints and services have their names, unknown ones their ids', () => {
  const [service] = model.services;
  const node = [...model.nodes.values()].find((one) => one.kind === 'vm');
  assert.equal(words({ hiddenServices: [service.key, 'gone/1'], hiddenNodes: [node.id] }), `Hidden: services ${service.label}, gone/1; endpoint ${node.label}`);
  assert.equal(words({ isolated: [node.id, 'vm:gone'] }), `Only: pairs among ${node.label}, vm:gone`);
  assert.equal(words({ isolated: [node.id] }), `Only: pairs of ${node.label}`);
});

test('places and grades are words, long lists say how much they leave out', () => {
  assert.equal(words({ hiddenHosts: ['esx-1', UNPLACED], hiddenGrades: ['weak', 'none'] }), 'Hidden: hosts esx-1, hosts not known; grades weak, no evidence');
  assert.equal(words({ hiddenSegments: Array.from({ length: 9 }, (_, i) => `vlan${i}`) }), 'Hidden: segments vlan0, vlan1, vlan2, vlan3, vlan4, vlan5 and 3 more');
});

test('a range is told with its day and zone', () => {
  assert.match(words({}, { fromMs: 0, toMs: 3_600_000 }), /^Only: 2026-0[12]-\d\d \d\d:04:00 – .*\d\d:04:00 \(UTC.*\)$/);
  assert.equal(filterWords(NO_FILTERS, { fromMs: 0, toMs: 1 }, null, null), 'Only: a time range');
});

test('every field of the filters has words', () => {
  for (const [name, empty] of Object.entries(NO_FILTERS)) {
    const value = Array.isArray(empty) ? ['stayed'] : typeof empty === 'number' ? 5 : 'x';
    assert.ok(isFiltering({ ...NO_FILTERS, [name]: value }));
    assert.notEqual(words({ [name]: value }), 'no filter', name);
  }
});

test('what cannot be seen in a name is shown', () => {
  assert.equal(words({ hiddenSegments: ['a\u202eb'] }), 'Hidden: segment a⟨202E⟩b');
});

test('a file is named after the map, with signs that every system takes', () => {
  assert.equal(fileName('Lab: host-a.pcapng, 2', '.svg'), 'Lab-host-a.pcapng-2.svg');
  assert.equal(fileName('../../etc/passwd\u0000', '.png'), 'etc-passwd-0000.png');
  assert.equal(fileName('…', '.svg'), 'map.svg');
  assert.equal(fileName('con', '.svg'), 'map-con.svg');
  assert.equal(fileName('東京 🚀', '.svg'), '東京.svg');
  assert.equal(fileName('x'.repeat(300), '.svg').length, 84);
});
