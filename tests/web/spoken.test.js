// What screen readers hear of selections and filters.

import assert from 'node:assert/strict';
import test from 'node:test';

import { NO_FILTERS, applyFilters } from '../../web/js/model/filters.js';
import { filterWords, nodeWords, pairWords, selectionWords } from '../../web/js/spoken.js';
import { threeHostsModel } from './three-hosts.js';

test('a pair is told in one breath', () => {
  const model = threeHostsModel();
  const pair = model.pairs.find(({ lane }) => lane === 'hairpin') ?? model.pairs[0];
  const words = pairWords(pair);
  assert.ok(words.startsWith(`${pair.a.label} to ${pair.b.label}, left the host, hairpin, `), words);
  assert.equal(selectionWords({ type: 'pair', a: pair.b.id, b: pair.a.id }, model), `${words}.`);
});

test('a filter says what it hides', () => {
  const model = threeHostsModel();
  const stayed = model.pairs.filter(({ lane }) => lane === 'stayed').length;
  assert.equal(filterWords(applyFilters(model, { ...NO_FILTERS, hiddenLanes: ['stayed'] }), model), `${stayed} of ${model.pairs.length} pairs hidden.`);
  assert.equal(filterWords(applyFilters(model, NO_FILTERS), model), `All ${model.pairs.length} pairs shown.`);
});

test('names that nobody could listen to are cut, and hide nothing', () => {
  const model = threeHostsModel();
  const node = [...model.nodes.values()][0];
  node.label = `\u202e${'n'.repeat(300)}`;
  const words = nodeWords(model, node.id);
  assert.ok(words.startsWith('⟨202E⟩nnn'));
  assert.ok(words.indexOf('…') <= 80);
});

test('places and points have their words', () => {
  const model = threeHostsModel();
  assert.equal(selectionWords(null, model), 'Nothing is selected.');
  assert.equal(selectionWords({ type: 'trunk', from: 'esx-01', to: 'esx-01' }, model), 'Hairpins on esx-01.');
  assert.equal(selectionWords({ type: 'trunk', from: 'esx-01', to: 'esx-02' }, model), 'Traffic between esx-01 and esx-02.');
});
