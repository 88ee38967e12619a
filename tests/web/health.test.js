import assert from 'node:assert/strict';
import { test } from 'node:test';
import { captureHealth, captureSummary, incompleteSentences } from '../../web/js/model/health.js';
import { threeHosts } from './three-hosts.js';

const { graph } = threeHosts();
const HOSTS = { 'host-1': { uplinks: ['vmnic0'], uplinks_complete: true }, 'host-2': { uplinks_complete: false } };
const chips = captureHealth(graph.points, HOSTS);
const chip = (title) => chips.find((one) => one.title === title);
const facts = (title) => chip(title).facts.map((fact) => (fact.off ? `! ${fact.text}` : fact.text).replace(/\u00a0/g, ' '));

test('points of one host and role share a chip, those with a flaw first', () => {
  assert.deepEqual(chips.map((one) => one.title), ['host-2 mirror', 'role unknown, host unknown', 'host-1 vNIC × 2', 'host-1 uplink']);
});

test('doubling is told and counted once, one-way traffic is a flaw', () => {
  assert.deepEqual(facts('host-2 mirror'), ['uplinks unknown', '2.00 copies, counted once', 'drops unknown', '! one-way 12 %']);
});

test('a point without a host and with drops has two flaws', () => {
  assert.deepEqual(facts('role unknown, host unknown'), ['! no host stated', '1.00 copies', '! 7 dropped']);
});

test('complete uplinks are said where they matter', () => {
  assert.deepEqual(facts('host-1 uplink'), ['uplinks complete', '1.00 copies', '0 dropped']);
  assert.deepEqual(facts('host-1 vNIC × 2'), ['1.00 copies', '0 dropped', 'one-way up to 5 %']);
});

test('the banner of a damaged capture tells its sentence', () => {
  assert.deepEqual(incompleteSentences(graph, null), []);
  const warning = { code: 'damaged', text: 'a.pcapng ends inside packet 42.', count: 1 };
  const damaged = { ...graph, complete: false, captures: [{ ...graph.captures[0], complete: false, warnings: [warning] }] };
  assert.deepEqual(incompleteSentences(damaged, null), ['a.pcapng ends inside packet 42.']);
  assert.deepEqual(incompleteSentences(damaged, 'The reader was ended.'), ['The reader was ended.']);
  assert.deepEqual(incompleteSentences({ ...graph, complete: false }, null), ['A capture ended before its end.']);
});

test('the captures in a few words', () => {
  assert.equal(captureSummary(graph), '2 captures · 20.0 kB');
  assert.equal(captureSummary({ ...graph, captures: [{ ...graph.captures[0], file: 'a\u202eb.pcap' }] }), 'a⟨202E⟩b.pcap · 15.0 kB');
});
