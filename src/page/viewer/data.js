// ---- Decoding ----

async function inflate(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function varints(bytes) {
  let at = 0;
  return {
    isAtEnd: () => at >= bytes.length,
    next() {
      let value = 0, scale = 1, byte;
      do {
        if (at >= bytes.length) throw new Error('a run is cut off');
        byte = bytes[at++];
        value += (byte & 127) * scale;
        scale *= 128;
      } while (byte & 128);
      return value;
    },
  };
}

/** Inflated runs of each moment: small, and needed again on the way back. */
const moments = [];
const momentOf = number => moments[number] ??= Promise.all(
  [inflate(data.frames[number].values), inflate(data.frames[number].lengths)]);

/** Brings `cells` from the moment before to this one; the first needs none before. */
function apply([values, lengths], isFirst) {
  const value = varints(values), length = varints(lengths);
  const shift = isFirst ? 0 : 1;   // of a difference, 0 says unchanged
  let at = 0;
  while (!value.isAtEnd()) {
    const kind = value.next() - shift, end = at + length.next();
    if (kind >= data.kinds.length || end > data.cells) throw new Error('a run is out of range');
    if (kind >= 0) cells.fill(kind, at, end);
    at = end;
  }
  if (at !== data.cells || !length.isAtEnd()) throw new Error('the runs do not add up');
}

function readKinds() {
  const of = test => Uint8Array.from(data.kinds, kind => test((kind.flags ?? '').split(',')) ? 1 : 0);
  kindClass = Uint16Array.from(data.kinds, kind => kind.class);
  isTail = of(flags => flags.includes('compound_tail'));
  isHead = of(flags => flags.includes('compound_head'));
  isFree = Uint8Array.from(data.classes, one => one.family === 'free' ? 1 : 0);
  isObstacle = Uint8Array.from(data.classes, one => one.mobility === 'unmovable' ? 1 : 0);
}

/** What follows from `cells` as they are now. */
function takeStock() {
  const byKind = new Uint32Array(data.kinds.length);
  for (let at = 0; at < cells.length; at++) byKind[cells[at]]++;
  counts = new Float64Array(data.classes.length);
  byKind.forEach((count, kind) => { counts[kindClass[kind]] += count; });
  units.clear();
  return findBlankRows();
}

/** Whether a row that was left out so far is needed now. */
function findBlankRows() {
  const isFirst = !blankRows;
  blankRows ??= new Uint8Array(Math.ceil(data.cells / ROW)).fill(1);
  let changed = isFirst;
  for (let row = 0; row < blankRows.length; row++) {
    if (!blankRows[row]) continue;
    const end = Math.min(data.cells, (row + 1) * ROW);
    for (let at = row * ROW; at < end; at++) {
      if (cells[at] !== HOLE) { blankRows[row] = 0; changed = true; break; }
    }
  }
  if (changed) bandsOf.clear();
  return changed;
}

// ---- Facts of a page ----

function zoneOf(pfn) {
  let low = 0, high = data.zones.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (data.zones[middle].end <= pfn) low = middle + 1; else high = middle;
  }
  const zone = data.zones[low];
  return zone && zone.start <= pfn ? zone : null;
}

const classAt = cell => kindClass[cells[cell]];

/** First and end of the cells around this one that are free in one zone, looking no further than `low` and `high`. */
function freeRun(cell, low, high) {
  const zone = zoneOf(pfnOf(cell));
  const least = Math.max(low, zone ? cellOf(zone.start) : 0), most = Math.min(high, zone ? cellOf(zone.end) : data.cells);
  let start = cell, end = cell + 1;
  while (start > least && isFree[classAt(start - 1)]) start--;
  while (end < most && isFree[classAt(end)]) end++;
  return { start, end };
}

/** The largest aligned block of the buddy allocator that fits here. */
function blockOrder(start, end) {
  let order = 0;
  while (order < data.highest_order && start % 2 ** (order + 1) === 0 && start + 2 ** (order + 1) <= end) order++;
  return order;
}

// Folios and free blocks by their first page, for 2^18 pages at a time and only where they are looked at.
// No free block straddles two such parts, for it is aligned; nor does a folio of up to 1 GiB.
const units = new Map();

function unitsOf(part) {
  let starts = units.get(part);
  if (!starts) units.set(part, starts = findUnits(part * TILE, Math.min(data.cells, (part + 1) * TILE)));
  return starts;
}

function findUnits(from, to) {
  const starts = new Int32Array(TILE).fill(-1);   // -1: hole, which has no parts
  for (let at = from; at < to; at++) {
    const kind = cells[at];
    if (kind === HOLE) continue;
    if (data.pages_per_cell === 1 && isFree[kindClass[kind]]) {
      const { end } = freeRun(at, from, to);
      while (at < end) {
        const pages = 2 ** blockOrder(at, end);
        starts.fill(at, at - from, at - from + pages);
        at += pages;
      }
      at--;
    } else {
      starts[at - from] = isTail[kind] && at > from ? starts[at - 1 - from] : at;
    }
  }
  return starts;
}

const unitAt = cell => cell < data.cells ? unitsOf(Math.floor(cell / TILE))[cell % TILE] : -1;

/** The folio or free block that a page is part of; null where flags do not say. */
function unitOf(cell) {
  const kind = data.kinds[cells[cell]];
  const free = isFree[kind.class] === 1;
  if (data.pages_per_cell > 1 || cells[cell] === HOLE || (!free && !kind.flags)) return null;
  const first = unitAt(cell);
  let end = cell + 1;
  while (end < data.cells && unitAt(end) === first) end++;
  const order = Math.log2(end - first);
  return { first, pages: end - first, order: Number.isInteger(order) ? order : null, free };
}

/** How many pages of the PMD-sized block are what; null where a cell is more than a block. */
function blockOf(cell) {
  const span = data.pmd_pages / data.pages_per_cell;
  if (span < 1) return null;
  const first = Math.floor(cell / span) * span;
  const block = { first, free: 0, movable: 0, unmovable: 0, unmarked: 0, hole: 0 };
  for (let at = first; at < Math.min(first + span, data.cells); at++) {
    block[stateOf(at)] += data.pages_per_cell;
  }
  return block;
}

function stateOf(cell) {
  if (cells[cell] === HOLE) return 'hole';
  const of = classAt(cell);
  return data.classes[of].mobility;
}

/** All that is known of a cell. */
function describe(cell) {
  const kind = data.kinds[cells[cell]], zone = zoneOf(pfnOf(cell)), unit = unitOf(cell);
  return {
    cell, pfn: pfnOf(cell), classIndex: kind.class, class: data.classes[kind.class].name, flags: kind.flags, word: kind.word,
    unit, order: unit ? unit.order : null, zone: zone && zone.name, node: zone && zone.node, block: blockOf(cell),
  };
}

