// Runs in the measured page before its own scripts: notes the first painted frame, drives it, feeds it newer documents.
(() => {
  const sources = [];
  const Original = window.EventSource;
  window.EventSource = class extends Original {
    constructor(...parts) {
      super(...parts);
      sources.push(this);
    }
  };
  const fetchPage = window.fetch.bind(window);
  const probe = { address: null, base: null, changes: null, revision: 1e6 };
  window.fetch = async (...parts) => {
    const address = String(parts[0]?.url ?? parts[0]);
    if (/\/graph\/changes\?/.test(address) && probe.changes !== null) return new Response(probe.changes, { headers: { 'content-type': 'application/json' } });
    if (/\/graph(\?|$)/.test(address)) probe.address = parts[0];
    return fetchPage(...parts);
  };
  /** When the last byte of the document was there. */
  probe.arrivedAt = () => performance.getEntriesByType('resource').find(({ name }) => /\/graph(\.json)?$/.test(name)).responseEnd;
  probe.document = async () => { probe.base ??= await (await fetchPage(probe.address)).text(); return probe.base; };
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const painted = async () => {
    await frame();
    await new Promise((done) => { const channel = new MessageChannel(); channel.port1.onmessage = done; channel.port2.postMessage(0); });
  };

  // --- first paint
  const SHOWN = {
    page: () => window.__flowmap || window.__flowmapMatrix || document.querySelector('#stage table'),
    peer: () => window.peer?.tickedAt,
  };
  probe.firstPaint = (page) => new Promise((done) => {
    const look = async () => {
      if (!SHOWN[page]()) return requestAnimationFrame(look);
      await painted();
      done(performance.now());
    };
    requestAnimationFrame(look);
  });

  // --- pan, zoom, scroll: one step a frame, the intervals between frames
  async function intervals(step, frames) {
    const times = [];
    for (let i = 0; i <= frames; i += 1) {
      times.push(await frame());
      step(i);
    }
    await painted();
    return times.slice(1).map((time, i) => time - times[i]);
  }
  const middle = (element) => {
    const box = element.getBoundingClientRect();
    return { x: box.left + box.width / 2, y: box.top + box.height / 2 };
  };
  const mouse = (target, type, x, y, more = {}) => target.dispatchEvent(new MouseEvent(type, { bubbles: true, cancelable: true, view: window, clientX: x, clientY: y, ...more }));
  probe.pan = async (selector, frames) => {
    const pad = document.querySelector(selector);
    const { x, y } = middle(pad);
    mouse(pad, 'mousedown', x, y, { buttons: 1 });
    const found = await intervals((i) => mouse(window, 'mousemove', x + 4 * Math.sin(i / 9) * i, y + 3 * i * Math.cos(i / 11), { buttons: 1 }), frames);
    mouse(window, 'mouseup', x, y);
    return found;
  };
  probe.zoom = (selector, frames) => {
    const pad = document.querySelector(selector);
    const { x, y } = middle(pad);
    return intervals((i) => pad.dispatchEvent(new WheelEvent('wheel', { bubbles: true, cancelable: true, view: window, clientX: x, clientY: y, deltaY: i % 40 < 24 ? -50 : 70 })), frames);
  };
  probe.scroll = (frames) => {
    const all = [...document.querySelectorAll('#stage, #stage *')].filter((one) => one.scrollHeight > one.clientHeight + 50 && /auto|scroll/.test(getComputedStyle(one).overflowY));
    const box = all.sort((one, other) => other.scrollHeight - one.scrollHeight)[0];
    return box ? intervals(() => { box.scrollTop += 90; }, frames) : null;
  };

  // --- a newer document
  /** Some pairs with twice their bytes, and some VMs that were not there: the document, and which rows are other ones. */
  function newer(text, changed, added) {
    const graph = JSON.parse(text);
    const links = graph.links ?? graph.edges;
    const step = Math.max(1, Math.floor(links.length / Math.max(1, changed)));
    const edges = [];
    for (let i = 0; i < changed; i += 1) {
      const link = links[(i * step) % links.length];
      edges.push(link);
      for (const name of ['wire_bytes', `${link.left_host}_bytes`]) if (name in link) link[name] *= 2;
    }
    const ends = new Set(edges.flatMap(({ source, target }) => [source, target]));
    const nodes = graph.nodes.filter(({ id }) => ends.has(id)); // their sums are other ones, too
    const vms = graph.nodes.filter((node) => node.kind === 'vm' && node.host);
    for (let i = 0; i < added; i += 1) {
      const id = `vm:new-${i}`;
      nodes.push({ ...vms[(i * 97) % vms.length], id, label: `new-${i}`, ips: [`10.200.0.${i + 1}`], macs: [] });
      edges.push({ ...links[i], source: id, target: vms[(i * 31 + 7) % vms.length].id });
      graph.nodes.push(nodes.at(-1));
      links.push(edges.at(-1));
    }
    return { graph, nodes, edges };
  }
  const places = () => new Map(window.peer
    ? window.peer.nodes.map((node) => [node.id, { x: node.x, y: node.y }])
    : window.__flowmap.tiles().map((tile) => [tile.id, { x: tile.x, y: tile.y }]));
  function furthest(before) {
    let most = 0;
    for (const [id, { x, y }] of places()) {
      const was = before.get(id);
      if (was) most = Math.max(most, Math.hypot(x - was.x, y - was.y));
    }
    return most;
  }
  /** From the event that tells of a newer document to its first frame; the document itself comes at once. */
  probe.update = async (changed, added) => {
    const { graph, nodes, edges } = newer(await probe.document(), changed, added);
    probe.revision += 1;
    probe.changes = JSON.stringify({
      revision: probe.revision, since: probe.revision - 1, graph: graph.graph, nodes, edges,
      removed_nodes: [], removed_edges: [], node_order: null, edge_order: null,
    });
    const [old, before] = [window.__flowmap.drawing, places()];
    const began = performance.now();
    const event = { data: JSON.stringify({ revision: probe.revision }) };
    for (const source of sources) source.dispatchEvent(new MessageEvent('graph', event));
    while (window.__flowmap.drawing === old) await new Promise((done) => setTimeout(done));
    await painted();
    return { took: performance.now() - began, moved: furthest(before) };
  };
  probe.settled = async (limit) => {
    const began = performance.now();
    while (window.peer.settledAt === null && performance.now() - began < limit) await new Promise((done) => setTimeout(done, 50));
    return window.peer.settledAt;
  };
  /** The same for the peer, and again when its simulation has come to rest. */
  probe.updatePeer = async (changed, added, limit) => {
    const text = JSON.stringify(newer(window.peer.text, changed, added).graph);
    const before = places();
    const began = performance.now();
    window.peer.tickedAt = null;
    window.peer.show(JSON.parse(text));
    while (!window.peer.tickedAt) await frame();
    await painted();
    const took = performance.now() - began;
    await probe.settled(limit);
    return { took, moved: furthest(before) };
  };

  // --- what the page computes before it draws, alone
  /** @param grouping as the page begins ('auto'), or every host as a house of its own ('host') */
  probe.layout = async (repeats, grouping) => {
    const [{ buildModel }, { assignSlots }, { planFrame, sizesOf }, { layOut }, { foldedHosts }] = await Promise.all(
      ['model/graph-model.js', 'layout/slots.js', 'layout/frame.js', 'layout/street.js', 'model/clusters.js'].map((name) => import(`/js/${name}`)));
    const graph = JSON.parse(await probe.document());
    const times = [];
    for (let i = 0; i < repeats; i += 1) {
      const model = buildModel(graph);
      const began = performance.now();
      const folded = foldedHosts(model, grouping, []);
      const slots = assignSlots(model, null, folded);
      const sizes = sizesOf(slots, (cluster) => [...folded.values()].filter((place) => place === cluster).length);
      layOut(slots, planFrame(sizes, { width: 1000, height: 700 }, { growing: false, gates: true }), folded);
      times.push(performance.now() - began);
    }
    return times;
  };
  window.probe = probe;
})();
