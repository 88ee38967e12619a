// Asks for the first map while the modules of the page are still on their way; api.js takes the answers. And for the modules
// of what the address shows beside the map.

import { askAhead } from './answers-ahead.js';
import { comeFor } from './later.js';
import { mapToOpen } from './model/map-to-open.js';

comeFor(location.hash);
try {
  const list = await askAhead('/maps');
  const map = list.ok ? mapToOpen(JSON.parse(list.text).maps, new URL(location.href).searchParams.get('map')) : null;
  if (map) {
    const path = `/maps/${encodeURIComponent(map.id)}`;
    askAhead(path);
    if (map.revision > 0) for (const part of ['graph', 'health', 'timeline']) askAhead(`${path}/${part}`);
  }
} catch {
  // the page asks for the same and says what is wrong
}
