import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildModel } from '../../web/js/model/graph-model.js';
import { MOST_HOUSES, clusterName, clustersOf, foldedHosts, nodesIn } from '../../web/js/model/clusters.js';
import { houseSplits, splitOf } from '../../web/js/model/headline.js';
import { NO_FILTERS, applyFilters } from '../../web/js/model/filters.js';
import { newVm, threeHosts, threeHostsModel } from './three-hosts.js';

function modelOf(hosts, clusters = {}) {
  const document = threeHosts();
  document.nodes = hosts.map((host) => newVm(`on-${host}`, host));
  document.edges = [];
  document.graph.hosts = hosts.map((host) => ({ host, cluster: clusters[host] ?? null }));
  return buildModel(document);
}

const groupsOf = (model) => Object.fromEntries([...clustersOf(model).hosts].map(([place, hosts]) => [clusterName(place), hosts]));

test('clusters are those of the inventory', () => {
  const model = modelOf(['a1', 'b1', 'a2'], { a1: 'prod', a2: 'prod', b1: 'lab' });
  assert.deepEqual(groupsOf(model), { prod: ['a1', 'a2'], lab: ['b1'] });
  assert.equal(clustersOf(model).byName, false);
});

test('without clusters hosts go by the beginning of their names, and it is said', () => {
  const model = modelOf(['esx-a-01', 'esx-a-2.example', 'esx-b-01', 'esx-b-02', '10.0.0.1', '10.0.0.2', 'lonely']);
  assert.deepEqual(groupsOf(model), { '10.0.0.*': ['10.0.0.1', '10.0.0.2'], 'esx-a*': ['esx-a-01', 'esx-a-2.example'], 'esx-b*': ['esx-b-01', 'esx-b-02'] });
  assert.equal(clustersOf(model).byName, true);
});

test('hosts are folded when they are more than the map can hold, or when the user wants it', () => {
  const hosts = Array.from({ length: MOST_HOUSES + 1 }, (_, i) => `esx-${i % 2 ? 'a' : 'b'}-${i}`);
  assert.equal(foldedHosts(modelOf(hosts), 'auto', []).size, MOST_HOUSES + 1);
  assert.equal(foldedHosts(modelOf(hosts), 'host', []).size, 0);
  assert.equal(foldedHosts(modelOf(hosts.slice(1)), 'auto', []).size, 0);
  assert.equal(foldedHosts(modelOf(hosts.slice(1)), 'cluster', []).size, MOST_HOUSES);
});

test('an unfolded cluster shows its hosts, the others stay folded', () => {
  const model = modelOf(['a1', 'a2', 'b1', 'b2'], { a1: 'a', a2: 'a', b1: 'b', b2: 'b' });
  assert.deepEqual([...foldedHosts(model, 'cluster', ['a']).keys()], ['b1', 'b2']);
});

test('a folded cluster keeps the totals of its hosts: a pair inside it counts once', () => {
  const document = threeHosts();
  document.graph.hosts = [{ host: 'host-1', cluster: 'c' }, { host: 'host-2', cluster: 'c' }];
  const model = buildModel(document);
  const { drawn } = applyFilters(model, NO_FILTERS);
  const folded = foldedHosts(model, 'cluster', []);
  const [place] = folded.values();
  const splits = houseSplits(drawn, (host) => folded.get(host) ?? host);
  const expected = splitOf(drawn.filter((pair) => [pair.placeA, pair.placeB].some((host) => host === 'host-1' || host === 'host-2')));
  assert.deepEqual(splits.get(place), expected);
  assert.deepEqual(splits.get('host-3'), houseSplits(drawn).get('host-3'));
  assert.equal(nodesIn(model, place).length, model.places.get('host-1').length + model.places.get('host-2').length);
});

test('nothing is grouped where there is nothing to group', () => {
  assert.deepEqual(groupsOf(threeHostsModel()), { 'host*': ['host-1', 'host-2', 'host-3'] });
  assert.equal(foldedHosts(threeHostsModel(), 'auto', []).size, 0);
});
