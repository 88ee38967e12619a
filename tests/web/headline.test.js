import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildModel } from '../../web/js/model/graph-model.js';
import { denominators, headline, houseSplits, outsidePeers, splitOf, vmSplit } from '../../web/js/model/headline.js';
import { threeHosts, threeHostsModel } from './three-hosts.js';

const plain = (text) => text.replace(/[\u00a0\u2009]/g, ' ');

test('the headline counts pairs whose both ends are VMs, and nothing else', () => {
  // by hand, from the fixture's ten pairs of two VMs and the one VM that talks to itself
  assert.deepEqual(vmSplit(threeHostsModel()), { total: 12010, stayed: 7310, left: 3900, hairpin: 2000, undetermined: 800 });
});

test('the sentence names what is undetermined, too', () => {
  assert.equal(plain(headline(threeHostsModel())), '61 % of VM-to-VM bytes never left their host, 32 % did, 7 % cannot be told');
});

test('the denominators are printed', () => {
  const [ofAll, machines] = denominators(threeHostsModel()).map(plain);
  assert.equal(ofAll, '12.0 kB VM-to-VM of 13.2 kB in all');
  assert.equal(machines, '10 VMs on 3 hosts, 2 not placed');
});

test('without VM-to-VM bytes it says so', () => {
  const document = threeHosts();
  document.edges = document.edges.filter((edge) => edge.target.startsWith('group:'));
  assert.equal(headline(buildModel(document)), 'No traffic between two VMs was seen');
  for (const node of document.nodes) if (node.kind === 'vm') node.kind = 'unknown';
  assert.equal(headline(buildModel(document)), 'No endpoint is known to be a VM: an inventory would tell which are');
  document.edges = [];
  assert.equal(headline(buildModel(document)), 'No conversations in this capture');
});

test('when nothing can be told the sentence claims nothing', () => {
  const document = threeHosts();
  for (const edge of document.edges) Object.assign(edge, { stayed_bytes: 0, left_bytes: 0, undetermined_bytes: edge.wire_bytes });
  assert.equal(plain(headline(buildModel(document))), 'Whether VM-to-VM bytes left their host cannot be told yet: 100 % undetermined');
});

test('a card counts all drawn traffic of its house, a pair inside once', () => {
  const splits = houseSplits(threeHostsModel().pairs);
  // host-3: build-1 and nfs-1 (1500, hairpin), hostile and nfs-1 (200)
  assert.deepEqual(splits.get('host-3'), { total: 1700, stayed: 0, left: 1500, hairpin: 1500, undetermined: 200 });
});

test('a mixed pair gives its bytes to each part', () => {
  const mixed = threeHostsModel().pairs.filter((pair) => pair.lane === 'mixed');
  assert.deepEqual(splitOf(mixed), { total: 500, stayed: 300, left: 200, hairpin: 0, undetermined: 0 });
});

test('peers that the server folded count as peers outside', () => {
  assert.equal(outsidePeers(threeHostsModel()), 41); // one by name, 40 folded
});

test('hairpin bytes are those that the document tells, whatever else a pair did', () => {
  const edge = { wire_bytes: 10_000, stayed_bytes: 1000, left_bytes: 9000, hairpin_bytes: 4000, undetermined_bytes: 0 };
  for (const lane of ['mixed', 'left', 'hairpin']) assert.equal(splitOf([{ edge, lane }]).hairpin, 4000, lane);
});

test('VM pairs that the server folded count in the headline of the whole capture', () => {
  const document = threeHosts();
  Object.assign(document.graph.shares, { vm_vm_bytes: 20_010, within_host_bytes: 9310 });
  document.graph.grades = { vm_vm: { ungraded_bytes: 1800 } };
  const { hairpin, ...split } = vmSplit(buildModel(document));
  assert.deepEqual(split, { total: 20_010, stayed: 9310, left: 8900, undetermined: 1800 });
  assert.equal(hairpin, 2000);
  document.graph.range = { from_ns: 0, to_ns: 1 };
  assert.equal(vmSplit(buildModel(document)).total, 12_010);
});
