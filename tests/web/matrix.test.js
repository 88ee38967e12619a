import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyFilters, NO_FILTERS, showLane } from '../../web/js/model/filters.js';
import { buildModel, isDrawn, OUTSIDE, ROUTERS, UNPLACED } from '../../web/js/model/graph-model.js';
import { assignSlots } from '../../web/js/layout/slots.js';
import { layAxis, lineOf, partAt, partsWithin, startFolded } from '../../web/js/layout/matrix.js';
import { cellsOf, firstFrom, largestPart, largestSum } from '../../web/js/layout/matrix-cells.js';
import { bandsAt, fitView, paneOf, planBands, under } from '../../web/js/layout/matrix-frame.js';
import { matrixPicture } from '../../web/js/scene/matrix-picture.js';
import { matrixScene } from '../../web/js/scene/matrix-items.js';
import { cellSelection, foldTexts, gridName, spokenCell } from '../../web/js/views/matrix-words.js';
import { newVm, threeHosts, threeHostsModel } from './three-hosts.js';

const ROOM = { width: 1048, height: 700 };
const HOSTS = ['host-1', 'host-2', 'host-3', UNPLACED];

function matrixOf(model, { folded = [], filters = NO_FILTERS, selection = null } = {}) {
  const shown = applyFilters(model, filters);
  return { shown, ...matrixPicture(model, model, shown, assignSlots(model, null), new Set(folded), selection) };
}

/** The cell of two endpoints. */
function cellOf({ axis, cells }, model, one, other) {
  const [p, q] = [one, other].map((id) => lineOf(axis, id, model.nodes.get(id).host ?? (id.startsWith('mac:') ? ROUTERS : UNPLACED)));
  return cells.at(p, q);
}

test('rows stand host by host as on the street; unplaced, routers and outside come last', () => {
  const { axis } = matrixOf(threeHostsModel());
  assert.deepEqual(axis.blocks.map((block) => block.place), [...HOSTS, ROUTERS, OUTSIDE]);
  assert.deepEqual(axis.lines.slice(0, 5).map((line) => line.id), ['vm:web-1', 'vm:app-1', 'vm:db-1', 'vm:fw-1', 'ip:default/10.0.1.2']);
  assert.equal(axis.lines.length, 14 - 1 + 2, '13 machines, and a line for each gate');
});

test('a new VM comes last in its host: no index within a host changes', () => {
  const document = threeHosts();
  const slots = assignSlots(buildModel(document), null);
  const grown = buildModel({ ...document, nodes: [newVm('aaa', 'host-1'), newVm('aab', 'host-2'), ...document.nodes] });
  const indexes = (axis) => Object.fromEntries(axis.lines.filter(({ id }) => id).map(({ id, block }, i) => [id, i - axis.blocks[block].first]));
  const before = indexes(layAxis(slots, buildModel(document), new Set()));
  const after = indexes(layAxis(assignSlots(grown, slots), grown, new Set()));
  for (const [id, index] of Object.entries(before)) assert.equal(after[id], index, id);
  assert.equal(after['vm:aaa'], 5);
  assert.equal(after['vm:aab'], 3);
});

test('every drawn pair has one cell with its verdict', () => {
  const model = threeHostsModel();
  const matrix = matrixOf(model);
  const expected = { 'vm:web-1 vm:app-1': 'stay', 'vm:build-1 vm:nfs-1': 'tex-hair', 'vm:app-1 vm:app-2': 'tex-leave', 'ip:default/10.9.9.8 vm:web-1': 'tex-unk' };
  for (const [ids, fill] of Object.entries(expected)) assert.deepEqual(cellOf(matrix, model, ...ids.split(' ')).parts, [[fill, 1]], ids);
  assert.deepEqual(cellOf(matrix, model, 'vm:db-1', 'vm:db-2').parts, [['stay', 0.6], ['tex-leave', 0.4]], 'a mixed pair shows both: 300 and 200 bytes');
  assert.equal(cellOf(matrix, model, 'vm:web-1', 'vm:db-2'), undefined);
});

for (const folded of [[], ['host-1'], ['host-2', UNPLACED], HOSTS]) {
  test(`folds keep totals: ${folded.length} of 4 folded`, () => {
    const model = threeHostsModel();
    const { cells } = matrixOf(model, { folded });
    const drawn = model.pairs.filter(isDrawn);
    for (const [part, field] of [['total', 'wire_bytes'], ['stayed', 'stayed_bytes'], ['left', 'left_bytes'], ['undetermined', 'undetermined_bytes']]) {
      assert.equal(cells.list.reduce((sum, cell) => sum + cell.split[part], 0), drawn.reduce((sum, pair) => sum + pair.edge[field], 0), part);
    }
    for (const cell of cells.list) assert.ok(Math.abs(cell.parts.reduce((sum, [, share]) => sum + share, 0) - 1) < 1e-9);
  });
}

test('a folded host is one row: what its endpoints have with each other stands on the diagonal', () => {
  const model = threeHostsModel();
  const { axis, cells } = matrixOf(model, { folded: HOSTS });
  assert.equal(axis.lines.length, 6);
  // host-1: 4000 + 2000 + 90 stayed. host-3: 1500 hairpin, 200 undetermined
  assert.deepEqual(cells.at(0, 0).split, { total: 6090, stayed: 6090, left: 0, hairpin: 0, undetermined: 0 });
  assert.deepEqual(cells.at(2, 2).split, { total: 1700, stayed: 0, left: 1500, hairpin: 1500, undetermined: 200 });
  assert.equal(largestPart(cells.at(2, 2)), 'tex-hair');
  assert.equal(cells.at(0, 1).split.total, 1000 + 700 + 500);
  assert.equal(largestSum(model), 6090);
  assert.equal(cells.at(0, 0).strength, 1);
});

test('the index by row holds both triangles in order', () => {
  const { axis, cells } = matrixOf(threeHostsModel());
  const listed = [];
  for (let row = 0; row < axis.lines.length; row += 1) {
    const columns = [...cells.columns.slice(cells.rowStart[row], cells.rowStart[row + 1])];
    assert.deepEqual(columns, [...columns].sort((p, q) => p - q));
    columns.forEach((column, i) => {
      assert.equal(cells.list[cells.cellOf[cells.rowStart[row] + i]], cells.at(row, column));
      assert.equal(firstFrom(cells, row, column), cells.rowStart[row] + i);
      listed.push(`${row} ${column}`);
    });
  }
  assert.deepEqual(listed.sort(), cells.list.flatMap(({ row, column }) => (row === column ? [`${row} ${column}`] : [`${row} ${column}`, `${column} ${row}`])).sort());
});

test('what is under a point is what was laid there, at every zoom', () => {
  const model = threeHostsModel();
  for (const folded of [[], ['host-2'], HOSTS]) {
    const { axis } = matrixOf(model, { folded });
    const planned = planBands(axis, 20, ROOM);
    const fitted = fitView(axis, planned, ROOM);
    for (const view of [fitted, { x: 300, y: 200, k: 4 }, { x: -80, y: -40, k: 1.5 }, { x: 400, y: 300, k: 0.3 }]) {
      const bands = bandsAt(planned, view.k);
      const pane = paneOf(view, bands, ROOM);
      axis.lines.forEach((across, row) => axis.lines.forEach((along, column) => {
        const [x, y] = [view.x + (along.start + along.size / 2) * view.k, view.y + (across.start + across.size / 2) * view.k];
        if (x < pane.left || y < pane.top || x > pane.right || y > pane.bottom) return;
        assert.deepEqual(under(axis, view, bands, pane, x, y), { kind: 'cell', row, column });
      }));
      axis.blocks.forEach((block, index) => {
        const y = view.y + (block.start + block.size / 2) * view.k;
        if (y < pane.top || y > pane.bottom) return;
        assert.deepEqual(under(axis, view, bands, pane, pane.left - bands.left.names - bands.left.hosts + 30, y), { kind: 'block', block: index, onMark: false });
      });
    }
  }
});

test('gaps between blocks and the world outside belong to nobody', () => {
  const { axis } = matrixOf(threeHostsModel());
  assert.equal(partAt(axis.lines, axis.blocks[1].start - 1), -1);
  assert.equal(partAt(axis.lines, -1), -1);
  assert.equal(partAt(axis.lines, axis.length), -1);
  assert.deepEqual(partsWithin(axis.lines, -100, 1e6), [0, axis.lines.length - 1]);
});

test('everything fits the window, or the labels would hide cells', () => {
  for (const folded of [[], HOSTS]) {
    const { axis } = matrixOf(threeHostsModel(), { folded });
    const planned = planBands(axis, 300, ROOM);
    const view = fitView(axis, planned, ROOM);
    const { left, top } = bandsAt(planned, view.k);
    assert.ok(view.x >= left.hosts + left.names && view.y >= top.hosts + top.names);
    assert.ok(view.x + axis.length * view.k <= ROOM.width && view.y + axis.length * view.k <= ROOM.height);
  }
});

test('large estates start folded, a single host does not', () => {
  const estate = (hosts, vms) => {
    const document = { ...threeHosts(), edges: [], nodes: Array.from({ length: hosts * vms }, (_, i) => newVm(`vm-${i}`, `esx-${i % hosts}`)) };
    const model = buildModel(document);
    return startFolded(assignSlots(model, null), model, 600).size;
  };
  assert.equal(estate(5, 7), 0);
  assert.equal(estate(60, 17), 60);
  assert.equal(estate(4, 35), 4, '140 VMs would have cells under 5 px');
  assert.equal(estate(1, 400), 0);
});

test('filters empty cells and move no row', () => {
  const model = threeHostsModel();
  const all = matrixOf(model);
  const fewer = matrixOf(model, { filters: showLane(NO_FILTERS, 'left', false) });
  assert.deepEqual(fewer.axis.lines, all.axis.lines);
  assert.equal(cellOf(fewer, model, 'vm:app-1', 'vm:app-2'), undefined);
  assert.equal(cellOf(fewer, model, 'vm:web-1', 'vm:app-1').strength, cellOf(all, model, 'vm:web-1', 'vm:app-1').strength);
});

test('cells select what the map selects', () => {
  const model = threeHostsModel();
  const open = matrixOf(model);
  assert.deepEqual(cellSelection(open, cellOf(open, model, 'vm:app-1', 'vm:db-1')), { type: 'pair', a: 'vm:app-1', b: 'vm:db-1' });
  const folded = matrixOf(model, { folded: HOSTS });
  assert.deepEqual(cellSelection(folded, folded.cells.at(0, 0)), { type: 'place', place: 'host-1' });
  assert.deepEqual(cellSelection(folded, folded.cells.at(1, 0)), { type: 'trunk', from: 'host-1', to: 'host-2' });
  const half = matrixOf(model, { folded: ['host-1'] });
  assert.equal(spokenCell(folded, folded.cells.at(0, 0), 0, 0), 'Within host-1, 6.09 kB in 3 pairs: 6.09 kB stayed');
  assert.equal(spokenCell(half, undefined, 1, 1), 'web-2 with itself');
});

test('the selection is marked in both triangles', () => {
  const { marks, axis } = matrixOf(threeHostsModel(), { selection: { type: 'pair', a: 'vm:app-1', b: 'vm:app-2' } });
  const [one, other] = ['vm:app-1', 'vm:app-2'].map((id) => axis.lines[axis.lineOfNode.get(id)]);
  assert.deepEqual(marks.bands, [one, other]);
  assert.deepEqual(marks.frames.map(({ x, y }) => [x, y]), [[other.start, one.start], [one.start, other.start]]);
});

test('every fold says its bytes', () => {
  const model = threeHostsModel();
  const { shown, ...picture } = matrixOf(model, { folded: HOSTS });
  const { hosts, others } = foldTexts(picture, model, shown);
  assert.match(hosts, /^3 hosts folded: click a host to unfold; 13 endpoints, 13\.1 kB\. $/);
  assert.match(others, /Outside: 41 peers in one line, 900 B; in the table only: 1 row of groups and floods, 1 of self-talk, 60 B/);
});

test('the same matrix comes as items, with a rectangle for each part of each cell in both triangles', () => {
  const model = threeHostsModel();
  const matrix = matrixOf(model, { folded: ['host-3'] });
  const { items, bounds } = matrixScene(matrix);
  const fills = new Set(['stay', 'tex-leave', 'tex-hair', 'tex-unk']);
  const parts = matrix.cells.list.reduce((sum, cell) => sum + cell.parts.length * (cell.row === cell.column ? 1 : 2), 0);
  assert.equal(items.filter((item) => item.kind === 'rect' && fills.has(item.fill)).length, parts);
  for (const item of items) if (item.kind === 'rect') assert.ok(item.x >= bounds.x && item.x + item.w <= bounds.x + bounds.w);
});

test('a filter hides cells and changes no share: heads and the name of the grid count all traffic', () => {
  const model = threeHostsModel();
  const every = matrixOf(model);
  const filtered = matrixOf(model, { filters: showLane(NO_FILTERS, 'left', false) });
  assert.ok(filtered.cells.list.length < every.cells.list.length);
  assert.deepEqual(filtered.words, every.words);
  assert.ok(filtered.words.some(({ share, word }) => word === 'stayed' && !share.startsWith('100')));
  assert.equal(gridName(filtered, model).split(', ').at(-1), gridName(every, model).split(', ').at(-1));
});
