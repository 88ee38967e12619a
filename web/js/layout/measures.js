// Lengths of the map. One unit is one CSS pixel at zoom 100 %; depths count from the street-side wall outwards.

export const MEASURES = {
  margin: 26, gap: 22, gateRoom: 48, minHouse: 318, maxHouse: 640, maxLoneHouse: 1080, street: 196, farSide: 40, kerb: 16, spine: 64,
  gate: { w: 116, h: 40 },
  switchDepth: 22, switchHeight: 14, tileDepth: 70, tileHeight: 40, rowGap: 62, arcs: 100, header: 46, remedy: 40,
  pad: 9, maxTile: 96, comfortTile: 46, minTile: 34.5, door: 46, hairpinDoor: 70, hairpinRadius: 24,
  hostHeight: 30, hostGap: 5, hostRows: 8,
};
