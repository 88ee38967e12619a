// Which hosts stand together in one cluster: by the inventory, else by their names. Pure.

import { naturalOrder } from '../format.js';

/** @typedef {import('./graph-model.js').GraphModel} GraphModel */
/** @typedef {'auto'|'host'|'cluster'} Grouping auto: by cluster when the map would have too many houses */

/** What the place of a cluster begins with. No host can have such a name: it starts with a control character. */
const CLUSTER = '\u0002';
/** More houses than this are folded by cluster, unless the user wants them all. */
export const MOST_HOUSES = 60;
/** Hosts in one group that only has a common name; clusters of an inventory stay whole. */
const MOST_BY_NAME = 40;

/**
 * @typedef {object} Clusters
 * @property {Map<string, string>} of place of the cluster by host; hosts that stand alone are missing
 * @property {Map<string, string[]>} hosts of each cluster, in natural order
 * @property {boolean} byName whether some rest on names alone
 */

/** @param {string} place */
export function isCluster(place) {
  return place.startsWith(CLUSTER);
}

/** @param {string} place @returns {string} as an inventory or the hosts' names say it */
export function clusterName(place) {
  return place.slice(CLUSTER.length);
}

/** @type {WeakMap<GraphModel, Clusters>} */
const known = new WeakMap();

/** @param {GraphModel} model @returns {Clusters} */
export function clustersOf(model) {
  const found = known.get(model) ?? findClusters(model);
  known.set(model, found);
  return found;
}

/** @param {GraphModel} model @returns {Clusters} */
function findClusters(model) {
  const stated = new Map((model.facts.hosts ?? []).map(({ host, cluster }) => [host, cluster ?? null]));
  /** @type {Map<string, string[]>} */
  const inventoried = new Map();
  /** @type {Map<string, string[]>} */
  const alike = new Map();
  for (const host of model.hosts) {
    const cluster = stated.get(host);
    const [groups, name] = cluster ? [inventoried, cluster] : [alike, nameStem(host)];
    groups.set(name, [...(groups.get(name) ?? []), host]);
  }
  const named = [...alike].flatMap(([name, hosts]) => parted(name, hosts)).filter(([name, hosts]) => hosts.length > 1 && !inventoried.has(name));
  const hosts = new Map([...inventoried, ...named].map(([name, members]) => [CLUSTER + name, members]));
  return { hosts, of: new Map([...hosts].flatMap(([place, members]) => members.map((host) => [host, place]))), byName: named.length > 0 };
}

/** A group of very many hosts is no help: it is cut into runs of neighbours. @param {string} name @param {string[]} hosts @returns {[string, string[]][]} */
function parted(name, hosts) {
  if (hosts.length <= MOST_HOUSES) return [[`${name}*`, hosts]];
  return Array.from({ length: Math.ceil(hosts.length / MOST_BY_NAME) }, (_, i) => {
    const run = hosts.slice(i * MOST_BY_NAME, (i + 1) * MOST_BY_NAME);
    return [`${run[0]} – ${run.at(-1)?.match(/\d+\D*$/)?.[0] ?? run.at(-1)}`, run];
  });
}

/** The name without its number: esx-a-01.example becomes esx-a. @param {string} host */
function nameStem(host) {
  const address = host.match(/^(\d+\.\d+\.\d+)\.\d+$/);
  if (address) return `${address[1]}.`;
  const short = host.split('.')[0] ?? host;
  const stem = short.replace(/[-_]*\d+$/, '');
  return stem === short ? short.replace(/[-_][^-_]*$/, '') : stem;
}

/**
 * @param {GraphModel} model
 * @param {Grouping} grouping
 * @param {string[]} unfolded names of clusters whose hosts are to stand for themselves
 * @returns {Map<string, string>} cluster that each folded host is drawn in
 */
export function foldedHosts(model, grouping, unfolded) {
  if (!isGrouped(model, grouping)) return new Map();
  const open = new Set(unfolded);
  return new Map([...clustersOf(model).of].filter(([, place]) => !open.has(clusterName(place))));
}

/** @param {GraphModel} model @param {Grouping} grouping */
export function isGrouped(model, grouping) {
  return grouping === 'cluster' || (grouping === 'auto' && model.hosts.length > MOST_HOUSES);
}

/** Whether a place lies in another, which may be a cluster. @param {GraphModel} model @param {string} place @param {string} wanted */
export function isWithin(model, place, wanted) {
  return place === wanted || (isCluster(wanted) && clustersOf(model).of.get(place) === wanted);
}

/** @param {GraphModel} model @param {string} place a house: one host, or all of a cluster @returns {import('../document-types.js').DocumentNode[]} */
export function nodesIn(model, place) {
  if (!isCluster(place)) return model.places.get(place) ?? [];
  return (clustersOf(model).hosts.get(place) ?? []).flatMap((host) => model.places.get(host) ?? []);
}

/** @param {string} p @param {string} q */
export function byName(p, q) {
  return naturalOrder(isCluster(p) ? clusterName(p) : p, isCluster(q) ? clusterName(q) : q);
}
