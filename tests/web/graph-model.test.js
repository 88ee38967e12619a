import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOWHERE, OUTSIDE, ROUTERS, UNPLACED, buildModel, isDrawn, pairKey } from '../../web/js/model/graph-model.js';
import { threeHosts, threeHostsModel } from './three-hosts.js';

test('everybody stands where the document says, or where it does not', () => {
  const { places, hosts } = threeHostsModel();
  const ids = (place) => (places.get(place) ?? []).map((node) => node.label);
  assert.deepEqual(hosts, ['host-1', 'host-2', 'host-3']);
  assert.deepEqual(ids('host-1'), ['web-1', 'app-1', 'db-1', 'fw-1', 'vmk0']);
  assert.deepEqual(ids(UNPLACED), ['lost-1', '10.9.9.9']);
  assert.deepEqual(ids(ROUTERS), ['gw']);
  assert.deepEqual(ids(OUTSIDE), ['mirror.partner.example', 'outside']);
  assert.deepEqual(ids(NOWHERE), ['multicast']);
});

test('every verdict has its lane', () => {
  const lanes = new Map(threeHostsModel().pairs.map((pair) => [pair.edge.verdict + (pair.edge.grade === 'conflict' ? '!' : ''), pair.lane]));
  assert.deepEqual(Object.fromEntries([...lanes].sort()), {
    flooded: 'flood', hairpin_reflected: 'hairpin', hairpin_routed: 'hairpin', host_local: 'stayed', inter_host: 'left',
    inter_host_overlay: 'left', intra_host_routed_distributed: 'stayed', intra_host_routed_vm: 'stayed', intra_host_switched: 'stayed',
    mixed: 'mixed', north_south: 'left', routed_unlocated: 'undetermined', undetermined: 'undetermined', 'undetermined!': 'undetermined',
  });
});

test('floods and self-talk are listed, never drawn', () => {
  const hidden = threeHostsModel().pairs.filter((pair) => !isDrawn(pair)).map((pair) => pair.edge.verdict);
  assert.deepEqual(hidden.sort(), ['flooded', 'host_local']);
});

test('pairs come with most bytes first and are found from both ends', () => {
  const model = threeHostsModel();
  const sizes = model.pairs.map((pair) => pair.edge.wire_bytes);
  assert.deepEqual(sizes, [...sizes].sort((p, q) => q - p));
  assert.equal(model.pairByKey.get(pairKey('vm:nfs-1', 'vm:build-1'))?.edge.wire_bytes, 1500);
  assert.deepEqual(model.pairsOf.get('vm:nfs-1')?.map((pair) => pair.edge.wire_bytes), [1500, 200]);
});

test('an edge without its node is an error, not a hole', () => {
  const document = threeHosts();
  document.nodes = document.nodes.filter((node) => node.id !== 'vm:web-1');
  assert.throws(() => buildModel(document), /whose end is no node/);
});
