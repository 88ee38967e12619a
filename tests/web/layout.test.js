import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildModel } from '../../web/js/model/graph-model.js';
import { planFrame } from '../../web/js/layout/frame.js';
import { overlaps } from '../../web/js/layout/labels.js';
import { assignSlots, sameHouses } from '../../web/js/layout/slots.js';
import { layOut } from '../../web/js/layout/street.js';
import { newVm, threeHosts } from './three-hosts.js';

const WINDOW = { width: 1048, height: 700 };

/** @param {number[]} sizes machines of each host */
function estate(sizes) {
  const document = threeHosts();
  document.nodes = sizes.flatMap((size, host) => Array.from({ length: size }, (_, i) => newVm(`h${host}-vm${i}`, `esx-${host}`)));
  document.edges = [];
  return document;
}

function layoutOf(document, { before = null, frame = null, growing = false } = {}) {
  const model = buildModel(document);
  const slots = assignSlots(model, before);
  const sizes = new Map(slots.houses.map((place) => [place, slots.tiles[place].length]));
  const used = frame ?? planFrame(sizes, WINDOW, { growing, gates: false });
  return { slots, frame: used, layout: layOut(slots, used), model };
}

function overlapping(rects) {
  return rects.flatMap((p, i) => rects.slice(i + 1).filter((q) => overlaps(p, q)).map((q) => [p, q]));
}

const ESTATES = [[1], [3, 2], [7, 6, 7, 8, 5], [40, 3], [16, 1, 9, 30], Array(13).fill(12), Array(60).fill(17), [200]];

for (const sizes of ESTATES) {
  test(`nothing overlaps with ${sizes.length} hosts of ${[...new Set(sizes)].join(', ')} VMs`, () => {
    const { layout } = layoutOf(estate(sizes));
    assert.deepEqual(overlapping([...layout.tiles.values()]), []);
    assert.deepEqual(overlapping([...layout.houses.values()].map((house) => house.box)), []);
    for (const tile of layout.tiles.values()) {
      const { box } = layout.houses.get(tile.place);
      assert.ok(tile.x >= box.x && tile.y >= box.y && tile.x + tile.w <= box.x + box.w && tile.y + tile.h <= box.y + box.h, `${tile.id} stands in its house`);
    }
  });

  test(`every VM has a tile or is counted with ${sizes.length} hosts of ${[...new Set(sizes)].join(', ')} VMs`, () => {
    const { layout } = layoutOf(estate(sizes));
    const folded = [...layout.houses.values()].reduce((sum, house) => sum + house.folded, 0);
    assert.equal(layout.tiles.size + folded, sizes.reduce((sum, size) => sum + size, 0));
  });
}

test('no house stands in the street', () => {
  const { layout } = layoutOf(estate(Array(9).fill(20)));
  for (const house of layout.houses.values()) {
    for (const street of layout.streets) {
      assert.ok(house.box.y + house.box.h <= street.top || house.box.y >= street.bottom, house.place);
    }
  }
});

test('hosts stand in natural order, machines by segment and name', () => {
  const document = threeHosts();
  for (const node of document.nodes) if (node.host) node.host = node.host.replace('host-1', 'host-10');
  const { slots } = layoutOf(document);
  assert.deepEqual(slots.houses.slice(0, 3), ['host-2', 'host-3', 'host-10']);
  assert.deepEqual(slots.tiles['host-10'], ['vm:web-1', 'vm:app-1', 'vm:db-1', 'vm:fw-1', 'ip:default/10.0.1.2']);
});

test('newcomers append: no tile of a growing map ever moves', () => {
  let document = estate([2]);
  let { slots, frame, layout } = layoutOf(document, { growing: true });
  for (let step = 0; step < 90; step += 1) {
    const host = `esx-${step < 40 ? step % 5 : 1}`; // then one host alone, beyond the room that it has

    document = { ...document, nodes: [newVm(`a-new-${step}`, host), ...document.nodes] };
    const before = new Map(layout.tiles);
    ({ slots, frame, layout } = layoutOf(document, { before: slots, frame }));
    for (const [id, tile] of before) assert.deepEqual(layout.tiles.get(id), tile, `${id} after step ${step}`);
    assert.deepEqual(overlapping([...layout.tiles.values()]), []);
  }
  assert.ok(layout.houses.get('esx-1').folded > 0);
});

test('who goes leaves an empty slot, until the map is laid out afresh', () => {
  const document = estate([5]);
  const first = layoutOf(document);
  const smaller = { ...document, nodes: document.nodes.filter((node) => node.label !== 'h0-vm1') };
  const kept = layoutOf(smaller, { before: first.slots, frame: first.frame });
  assert.equal(kept.slots.tiles['esx-0'][1], null);
  assert.deepEqual(kept.layout.tiles.get('vm:h0-vm4'), first.layout.tiles.get('vm:h0-vm4'));
  assert.equal(layoutOf(smaller).slots.tiles['esx-0'].length, 4);
});

test('a VM in another house asks for a new layout, a new VM does not', () => {
  const document = estate([2, 2]);
  const { slots } = layoutOf(document);
  const grown = { ...document, nodes: [...document.nodes, newVm('new', 'esx-0')] };
  assert.equal(sameHouses(buildModel(grown), slots), true);
  const moved = { ...document, nodes: document.nodes.map((node) => (node.label === 'h0-vm0' ? { ...node, host: 'esx-1' } : node)) };
  assert.equal(sameHouses(buildModel(moved), slots), false);
});

test('the same document is always laid out the same', () => {
  const one = layoutOf(threeHosts());
  const shuffled = threeHosts();
  shuffled.nodes.reverse();
  assert.deepEqual([...layoutOf(shuffled).layout.tiles.entries()].sort(), [...one.layout.tiles.entries()].sort());
});
