import assert from 'node:assert/strict';
import { test } from 'node:test';
import { carryNodes, carrySelection } from '../../web/js/model/carry-selection.js';
import { buildModel } from '../../web/js/model/graph-model.js';
import { threeHosts, threeHostsModel } from './three-hosts.js';

const before = threeHostsModel();

/** The same map after an inventory has named an endpoint. */
function renamed(from, to) {
  const document = threeHosts();
  for (const node of document.nodes) if (node.id === from) node.id = to;
  for (const edge of document.edges) for (const end of ['source', 'target']) if (edge[end] === from) edge[end] = to;
  return buildModel(document);
}

test('what was selected is found again by its address', () => {
  const now = renamed('ip:default/10.9.9.8', 'vm:lost-1');
  assert.deepEqual(carrySelection({ type: 'node', id: 'ip:default/10.9.9.8' }, before, now), { type: 'node', id: 'vm:lost-1' });
  assert.deepEqual(carrySelection({ type: 'pair', a: 'vm:web-1', b: 'ip:default/10.9.9.8' }, before, now), { type: 'pair', a: 'vm:web-1', b: 'vm:lost-1' });
});

test('what needs no change stays the same object', () => {
  for (const selection of [null, { type: 'node', id: 'vm:web-1' }, { type: 'place', place: 'host-1' }, { type: 'node', id: 'vm:gone' }]) {
    assert.equal(carrySelection(selection, before, threeHostsModel()), selection);
  }
  assert.equal(carrySelection(null, null, before), null);
});

test('what is hidden or shown alone is found again, too', () => {
  const now = renamed('ip:default/10.9.9.8', 'vm:lost-1');
  assert.deepEqual(carryNodes(['vm:web-1', 'ip:default/10.9.9.8', 'vm:gone'], before, now), ['vm:web-1', 'vm:lost-1', 'vm:gone']);
  const same = ['vm:web-1'];
  assert.equal(carryNodes(same, before, now), same);
  assert.equal(carryNodes(same, null, now), same);
});
