import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildModel } from '../../web/js/model/graph-model.js';
import { foldedHosts } from '../../web/js/model/clusters.js';
import { NO_FILTERS, applyFilters, showLane } from '../../web/js/model/filters.js';
import { cellAt, houseOf, layOut } from '../../web/js/layout/street.js';
import { planFrame, sizesOf } from '../../web/js/layout/frame.js';
import { assignSlots } from '../../web/js/layout/slots.js';
import { routeOf } from '../../web/js/layout/routes.js';
import { MIDDLE_ARCS } from '../../web/js/scene/line-items.js';
import { FAR_TRUNKS } from '../../web/js/scene/overview-items.js';
import { streetScene } from '../../web/js/scene/street-scene.js';
import { newVm, threeHosts } from './three-hosts.js';

/** An edge like the fixture's first, between two other ends. */
function edge(source, target, bytes, lane) {
  const [first] = threeHosts().edges;
  return {
    ...first, source: `vm:${source}`, target: `vm:${target}`, wire_bytes: bytes, left_host: lane === 'hairpin' ? 'left' : lane,
    verdict: lane === 'hairpin' ? 'hairpin_routed' : lane, stayed_bytes: lane === 'stayed' ? bytes : 0,
    left_bytes: lane === 'left' || lane === 'hairpin' ? bytes : 0, undetermined_bytes: lane === 'undetermined' ? bytes : 0,
  };
}

function sceneOf(nodes, edges, { selection = null, grouping = 'auto', clusters = {}, filters = NO_FILTERS } = {}) {
  const document = { ...threeHosts(), nodes, edges };
  document.graph.hosts = Object.entries(clusters).map(([host, cluster]) => ({ host, cluster }));
  const model = buildModel(document);
  const folded = foldedHosts(model, grouping, []);
  const slots = assignSlots(model, null, folded);
  const sizes = sizesOf(slots, (cluster) => [...folded.values()].filter((one) => one === cluster).length);
  const layout = layOut(slots, planFrame(sizes, { width: 1000, height: 700 }, { growing: false, gates: false }), folded);
  return { model, layout, scene: streetScene(layout, model, applyFilters(model, filters), selection, { filtering: filters !== NO_FILTERS, grouped: true }) };
}

const crowd = Array.from({ length: 40 }, (_, i) => newVm(`vm-${String(i).padStart(2, '0')}`, 'esx-1'));
const itemsAt = (scene, detail) => scene.parts(detail).flatMap((part) => part.items());
const middle = ({ x, y, w, h }) => [x + w / 2, y + h / 2];

test('in a crowded house each pair is two cells, and a click on either opens it', () => {
  const { layout, scene } = sceneOf(crowd, [edge('vm-03', 'vm-07', 900, 'stayed'), edge('vm-01', 'vm-02', 500, 'hairpin'), edge('vm-05', 'vm-06', 40, 'undetermined')]);
  const { matrix } = layout.houses.get('esx-1');
  assert.equal(scene.routes.cells.get('esx-1').length, 3);
  for (const [row, column] of [[3, 7], [7, 3]]) {
    const hit = scene.hits('near').at(...middle(cellAt(matrix, row, column)), 1);
    assert.deepEqual(hit.selection, { type: 'pair', a: 'vm:vm-03', b: 'vm:vm-07' });
    assert.deepEqual(hit.words(), ['vm-03 → vm-07', 'Stayed on host · 900 B']);
  }
  assert.deepEqual(scene.hits('near').at(...middle(cellAt(matrix, 2, 1)), 1).selection, { type: 'pair', a: 'vm:vm-01', b: 'vm:vm-02' });
  assert.equal(scene.hits('near').at(...middle(cellAt(matrix, 20, 30)), 1), null);
  const label = layout.tiles.get('vm:vm-09');
  assert.deepEqual(scene.hits('near').at(...middle(label), 1).selection, { type: 'node', id: 'vm:vm-09' });
});

test('a pair that leaves a crowded house starts at the column of its VM', () => {
  const { model, layout, scene } = sceneOf([...crowd, newVm('far', 'esx-2')], [edge('vm-10', 'far', 900, 'left')]);
  const { matrix } = layout.houses.get('esx-1');
  const { points } = routeOf(layout, scene.routes, model.pairs[0]);
  const [x] = points[0];
  const column = cellAt(matrix, 0, 10);
  assert.ok(x > column.x && x < column.x + column.w);
});

test('the nearer the map, the more is drawn, and what is not is told with its bytes', () => {
  const vms = Array.from({ length: 12 }, (_, i) => newVm(`vm-${i}`, 'esx-1'));
  const edges = vms.flatMap((_, i) => vms.slice(i + 1).map((__, j) => edge(`vm-${i}`, `vm-${i + 1 + j}`, 1000 - 10 * i - j, 'stayed')));
  const { scene } = sceneOf(vms, edges);
  const [middleItems, nearItems] = [itemsAt(scene, 'middle'), itemsAt(scene, 'near')];
  assert.ok(middleItems.length < nearItems.length);
  const bytes = edges.map((one) => one.wire_bytes).sort((p, q) => q - p).slice(MIDDLE_ARCS).reduce((sum, one) => sum + one, 0);
  assert.match(scene.notDrawn('middle'), new RegExp(`${edges.length - MIDDLE_ARCS} more with ${(bytes / 1000).toFixed(1)} kB`));
  assert.equal(scene.notDrawn('near'), '');
  assert.ok(itemsAt(scene, 'far').every((item) => item.kind !== 'name'), 'from afar no tile is drawn');
});

test('from afar the largest trunks are drawn and the rest is told', () => {
  const vms = Array.from({ length: 14 }, (_, i) => newVm(`vm-${i}`, `esx-${i}`));
  const edges = vms.flatMap((_, i) => vms.slice(i + 1).map((__, j) => edge(`vm-${i}`, `vm-${i + 1 + j}`, 100, 'left')));
  const { scene } = sceneOf(vms, edges);
  assert.match(scene.notDrawn('far'), new RegExp(`The ${FAR_TRUNKS} largest of ${edges.length} trunks are drawn, ${(edges.length - FAR_TRUNKS) / 10}0 kB are in the others`));
});

test('a click on a folded cluster unfolds it; between clusters no byte is lost', () => {
  const vms = ['a1', 'a2', 'b1', 'b2'].flatMap((host) => [newVm(`${host}-x`, host), newVm(`${host}-y`, host)]);
  const edges = [edge('a1-x', 'b1-x', 500, 'left'), edge('a2-x', 'b2-y', 300, 'left'), edge('a1-x', 'a2-y', 70, 'left'), edge('a1-x', 'a1-y', 20, 'stayed'), edge('b1-x', 'b1-y', 9, 'hairpin')];
  const { scene, layout } = sceneOf(vms, edges, { grouping: 'cluster', clusters: { a1: 'a', a2: 'a', b1: 'b', b2: 'b' } });
  assert.deepEqual(scene.routes.trunks.map((trunk) => trunk.bytes), [800]);
  assert.deepEqual(scene.routes.turns.map((turn) => turn.bytes), [9]);
  const house = layout.houses.get(houseOf(layout, 'a1'));
  assert.deepEqual(scene.hits('near').at(...middle(house.box), 1).turn, { unfold: 'a' });
  assert.deepEqual(scene.hits('far').at(...middle(house.box), 1).turn, { unfold: 'a' });
  assert.deepEqual(house.hosts.map((chip) => chip.place), ['a1', 'a2']);
});

test('what is mixed is drawn in two colours at every distance and however thin', () => {
  const mixed = (source, target, bytes) => ({ ...edge(source, target, bytes, 'mixed'), stayed_bytes: bytes / 10, left_bytes: bytes * 0.9 });
  const ends = Array.from({ length: 14 }, (_, i) => newVm(`m-${i}`, 'esx-1'));
  const inside = ends.flatMap((_, i) => ends.slice(i + 1).map((_, j) => mixed(`m-${i}`, `m-${i + j + 1}`, 1000 + i)));
  assert.ok(inside.length > 60, 'more arcs than are drawn wide');
  const far = [newVm('far', 'esx-2'), mixed('m-0', 'far', 5000)];
  const { scene } = sceneOf([...ends, far[0]], [...inside, far[1]]);
  for (const detail of ['far', 'near']) {
    const lines = itemsAt(scene, detail).filter((item) => item.kind === 'path' && ['stay', 'leave'].includes(item.stroke) && item.d.length > 20);
    const ways = (colour) => lines.filter((item) => item.stroke === colour).map((item) => item.d);
    assert.ok(ways('stay').length > 0, detail);
    assert.deepEqual(ways('stay').filter((d) => !ways('leave').includes(d)), [], detail);
  }
});

test('a filter takes lines away and no share: cards count all traffic of their endpoints, also in pictures', () => {
  const nodes = [newVm('a', 'esx-1'), newVm('b', 'esx-1'), newVm('c', 'esx-2')];
  const edges = [edge('a', 'b', 300, 'stayed'), edge('a', 'c', 700, 'left')];
  const cards = (scene, detail) => itemsAt(scene, detail).filter((item) => item.kind === 'text').flatMap(({ text, lead }) => [text, lead?.text ?? '']).filter((text) => /%|stayed|traffic/.test(text)).sort();
  const [every, filtered] = [NO_FILTERS, showLane(NO_FILTERS, 'left', false)].map((filters) => sceneOf(nodes, edges, { filters }).scene);
  assert.equal(every.routes.trunks.length, 1);
  assert.equal(filtered.routes.trunks.length, 0);
  assert.ok(cards(filtered, 'near').includes('30\u00a0%'), cards(filtered, 'near').join());
  const shares = (texts) => texts.filter((text) => !text.startsWith('uplink'));
  for (const detail of ['near', 'middle', 'far']) assert.deepEqual(shares(cards(filtered, detail)), shares(cards(every, detail)), detail);
  assert.ok(filtered.items.some((item) => item.lead?.text === '30\u00a0%'));
});
