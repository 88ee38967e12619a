import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_FILTERS } from '../../web/js/model/filters.js';
import { OUTSIDE, UNPLACED } from '../../web/js/model/graph-model.js';
import { fromHash, toHash } from '../../web/js/url-state.js';

const START = { view: 'map', range: null, filters: NO_FILTERS, selection: null, camera: null, matrixFolds: null, matrixCamera: null, grouping: 'auto', unfolded: [], sort: '' };

test('the start leaves the address alone', () => {
  assert.equal(toHash(START), '');
  assert.deepEqual(fromHash(''), START);
});

const STATES = [
  { ...START, view: 'table', sort: '-bytes' },
  { ...START, view: 'matrix', range: { fromMs: -1.5, toMs: 3_600_000 } },
  { ...START, view: 'matrix', matrixFolds: [], matrixCamera: { x: 12, y: 0.5, k: 2 } },
  { ...START, view: 'matrix', matrixFolds: ['esx-1', UNPLACED] },
  { ...START, camera: { x: -12.5, y: 400, k: 0.333 } },
  { ...START, grouping: 'cluster', unfolded: ['prod~a', 'test & lab'] },
  { ...START, grouping: 'host' },
  { ...START, filters: { ...NO_FILTERS, hiddenHosts: ['esx-1', UNPLACED], hiddenGrades: ['weak', 'none'], hiddenNodes: ['vm:a~b'], isolated: ['vm:x', 'vm:y'] } },
  { ...START, filters: { ...NO_FILTERS, hiddenLanes: ['left', 'hairpin'], minBytes: 1234 } },
  { ...START, filters: { ...NO_FILTERS, hiddenSegments: ['vlan10', 'a~b', 'x&y=z#'], hiddenServices: ['tls/443', 'ip-99/'] } },
  { ...START, filters: { ...NO_FILTERS, search: '100% ~ "quoted" & ü' } },
  { ...START, selection: { type: 'pair', a: 'vm:<b>~', b: 'ip:default/fe80::1%eth0' } },
  { ...START, selection: { type: 'node', id: 'mac:vlan10/00:50:56:aa:bb:cc' } },
  { ...START, selection: { type: 'place', place: OUTSIDE } },
  { ...START, selection: { type: 'trunk', from: 'esx-1', to: 'esx 2' } },
  { ...START, selection: { type: 'point', id: 'a.pcapng/vmnic0' } },
];
for (const state of STATES) {
  test(`there and back: ${toHash(state)}`, () => {
    assert.deepEqual(fromHash(`#${toHash(state)}`), state);
  });
}

test('what is broken or unknown is left out', () => {
  assert.deepEqual(fromHash('#v=sankey&hide=left~nonsense&min=-5&q=%E0%A4%A&sel=pair~only&t=9~3&z=1~2&host=%FF&x=1&&='), {
    ...START, filters: { ...NO_FILTERS, hiddenLanes: ['left'] },
  });
});
