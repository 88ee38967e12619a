// Lengths of the map. One unit is one CSS pixel at zoom 100 %; depths count from the street-side wall outwards.

export const MEASURES = {
  margin: 26, gap: 22, gateRoom: 48, minHouse: 318, maxHouse: 640, maxLoneHouse: 1080, street: 196, farSide: 40, kerb: 16, spine: 64,
  gate: { w: 116, h: 40 },
  switchDepth: 22, switchHeight: 14, tileDepth: 70, tileHeight: 40, rowGap: 62, arcs: 100, header: 46, remedy: 40,
  pad: 9, maxTile: 96, comfortTile: 46, minTile: 34.5, door: 46, hairpinDoor: 70, hairpinRadius: 24,
  hostHeight: 30, hostGap: 5, hostRows: 8,
};

/** Around what is brought into sight. */
const AIR = 20;

/** How far a stretch must move to lie within a window; its beginning, when it is longer than that. @param {number} start @param {number} size @param {number} room @returns {number} */
export function shiftInto(start, size, room) {
  if (start >= 0 && start + size <= room) return 0;
  const air = Math.max(0, Math.min(AIR, (room - size) / 2));
  return start < 0 || size >= room ? air - start : room - air - size - start;
}
