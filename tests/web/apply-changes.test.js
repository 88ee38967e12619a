// Changes applied to a document: the new document, made of the old objects wherever nothing changed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyChanges } from '../../web/js/model/apply-changes.js';
import { newVm, threeHosts } from './three-hosts.js';

const NOTHING = { revision: 2, since: 1, nodes: [], edges: [], removed_nodes: [], removed_edges: [], node_order: null, edge_order: null };

test('what did not change stays the same objects, and even the same lists', () => {
  const old = threeHosts();
  const facts = { ...old.graph, name: 'later' };
  const made = applyChanges(old, { ...NOTHING, graph: facts });
  assert.equal(made.nodes, old.nodes);
  assert.equal(made.edges, old.edges);
  assert.equal(made.graph, facts);
});

test('a changed row takes the place of the old one, a new one comes last, a removed one is gone', () => {
  const old = threeHosts();
  const whole = structuredClone(old);
  const changed = { ...old.nodes[1], packets: 1_000_000 };
  const made = applyChanges(old, {
    ...NOTHING, graph: old.graph, nodes: [changed, newVm('web-99', 'esx-01')], removed_nodes: [old.nodes[0].id],
    edges: [{ ...old.edges[0], source: 'vm:web-99' }], removed_edges: [[old.edges[0].source, old.edges[0].target]],
  });
  assert.deepEqual(made.nodes.map((node) => node.id), [...old.nodes.slice(1).map((node) => node.id), 'vm:web-99']);
  assert.equal(made.nodes[0], changed);
  made.nodes.slice(1, -1).forEach((node, place) => assert.equal(node, old.nodes[place + 2]));
  made.edges.slice(0, -1).forEach((edge, place) => assert.equal(edge, old.edges[place + 1]));
  assert.equal(made.edges.at(-1).source, 'vm:web-99');
  assert.deepEqual(old, whole, 'the old document is left as it was');
});

test('an edge that turned round is another edge', () => {
  const old = threeHosts();
  const turned = { ...old.edges[0], source: old.edges[0].target, target: old.edges[0].source };
  const made = applyChanges(old, { ...NOTHING, graph: old.graph, edges: [turned], removed_edges: [[old.edges[0].source, old.edges[0].target]] });
  assert.deepEqual(made.edges, [...old.edges.slice(1), turned]);
});

test('another order is said by places', () => {
  const old = threeHosts();
  const order = old.nodes.map((_, place) => old.nodes.length - 1 - place);
  const made = applyChanges(old, { ...NOTHING, graph: old.graph, node_order: order });
  made.nodes.forEach((node, place) => assert.equal(node, old.nodes[old.nodes.length - 1 - place]));
});

test('ids that look like separators are told apart', () => {
  const edge = (source, target) => ({ source, target });
  const old = { graph: {}, nodes: [], edges: [edge('a,b', 'c'), edge('a', 'b,c'), edge('a","b', 'c')] };
  const made = applyChanges(old, { ...NOTHING, graph: {}, removed_edges: [['a', 'b,c']] });
  assert.deepEqual(made.edges, [old.edges[0], old.edges[2]]);
});
