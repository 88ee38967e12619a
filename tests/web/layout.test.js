import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildModel } from '../../web/js/model/graph-model.js';
import { clusterName, foldedHosts, isCluster } from '../../web/js/model/clusters.js';
import { grown, planFrame, sizesOf } from '../../web/js/layout/frame.js';
import { overlaps } from '../../web/js/layout/labels.js';
import { assignSlots, worthKeeping } from '../../web/js/layout/slots.js';
import { cellAt, layOut } from '../../web/js/layout/street.js';
import { newVm, threeHosts } from './three-hosts.js';

const WINDOW = { width: 1048, height: 700 };

/** @param {number[]} sizes machines of each host */
function estate(sizes) {
  const document = threeHosts();
  document.nodes = sizes.flatMap((size, host) => Array.from({ length: size }, (_, i) => newVm(`h${host}-vm${i}`, `esx-${host}`)));
  document.edges = [];
  return document;
}

function layoutOf(document, { before = null, frame = null, growing = false, folded = new Map(), window = WINDOW } = {}) {
  const model = buildModel(document);
  const slots = assignSlots(model, before, folded);
  const sizes = sizesOf(slots, (cluster) => [...folded.values()].filter((one) => one === cluster).length);
  const used = frame ? grown(frame, sizes) : planFrame(sizes, window, { growing, gates: false });
  return { slots, frame: used, layout: layOut(slots, used, folded), model };
}

function overlapping(rects) {
  return rects.flatMap((p, i) => rects.slice(i + 1).filter((q) => overlaps(p, q, -1e-6)).map((q) => [p, q]));
}

/** Everything that stands inside a house, and the houses. */
function solids(layout) {
  const houses = [...layout.houses.values()];
  return { houses: houses.map((house) => house.box), inside: houses.flatMap((house) => [...house.tiles, ...house.ghosts, ...house.hosts, ...(house.matrix ? [house.matrix] : [])]) };
}

function assertNothingOverlaps(layout, note) {
  const { houses, inside } = solids(layout);
  assert.deepEqual(overlapping(houses), [], note);
  for (const house of layout.houses.values()) {
    const here = [...house.tiles, ...house.ghosts, ...house.hosts, ...(house.matrix ? [house.matrix] : [])];
    assert.deepEqual(overlapping(here), [], note);
    const { box } = house;
    for (const { x, y, w, h } of here) {
      assert.ok(x >= box.x && y >= box.y && x + w <= box.x + box.w + 1e-6 && y + h <= box.y + box.h + 1e-6, `${note}: inside ${house.place}`);
    }
  }
  assert.ok(inside.length > 0);
}

/** A repeatable source of numbers. */
function randomOf(seed) {
  let state = seed;
  return (below) => {
    state = (state * 1664525 + 1013904223) % 4294967296;
    return Math.floor((state / 4294967296) * below);
  };
}

const ESTATES = [[1], [3, 2], [7, 6, 7, 8, 5], [40, 3], [16, 1, 9, 30], Array(13).fill(12), Array(60).fill(17), [200]];

for (const sizes of ESTATES) {
  const named = `${sizes.length} hosts of ${[...new Set(sizes)].join(', ')} VMs`;
  test(`nothing overlaps with ${named}, and every VM has a place or is counted`, () => {
    const { layout } = layoutOf(estate(sizes));
    assertNothingOverlaps(layout, named);
    const without = [...layout.houses.values()].reduce((sum, house) => sum + house.without.length, 0);
    assert.equal(layout.tiles.size + without, sizes.reduce((sum, size) => sum + size, 0));
  });
}

test('nothing overlaps and nobody moves, whatever the estate and however it grows', () => {
  const random = randomOf(7);
  for (let round = 0; round < 40; round += 1) {
    const sizes = Array.from({ length: 1 + random(14) }, () => 1 + random(round % 3 === 0 ? 90 : 24));
    const growing = round % 2 === 0;
    const window = { width: 500 + random(1200), height: 300 + random(800) };
    let document = estate(sizes);
    let { slots, frame, layout } = layoutOf(document, { growing, window });
    assertNothingOverlaps(layout, sizes.join());
    for (let step = 0; step < 6; step += 1) {
      const arrivals = Array.from({ length: 1 + random(9) }, (_, i) => newVm(`a-${round}-${step}-${i}`, `esx-${random(sizes.length + 4)}`));
      document = { ...document, nodes: [...arrivals, ...document.nodes] };
      const before = new Map(layout.tiles);
      ({ slots, frame, layout } = layoutOf(document, { before: slots, frame }));
      const note = `${sizes.join()} growing ${growing} step ${step}`;
      for (const [id, tile] of before) assert.deepEqual(layout.tiles.get(id), tile, `${id}: ${note}`);
      assertNothingOverlaps(layout, note);
    }
  }
});

test('up to 16 VMs stand as tiles, a crowd of several rows becomes a matrix in slot order', () => {
  const { layout } = layoutOf(estate([16, 25, 60, 25, 25]));
  assert.equal(layout.houses.get('esx-0').matrix, null);
  for (const [host, size] of [['esx-1', 25], ['esx-2', 60]]) {
    const { matrix, tiles } = layout.houses.get(host);
    assert.equal(tiles.length, size);
    assert.equal(matrix.used, size);
    tiles.forEach((tile, i) => {
      const cell = cellAt(matrix, i, i);
      assert.ok(Math.abs(tile.y - cell.y) < 1e-6 && tile.x + tile.w <= matrix.x + 1e-6, 'the name stands left of its row');
      assert.ok(cell.x + cell.w <= matrix.x + matrix.w + 1e-6 && cell.y + cell.h <= matrix.y + matrix.h + 1e-6);
    });
  }
});

test('a matrix shows up to 200 VMs and counts the others', () => {
  const { layout } = layoutOf(estate([230]));
  const house = layout.houses.get('esx-0');
  assert.equal(house.tiles.length, 200);
  assert.equal(house.without.length, 30);
});

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
    assertNothingOverlaps(layout, `step ${step}`);
  }
  assert.equal(layout.tiles.size + layout.houses.get('esx-1').without.length, 92);
});

test('who goes leaves a ghost with its name, until the map is laid out afresh', () => {
  const document = estate([5]);
  const first = layoutOf(document);
  const smaller = { ...document, nodes: document.nodes.filter((node) => node.label !== 'h0-vm1') };
  const kept = layoutOf(smaller, { before: first.slots, frame: first.frame });
  assert.deepEqual(kept.layout.houses.get('esx-0').ghosts.map(({ id, label }) => [id, label]), [['vm:h0-vm1', 'h0-vm1']]);
  assert.deepEqual(kept.layout.tiles.get('vm:h0-vm4'), first.layout.tiles.get('vm:h0-vm4'));
  assert.equal(kept.layout.tiles.has('vm:h0-vm1'), false);
  const back = layoutOf(document, { before: kept.slots, frame: kept.frame });
  assert.deepEqual([...back.layout.tiles], [...first.layout.tiles], 'and takes its place again when it comes back');
  assert.equal(layoutOf(smaller).slots.tiles['esx-0'].length, 4);
});

test('a VM on another host leaves a ghost in the old house and is appended in the new one', () => {
  const document = estate([3, 2]);
  const first = layoutOf(document);
  const moved = { ...document, nodes: document.nodes.map((node) => (node.label === 'h0-vm0' ? { ...node, host: 'esx-1' } : node)) };
  const { layout } = layoutOf(moved, { before: first.slots, frame: first.frame });
  assert.equal(layout.tiles.get('vm:h0-vm0').place, 'esx-1');
  assert.deepEqual(layout.houses.get('esx-0').ghosts.map((ghost) => ghost.label), ['h0-vm0']);
  for (const id of ['vm:h0-vm1', 'vm:h0-vm2', 'vm:h1-vm0', 'vm:h1-vm1']) assert.deepEqual(layout.tiles.get(id), first.layout.tiles.get(id));
  assertNothingOverlaps(layout, 'moved');
});

test('old places are kept when an inventory places more, not when nobody had a host before', () => {
  const nobody = estate([3]);
  for (const node of nobody.nodes) node.host = null;
  const { slots } = layoutOf(nobody);
  assert.equal(worthKeeping(buildModel(nobody), slots), true);
  assert.equal(worthKeeping(buildModel(estate([3])), slots), false);
  assert.equal(worthKeeping(buildModel(estate([3, 3])), layoutOf(estate([3])).slots), true);
});

test('an unfolded cluster gives its place to its hosts, and takes theirs when it is folded', () => {
  const document = estate([2, 2, 2, 2]);
  document.graph.hosts = ['a', 'b', 'b', 'c'].map((cluster, i) => ({ host: `esx-${i}`, cluster }));
  const model = buildModel(document);
  const folded = layoutOf(document, { folded: foldedHosts(model, 'cluster', []) });
  const open = layoutOf(document, { before: folded.slots, folded: foldedHosts(model, 'cluster', ['b']) });
  assert.deepEqual(open.slots.houses.map((place) => (isCluster(place) ? clusterName(place) : place)), ['a', 'esx-1', 'esx-2', 'c']);
  const again = layoutOf(document, { before: open.slots, folded: foldedHosts(model, 'cluster', []) });
  assert.deepEqual(again.slots.houses, folded.slots.houses);
  assertNothingOverlaps(folded.layout, 'folded');
  assertNothingOverlaps(open.layout, 'unfolded');
});

test('the same document is always laid out the same', () => {
  const one = layoutOf(threeHosts());
  const shuffled = threeHosts();
  shuffled.nodes.reverse();
  assert.deepEqual([...layoutOf(shuffled).layout.tiles.entries()].sort(), [...one.layout.tiles.entries()].sort());
});

test('a live map is planned for the hosts that will follow', () => {
  const first = new Map([['esx-1', 2], ['esx-2', 1]]);
  const frame = planFrame(first, { width: 1050, height: 620 }, { growing: true, gates: true });
  assert.equal(frame.columns, 3);
  assert.deepEqual(Object.keys(frame.interiors), ['esx-1', 'esx-2']);
});

test('a host may be called like something that every object has', () => {
  const document = threeHosts();
  document.nodes.push(newVm('a', 'constructor'), newVm('b', '__proto__'));
  const model = buildModel(document);
  const slots = assignSlots(model, assignSlots(model, null));
  assert.deepEqual([slots.tiles.constructor, slots.tiles.__proto__], [['vm:a'], ['vm:b']]);
  const frame = planFrame(sizesOf(slots, () => 0), { width: 1000, height: 700 }, { growing: false, gates: false });
  const { tiles } = layOut(slots, frame);
  assert.deepEqual([tiles.get('vm:a').place, tiles.get('vm:b').place], ['constructor', '__proto__']);
});
