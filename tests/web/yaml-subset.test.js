import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseYaml } from '../../web/js/model/yaml-subset.js';

const ACCEPTED = {
  'a flow map over two lines': ['hosts: { esx-01: { uplinks: [vmnic0,\n    vmnic1], uplinks_complete: true } }', { hosts: { 'esx-01': { uplinks: ['vmnic0', 'vmnic1'], uplinks_complete: true } } }],
  'block lists at and below their key': ['a:\n- 1\n- x: 2\n  y: 3\nb:\n  - - p\n'.replace('  - - p', '  - p'), { a: [1, { x: 2, y: 3 }], b: ['p'] }],
  'flow maps as items': ['points:\n  - { file: a.pcapng, interface: vnet0, role: vnic }\n  - { session: "erspan:10.0.0.5/77", sampled: 1 }\n',
    { points: [{ file: 'a.pcapng', interface: 'vnet0', role: 'vnic' }, { session: 'erspan:10.0.0.5/77', sampled: 1 }] }],
  'colons inside plain words': ['session: erspan:10.0.0.5/77\nmac: 52:54:00:00:00:01', { session: 'erspan:10.0.0.5/77', mac: '52:54:00:00:00:01' }],
  'comments, quotes, empty values': ['---\n# head\nname: "a # b" # tail\nother: \'it is\'\nempty:\nnothing: ~\nlist: []\nmap: {}\n', { name: 'a # b', other: 'it is', empty: null, nothing: null, list: [], map: {} }],
  'numbers that are none': ['a: 010\nb: 1.5\nc: -3\nd: 1_000\ne: 10.0.0.5', { a: '010', b: 1.5, c: -3, d: '1_000', e: '10.0.0.5' }],
  'keys that objects have by themselves': ['__proto__: 1', Object.fromEntries([['__proto__', 1]])],
  'nothing at all': ['# only a comment\n', null],
};
for (const [what, [text, value]] of Object.entries(ACCEPTED)) test(`reads ${what}`, () => assert.deepEqual(parseYaml(text), value));

const REFUSED = {
  'a tab': ['a:\n\tb: 1', /line 2 is indented with a tab/],
  'an anchor': ['a: &x 1', /line 1 begins a value with "&"/],
  'a block scalar': ['a: |\n  text', /line 1 begins a value with "\|"/],
  'a key twice': ['a: 1\na: 2', /line 2 gives "a" a second time/],
  'indentation that fits nowhere': ['a:\n    b: 1\n  c: 2', /line 3/],
  'an open list': ['a: [1, 2', /line 1 has a list that does not end/],
  'an open quote': ['a: "x', /line 1/],
  'words after a value': ['a: "x" y', /line 1 has " ?y" after its value/],
};
for (const [what, [text, why]] of Object.entries(REFUSED)) test(`refuses ${what}`, () => assert.throws(() => parseYaml(text), why));

test('yes and no are what YAML 1.1 takes them for, as on the command line', () => {
  assert.deepEqual(parseYaml('a: yes\nb: True\nc: off\nd: "yes"\n'), { a: true, b: true, c: false, d: 'yes' });
});

test('what this part of YAML does not have is refused by its line', () => {
  for (const [source, line] of [['a: 1\n---\na: 2\n', 2], ['x: 1\nlist:\n- - a\n', 3], ['x: 1\na: b: c\n', 2], ['- [a: 1]\n', 1]]) {
    assert.throws(() => parseYaml(source), new RegExp(`line ${line} `), source);
  }
});
