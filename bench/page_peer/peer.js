// A force-directed graph as in d3's own examples: circles, lines coloured by verdict, pan and zoom of one group.
/* global d3 */
const COLOURS = { stayed: '#0072b2', left: '#d55e00', undetermined: '#888', mixed: '#aa4499' };

const peer = { settledAt: null };
window.peer = peer;

/** Draws a document; what was there keeps its place as the start of the next simulation. */
peer.show = (graph) => {
  const known = new Map((peer.nodes ?? []).map((node) => [node.id, node]));
  const nodes = graph.nodes.map((node) => Object.assign(known.get(node.id) ?? {}, { id: node.id, label: node.label }));
  const links = (graph.links ?? graph.edges).map((link) => ({ source: link.source, target: link.target, word: link.left_host, bytes: link.wire_bytes }));
  peer.simulation?.stop();
  peer.nodes = nodes;
  const svg = d3.select('svg');
  const group = svg.selectAll('g.all').data([0]).join('g').attr('class', 'all');
  const line = group.selectAll('line').data(links).join('line')
    .attr('stroke', (link) => COLOURS[link.word] ?? '#ccc').attr('stroke-width', (link) => Math.max(0.5, Math.log10(link.bytes) - 3));
  const circle = group.selectAll('circle').data(nodes, (node) => node.id).join((enter) => {
    const added = enter.append('circle').attr('r', 5).attr('fill', '#34495e');
    added.append('title').text((node) => node.label);
    return added;
  });
  svg.call(d3.zoom().scaleExtent([0.05, 8]).on('zoom', (event) => group.attr('transform', event.transform)));
  peer.settledAt = null;
  peer.simulation = d3.forceSimulation(nodes)
    .force('link', d3.forceLink(links).id((node) => node.id))
    .force('charge', d3.forceManyBody().strength(-30))
    .force('centre', d3.forceCenter(innerWidth / 2, innerHeight / 2))
    .on('tick', () => {
      line.attr('x1', (link) => link.source.x).attr('y1', (link) => link.source.y).attr('x2', (link) => link.target.x).attr('y2', (link) => link.target.y);
      circle.attr('cx', (node) => node.x).attr('cy', (node) => node.y);
      peer.tickedAt ??= performance.now();
    })
    .on('end', () => { peer.settledAt = performance.now(); });
};

/** The layout alone: the same simulation without drawing, to its end. */
peer.layout = (graph) => {
  const nodes = graph.nodes.map((node) => ({ id: node.id }));
  const links = (graph.links ?? graph.edges).map((link) => ({ source: link.source, target: link.target }));
  const began = performance.now();
  const simulation = d3.forceSimulation(nodes).stop()
    .force('link', d3.forceLink(links).id((node) => node.id))
    .force('charge', d3.forceManyBody().strength(-30))
    .force('centre', d3.forceCenter(800, 500));
  let ticks = 0;
  while (simulation.alpha() >= simulation.alphaMin() && performance.now() - began < 120_000) {
    simulation.tick();
    ticks += 1;
  }
  return { took: performance.now() - began, ended: simulation.alpha() < simulation.alphaMin(), ticks };
};

fetch('graph.json').then((answer) => answer.text()).then((text) => {
  peer.text = text;
  peer.show(JSON.parse(text));
});
