import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_FILTERS, applyFilters } from '../../web/js/model/filters.js';
import { OUTSIDE, ROUTERS, UNPLACED, buildModel } from '../../web/js/model/graph-model.js';
import { planFrame } from '../../web/js/layout/frame.js';
import { overlaps, placeLabels } from '../../web/js/layout/labels.js';
import { routeOf, routesOf, widthScale } from '../../web/js/layout/routes.js';
import { assignSlots } from '../../web/js/layout/slots.js';
import { layOut } from '../../web/js/layout/street.js';
import { threeHosts, threeHostsModel } from './three-hosts.js';

const model = threeHostsModel();
const { drawn } = applyFilters(model, NO_FILTERS);
const slots = assignSlots(model, null);
const frame = planFrame(new Map(slots.houses.map((place) => [place, slots.tiles[place].length])), { width: 1048, height: 700 }, { growing: false, gates: true });
const layout = layOut(slots, frame);
const routes = routesOf(layout, drawn, widthScale(4000));
const pair = (a, b) => model.pairs.find((one) => one.a.label === a && one.b.label === b);
const inBox = ([x, y], box, slack = 1) => x >= box.x - slack && x <= box.x + box.w + slack && y >= box.y - slack && y <= box.y + box.h + slack;

test('what stayed is an arc that never leaves the walls of its house', () => {
  const stayed = [...routes.arcs.values()].flat().filter((arc) => arc.lane === 'stayed');
  assert.deepEqual(stayed.map((arc) => `${arc.pair.a.label}-${arc.pair.b.label}`).sort(), ['app-1-db-1', 'web-1-app-1', 'web-1-vmk0', 'web-2-app-2']);
  for (const arc of stayed) {
    const { box } = layout.houses.get(arc.pair.placeA);
    assert.ok(arc.curve.points.every((point) => inBox(point, box, 0)), arc.pair.key);
  }
});

test('a hairpin leaves by the door of its house, turns in the street and comes back to it', () => {
  const hairpin = pair('build-1', 'nfs-1');
  const { points } = routeOf(layout, routes, hairpin);
  const { box, wall, outward, door } = layout.houses.get('host-3');
  assert.ok(inBox(points[0], layout.tiles.get('vm:build-1')));
  assert.ok(inBox(points.at(-1), layout.tiles.get('vm:nfs-1')));
  const outside = points.filter(([, y]) => -outward * (y - wall) > 1);
  assert.ok(outside.length > 4, 'it goes into the street');
  const street = layout.streets[0];
  assert.ok(outside.every(([, y]) => y > street.top && y < street.bottom), 'and not across it');
  assert.ok(outside.every(([x]) => Math.abs(x - door.x) < routes.doors.get('host-3').half), 'through the door');
  const first = points.findIndex((point) => outside.includes(point));
  assert.ok(points.slice(0, first).every((point) => inBox(point, box)));
  assert.ok(points.slice(first + outside.length).every((point) => inBox(point, box)));
});

test('each host with hairpins has one turn with all their bytes', () => {
  assert.deepEqual(routes.turns.map(({ place, bytes }) => [place, bytes]).sort(), [['host-2', 500], ['host-3', 1500]]);
});

test('what left goes from tile to tile through both doors', () => {
  const { points } = routeOf(layout, routes, pair('web-1', 'web-2'));
  assert.ok(inBox(points[0], layout.tiles.get('vm:web-1')));
  assert.ok(inBox(points.at(-1), layout.tiles.get('vm:web-2')));
  for (const place of ['host-1', 'host-2']) {
    const { door, wall } = layout.houses.get(place);
    assert.ok(points.some(([x, y]) => Math.abs(y - wall) < 0.01 && Math.abs(x - door.x) <= routes.doors.get(place).half), place);
  }
});

test('trunks bundle pairs by house and verdict, and lose no byte', () => {
  const trunk = (from, to, lane) => routes.trunks.find((one) => one.lane === lane && [from, to].every((place) => [one.from, one.to].includes(place)));
  assert.equal(trunk('host-1', 'host-2', 'left').bytes, 1000 + 700);
  assert.equal(trunk('host-1', 'host-2', 'mixed').bytes, 500);
  assert.equal(trunk('host-1', UNPLACED, 'undetermined').bytes, 600);
  assert.equal(trunk('host-1', OUTSIDE, 'left').bytes, 800);
  assert.equal(trunk('host-1', ROUTERS, 'undetermined').bytes, 60);
  const all = [...routes.trunks.map((one) => one.bytes), ...routes.turns.map((one) => one.bytes), ...[...routes.arcs.values()].flat().map((arc) => arc.pair.edge.wire_bytes)];
  assert.equal(all.reduce((sum, bytes) => sum + bytes, 0), drawn.reduce((sum, one) => sum + one.edge.wire_bytes, 0));
});

test('a machine whose traffic only stayed has no stem', () => {
  const stems = new Set([...routes.stems.values()].flat().map((stem) => stem.id));
  assert.ok(!stems.has('ip:default/10.0.1.2'));
  assert.ok(stems.has('vm:web-1'));
});

test('labels cover neither each other nor a house', () => {
  const { trunks, turns } = placeLabels(layout, routes, [OUTSIDE, ROUTERS]);
  const boxes = [...trunks, ...turns];
  assert.ok(trunks.length >= 3 && turns.length === 2);
  boxes.forEach((box, i) => {
    assert.ok(boxes.slice(i + 1).every((other) => !overlaps(box, other)));
    assert.ok([...layout.houses.values()].every((house) => !overlaps(box, house.box)));
  });
});

test('widths grow with the bytes and stay between their bounds', () => {
  const width = widthScale(1e9);
  const widths = [0, 1, 1e3, 1e6, 1e9, 1e12].map(width);
  assert.deepEqual(widths, [...widths].sort((p, q) => p - q));
  assert.ok(widths.every((one) => one >= 1.2 && one <= 8));
});

test('what left before its VMs came to one host ends at the door: nothing says that it came back', () => {
  const document = threeHosts();
  const moved = document.edges.find(({ source, target }) => source === 'vm:web-1' && target === 'vm:app-1');
  Object.assign(moved, { left_host: 'left', verdict: 'inter_host', stayed_bytes: 0, left_bytes: 4000 });
  const movedModel = buildModel(document);
  const after = routesOf(layout, applyFilters(movedModel, NO_FILTERS).drawn, widthScale(4000));
  assert.deepEqual(after.turns.map(({ place }) => place).sort(), ['host-2', 'host-3']);
  assert.equal(after.doors.get('host-1').bytes.get('left') - routes.doors.get('host-1').bytes.get('left'), 4000);
  const { points } = routeOf(layout, after, movedModel.pairs.find(({ a, b }) => a.label === 'web-1' && b.label === 'app-1'));
  const { wall } = layout.houses.get('host-1');
  assert.ok(points.every(([, y]) => -layout.houses.get('host-1').outward * (y - wall) < 1), 'not into the street');
  assert.ok(points.some(([, y]) => Math.abs(y - wall) < 1), 'to the wall');
});
