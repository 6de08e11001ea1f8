// The interactive map of the report: every cell of physical memory, at any zoom, in one canvas.
// Nothing is fetched, and text of the data enters the page by textContent alone.
(() => {
'use strict';

const ROW = 512;                 // cells of a row, and side of a Hilbert tile
const TILE = ROW * ROW;
const KEPT_HOLE_ROWS = 8;        // shorter holes are drawn, as in the pictures of the command line
const LEVELS = { least: -6, most: 4 };   // the zoom is 2^level device pixels a cell
const LEAST_SIDE = 64;           // CSS pixels of a row for the map to open as a whole, and not at its top
const HOLE = 0;

const byId = id => document.getElementById(id);
const el = {};
const IDS = 'bar canvas status details selection legend search find search-note message body obstacle free-run slider play ' +
  'time moment layout palette copy save zoom zoom-in zoom-out help help-box help-close';
for (const id of IDS.split(' ')) {
  el[id.replace(/-(.)/g, (_, letter) => letter.toUpperCase())] = byId('map-' + id);
}

let data;                        // the report's JSON
let cells;                       // kind of each cell, at the moment shown
let kindClass, isTail, isHead;   // by kind
let isFree, isObstacle;          // by class
let counts;                      // cells by class, at the moment shown
let blankRows;                   // rows of nothing but hole, at every moment seen so far
let plan = { pieces: [], width: 0, height: 0 };
const view = { level: 0, x: 0, y: 0, layout: 'rows', width: 0, height: 0, dpr: 1 };
const chosen = {
  pin: null,                     // a PFN
  hover: null,                   // what is known of the cell under the pointer
  selection: null,               // first and last PFN
  isolated: new Set(),           // classes
  palette: 0, paletteByReader: false, frame: 0,
};

// ---- Numbers and words ----

const grouped = number => String(number).replace(/\B(?=(\d{3})+$)/g, ',');
const hex = number => '0x' + number.toString(16);
const plural = (number, word) => `${grouped(number)} ${word}${number === 1 ? '' : 's'}`;
const clamp = (value, least, most) => Math.max(least, Math.min(most, value));

/** Bytes in the largest binary unit that leaves a number below 1000, to three digits. */
function size(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
  let unit = 0;
  while (bytes >= 999.5) { bytes /= 1024; unit++; }
  return `${Number(bytes.toFixed(bytes < 9.995 ? 2 : bytes < 99.95 ? 1 : 0))} ${units[unit]}`;
}

/** Per cent of a whole; a little is never shown as nothing. */
function share(part, whole) {
  const percent = 100 * part / Math.max(whole, 1);
  return part > 0 && percent < 0.05 ? '<0.1 %' : `${percent.toFixed(1)} %`;
}

/** An address on a ruler with marks that are `step` bytes apart: exact, unlike `size`. */
function mark(bytes, step) {
  const gib = bytes / 2 ** 30, mib = bytes / 2 ** 20;
  if (bytes === 0) return '0';
  if (Number.isInteger(gib) || (step >= 2 ** 28 && addressOf(data.cells) > 2 ** 31)) return `${Number(gib.toFixed(3))} GiB`;
  return Number.isInteger(mib) ? `${grouped(mib)} MiB` : `${grouped(bytes / 2 ** 10)} KiB`;
}

const pagesOf = count => count * data.pages_per_cell;
const sizeOf = count => size(pagesOf(count) * data.page_bytes);
const pfnOf = cell => cell * data.pages_per_cell;
const cellOf = pfn => Math.floor(pfn / data.pages_per_cell);
const lastPfn = () => pfnOf(data.cells) - 1;

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

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
  isObstacle = Uint8Array.from(data.classes, one => one.obstacle ? 1 : 0);
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
  const block = { first, free: 0, movable: 0, unmovable: 0, hole: 0 };
  for (let at = first; at < Math.min(first + span, data.cells); at++) {
    block[stateOf(at)] += data.pages_per_cell;
  }
  return block;
}

function stateOf(cell) {
  if (cells[cell] === HOLE) return 'hole';
  const of = classAt(cell);
  return isFree[of] ? 'free' : isObstacle[of] ? 'unmovable' : 'movable';
}

/** All that is known of a cell. */
function describe(cell) {
  const kind = data.kinds[cells[cell]], zone = zoneOf(pfnOf(cell)), unit = unitOf(cell);
  return {
    cell, pfn: pfnOf(cell), classIndex: kind.class, class: data.classes[kind.class].name, flags: kind.flags, word: kind.word,
    unit, order: unit ? unit.order : null, zone: zone && zone.name, node: zone && zone.node, block: blockOf(cell),
  };
}

// ---- Layout: which cells go where, in device pixels of a world of which the canvas shows a part ----

// The curve of one tile, as https://en.wikipedia.org/wiki/Hilbert_curve has it: begins at the top left, ends at the
// top right. `placeOf` gives y * ROW + x of a cell, `cellOn` the cell of a place.
let placeOf, cellOn;

function traceCurve() {
  placeOf = new Uint32Array(TILE);
  cellOn = new Uint32Array(TILE);
  for (let cell = 0; cell < TILE; cell++) {
    let x = 0, y = 0, rest = cell;
    for (let side = 1; side < ROW; side *= 2, rest >>= 2) {
      const right = rest >> 1 & 1, down = (rest ^ right) & 1;
      if (!down) {
        if (right) [x, y] = [side - 1 - x, side - 1 - y];
        [x, y] = [y, x];
      }
      x += side * right;
      y += side * down;
    }
    placeOf[cell] = y * ROW + x;
    cellOn[y * ROW + x] = cell;
  }
}

const bandsOf = new Map();   // by grain: every zoom needs them
const bands = (grain, kept) => bandsOf.get(grain) ?? bandsOf.set(grain, findBands(grain, kept)).get(grain);

/** Runs of rows to draw and of rows to leave out, in units of `grain` rows; blank ones shorter than `kept` are drawn. */
function findBands(grain, kept) {
  const found = [], rows = Math.ceil(blankRows.length / grain);
  const isBlank = unit => blankRows.subarray(unit * grain, (unit + 1) * grain).every(Boolean);
  for (let unit = 0; unit < rows;) {
    const gap = isBlank(unit);
    let end = unit + 1;
    while (end < rows && isBlank(end) === gap) end++;
    // A tile is whole even where memory ends inside it.
    const stop = Math.min(end * grain, Math.max(blankRows.length, grain));
    const band = { start: unit * grain, end: stop, gap: gap && (end - unit) * grain >= kept };
    const last = found[found.length - 1];
    if (last && !last.gap && !band.gap) last.end = band.end; else found.push(band);
    unit = end;
  }
  return found;
}

function makePlan() {
  const zoom = 2 ** view.level, unit = view.dpr;
  const [pad, gutter, between, strip] = [10, 60, 8, 20].map(length => Math.round(length * unit));
  const room = { zoom, pad, gutter, between, strip, side: ROW * zoom };
  plan = view.layout === 'rows' ? planRows(room) : planTiles(room);
  plan.zoom = zoom;
}

/** Columns side by side, as in a newspaper: as high as the canvas, or higher where the width has no room for that. */
function planRows(room) {
  const { zoom, pad, gutter, between, strip, side } = room;
  const all = bands(1, KEPT_HOLE_ROWS);
  const whole = all.reduce((sum, band) => sum + (band.gap ? strip : Math.ceil((band.end - band.start) * zoom)), 0);
  const width = gutter + side + between;
  const most = Math.max(1, Math.floor((view.width - 2 * pad + between) / width));
  const visible = view.height - 2 * pad;
  // Columns that begin at round addresses; a pixel of several rows must not begin in the middle.
  const grain = visible / zoom >= 256 ? 64 : Math.max(1, 1 / zoom);
  let height = most === 1 ? Infinity : Math.max(visible, Math.ceil(whole / most));
  let columns = pack(all, room, height, grain);
  while (columns.length > most) columns = pack(all, room, height += grain * zoom, grain);
  const pieces = [];
  columns.forEach((column, number) => {
    for (const { y, high, start, end, gap } of column) {
      const x = pad + number * width + gutter;
      pieces.push({ x, y: pad + y, w: side, h: high, first: start * ROW, rows: end - start, gap, place: 'row' });
    }
  });
  return finish(pieces, pad, gutter);
}

function pack(all, { zoom, strip }, height, grain) {
  const columns = [[]];
  let y = 0;
  const next = () => { columns.push([]); y = 0; };
  const put = (start, end, gap, high) => { columns[columns.length - 1].push({ y, high, start, end, gap }); y += high; };
  for (const { start, end, gap } of all) {
    if (gap) {
      if (y > 0 && y + strip > height) next();
      put(start, end, true, strip);
      continue;
    }
    for (let row = start; row < end;) {
      let stop = Math.min(end, row + Math.floor((height - y) / zoom));
      if (stop < end) stop = Math.floor(stop / grain) * grain;
      if (stop <= row && y > 0) { next(); continue; }
      stop = Math.max(stop, Math.min(end, row + grain));
      put(row, stop, false, Math.ceil((stop - row) * zoom));
      if (stop < end) next();
      row = stop;
    }
  }
  return columns;
}

/** Tiles in lines, each below its address; a run of tiles of nothing but hole becomes one narrow strip. */
function planTiles({ pad, between, strip, side }) {
  const pieces = [];
  const least = Math.round(88 * view.dpr);
  let x = pad, y = pad + strip;
  for (const band of bands(ROW, ROW)) {
    const step = band.gap ? band.end - band.start : ROW;
    for (let start = band.start; start < band.end; start += step) {
      const slot = band.gap ? least : Math.max(side, least);
      if (x > pad && x + slot > view.width - pad) { x = pad; y += side + strip + 2 * between; }
      const w = band.gap ? least : side;
      pieces.push({ x, y, w, h: side, first: start * ROW, rows: step, gap: band.gap, place: 'tile' });
      x += slot + 2 * between;
    }
  }
  return finish(pieces, pad, 0);
}

/** The size of the world; one that is narrower than the canvas is moved to its middle. */
function finish(pieces, pad, gutter) {
  const width = Math.max(...pieces.map(piece => piece.x + piece.w)) + pad;
  const height = Math.max(...pieces.map(piece => piece.y + piece.h)) + pad;
  const spare = Math.max(0, Math.floor((view.width - width) / 2));
  for (const piece of pieces) piece.x += spare;
  return { pieces, gutter, left: spare, width: width + spare, height };
}

/** The cell in this column and row of a piece; past the end of memory there is none. */
function cellIn(piece, column, row) {
  const place = row * ROW + column;
  return piece.first + (piece.place === 'row' ? place : cellOn[place]);
}

/** The place, as row * ROW + column, of the cell that a pixel of several shows: by a hash of where it is in memory, so that
 *  the shares of the colours are right and panning changes nothing. */
function lot(piece, x, y, step) {
  const rows = Math.min(step, piece.rows - y * step);
  let h = Math.imul(piece.first / ROW + y * step + 1, 0x9e3779b1) ^ Math.imul(x + 1, 0x85ebca6b);
  h = Math.imul(h ^ h >>> 15, 0x2c1b3c6d);
  h = Math.imul(h ^ h >>> 12, 0x297a2d39);
  h ^= h >>> 15;
  return (y * step + (h >>> 16) % rows) * ROW + x * step + (h & step - 1);
}

/** The cell that a pixel of a piece shows, below zoom 1. An isolated class wins its pixel, that none of it be lost. */
function sampled(piece, x, y, step) {
  if (chosen.isolated.size) {
    const end = Math.min((y + 1) * step, piece.rows);
    for (let row = y * step; row < end; row++) {
      for (let column = x * step; column < (x + 1) * step; column++) {
        const cell = cellIn(piece, column, row);
        if (cell < data.cells && ink.picked[cells[cell]]) return cell;
      }
    }
  }
  const place = lot(piece, x, y, step);
  return cellIn(piece, place % ROW, Math.floor(place / ROW));
}

const isInside = (piece, x, y) => x >= piece.x && x < piece.x + piece.w && y >= piece.y && y < piece.y + piece.h;

/** The cell drawn at a point of the world; null beside the map, past its end, and in a strip. */
function cellAtWorld(x, y) {
  const piece = plan.pieces.find(one => isInside(one, x, y));
  if (!piece || piece.gap) return null;
  const side = Math.max(1, plan.zoom), column = Math.floor((x - piece.x) / side), row = Math.floor((y - piece.y) / side);
  const cell = plan.zoom < 1 ? sampled(piece, column, row, 1 / plan.zoom) : cellIn(piece, column, row);
  return cell < data.cells ? cell : null;
}

/** The middle of a cell in the world; of the strip, where it was left out. */
function worldOf(cell) {
  const piece = plan.pieces.find(one => cell >= one.first && cell < one.first + one.rows * ROW);
  if (!piece) return null;
  if (piece.gap) return { x: piece.x + piece.w / 2, y: piece.y + piece.h / 2, gap: true };
  const inside = cell - piece.first, place = piece.place === 'row' ? inside : placeOf[inside];
  const column = place % ROW + 0.5, row = Math.floor(place / ROW) + 0.5;
  return { x: piece.x + column * plan.zoom, y: piece.y + row * plan.zoom, gap: false };
}

// ---- Colours ----

function parseColour(text) {
  const digits = /^#([0-9a-f]{6})$/i.exec(text);
  const value = digits ? parseInt(digits[1], 16) : 0x808080;
  return [value >> 16, value >> 8 & 255, value & 255];
}
const mix = (from, to, part) => from.map((value, at) => Math.round(value + (to[at] - value) * part));
const grey = ([r, g, b]) => Array(3).fill(0.3 * r + 0.59 * g + 0.11 * b);
const distance = (one, two) => Math.hypot(...one.map((value, at) => value - two[at]));
// ImageData is red first, and every machine a browser runs on is little-endian.
const packed = ([r, g, b]) => (255 << 24 | b << 16 | g << 8 | r) >>> 0;
const css = colour => `rgb(${colour.join(' ')})`;

let ink;   // colours of the canvas, by palette and isolation

function mixInk() {
  const palette = data.palettes[chosen.palette];
  const back = parseColour(palette.background);
  const text = palette.dark ? [230, 233, 238] : [23, 27, 34];
  const shown = data.classes.map((_, index) => {
    const colour = parseColour(palette.classes[index]);
    return chosen.isolated.size && !chosen.isolated.has(index) ? mix(grey(colour), back, 0.78) : colour;
  });
  const edges = shown.map(colour => distance(colour, back) > 60 ? mix(colour, back, 0.45) : mix(colour, text, 0.16));
  const byKind = colours => Uint32Array.from(data.kinds, kind => packed(colours[kind.class]));
  ink = {
    back: packed(back), backCss: css(back), plate: `rgb(${back.join(' ')} / 85%)`,
    text: css(text), muted: css(mix(text, back, 0.4)), line: css(mix(text, back, 0.8)),
    fill: byKind(shown), edge: byKind(edges),
    picked: Uint8Array.from(data.kinds, kind => chosen.isolated.has(kind.class) ? 1 : 0),
  };
}

const swatchColour = index => css(parseColour(data.palettes[chosen.palette].classes[index]));

function swatch(index) {
  const box = make('span', 'map-swatch');
  box.style.backgroundColor = swatchColour(index);
  return box;
}

// ---- Painting ----

const context = el.canvas.getContext('2d');
let image = null, pixels = null;
let isStale = true, isQueued = false;   // stale: the cells must be painted anew, not just what lies over them

function repaint(stale) {
  isStale ||= stale;
  if (isQueued) return;
  isQueued = true;
  requestAnimationFrame(() => { isQueued = false; paint(); });
}

function paint() {
  if (!view.width || !cells) return;
  if (isStale) paintCells();
  isStale = false;
  context.putImageData(image, 0, 0);
  context.font = `${Math.round(11 * view.dpr)}px ui-sans-serif, system-ui, sans-serif`;
  context.textBaseline = 'middle';
  for (const piece of plan.pieces) {
    if (isVisible(piece)) piece.gap ? paintStrip(piece) : paintLabels(piece);
  }
  if (chosen.selection) paintSelection();
  if (chosen.hover && plan.zoom >= 4) paintMark(chosen.hover.cell, 0);
  if (chosen.pin !== null) paintMark(cellOf(chosen.pin), Math.round(7 * view.dpr));
}

function isVisible(piece) {
  const head = piece.place === 'tile' ? 20 * view.dpr : 0;
  const right = piece.x + Math.max(piece.w, 88 * view.dpr);
  const isAcross = piece.x < view.x + view.width && right > view.x;
  return isAcross && piece.y - head < view.y + view.height && piece.y + piece.h > view.y;
}

function paintCells() {
  if (!image || image.width !== view.width || image.height !== view.height) {
    image = context.createImageData(view.width, view.height);
    pixels = new Uint32Array(image.data.buffer);
  }
  pixels.fill(ink.back);
  for (const piece of plan.pieces) {
    if (piece.gap || !isVisible(piece)) continue;
    const seen = visiblePart(piece);
    if (plan.zoom < 1) paintSampled(piece, seen); else paintWhole(piece, seen);
    if (plan.zoom >= 8) paintEdges(piece, seen);
  }
}

/** The part of a piece on the canvas: its corner there, and the pixels from (x0, y0) to before (x1, y1). */
function visiblePart(piece) {
  const left = piece.x - view.x, top = piece.y - view.y;
  const x1 = Math.min(view.width, left + piece.w), y1 = Math.min(view.height, top + piece.h);
  return { left, top, x0: Math.max(0, left), y0: Math.max(0, top), x1, y1 };
}

function paintSampled(piece, { left, top, x0, y0, x1, y1 }) {
  const step = 1 / plan.zoom;
  for (let y = y0; y < y1; y++) {
    for (let x = x0; x < x1; x++) {
      const cell = sampled(piece, x - left, y - top, step);
      if (cell < data.cells) pixels[y * view.width + x] = ink.fill[cells[cell]];
    }
  }
}

function paintWhole(piece, { left, top, x0, y0, x1, y1 }) {
  const zoom = plan.zoom;
  for (let y = y0; y < y1;) {
    const row = Math.floor((y - top) / zoom), end = Math.min(y1, top + (row + 1) * zoom), line = y * view.width;
    for (let x = x0; x < x1;) {
      const column = Math.floor((x - left) / zoom), stop = Math.min(x1, left + (column + 1) * zoom);
      const cell = cellIn(piece, column, row);
      const colour = cell < data.cells ? ink.fill[cells[cell]] : ink.back;
      while (x < stop) pixels[line + x++] = colour;
    }
    while (++y < end) pixels.copyWithin(y * view.width + x0, line + x0, line + x1);
  }
}

/** Fine lines where a folio, a free block or a single page ends: what is smooth is large. */
function paintEdges(piece, { left, top, x0, y0, x1, y1 }) {
  const zoom = plan.zoom, lastColumn = Math.ceil((x1 - left) / zoom), lastRow = Math.ceil((y1 - top) / zoom);
  for (let row = Math.floor((y0 - top) / zoom); row < lastRow; row++) {
    for (let column = Math.floor((x0 - left) / zoom); column < lastColumn; column++) {
      const cell = cellIn(piece, column, row), unit = unitAt(cell);
      if (unit < 0) continue;
      const colour = ink.edge[cells[cell]], x = left + column * zoom, y = top + row * zoom;
      if (column > 0 && x >= x0 && unitAt(cellIn(piece, column - 1, row)) !== unit) {
        for (let at = Math.max(y, y0); at < Math.min(y + zoom, y1); at++) pixels[at * view.width + x] = colour;
      }
      if (row > 0 && y >= y0 && unitAt(cellIn(piece, column, row - 1)) !== unit) {
        pixels.fill(colour, y * view.width + Math.max(x, x0), y * view.width + Math.min(x + zoom, x1));
      }
    }
  }
}

/** What was left out: a hatched strip that says so. */
function paintStrip(piece) {
  const x = piece.x - view.x, y = piece.y - view.y, unit = view.dpr;
  context.save();
  context.beginPath();
  context.rect(x, y + 3 * unit, piece.w, piece.h - 6 * unit);
  context.clip();
  context.strokeStyle = ink.line;
  context.lineWidth = Math.max(1, Math.round(unit));
  context.beginPath();
  for (let at = -piece.h; at < piece.w; at += 6 * unit) {
    context.moveTo(x + at, y + piece.h);
    context.lineTo(x + at + piece.h, y);
  }
  context.stroke();
  context.restore();
  const count = piece.rows * ROW, short = `hole ${sizeOf(count)}`;
  const long = `${short}: PFN ${hex(pfnOf(piece.first))} to ${hex(pfnOf(piece.first + count) - 1)}`;
  if (piece.place === 'tile') return write(short, x, y - 10 * unit, 'left', ink.muted);
  const { x0, x1 } = visiblePart(piece);
  const text = [long, short].find(one => context.measureText(one).width + 16 * unit < x1 - x0);
  if (text) write(text, (x0 + x1) / 2, y + piece.h / 2, 'center', ink.muted, ink.backCss);
}

function write(text, x, y, align, colour, plate) {
  context.textAlign = align;
  if (plate) {
    const width = context.measureText(text).width + 12 * view.dpr, height = 15 * view.dpr;
    context.fillStyle = plate;
    context.fillRect(align === 'center' ? x - width / 2 : x - width + 6 * view.dpr, y - height / 2, width, height);
  }
  context.fillStyle = colour;
  context.fillText(text, x, y);
}

const addressOf = cell => pfnOf(cell) * data.page_bytes;

function paintLabels(piece) {
  if (piece.place === 'tile') {
    write(mark(addressOf(piece.first), 2 ** 30), piece.x - view.x, piece.y - view.y - 10 * view.dpr, 'left', ink.muted);
  } else {
    paintRuler(piece);
  }
}

/** Addresses and PFNs at the left of a column; over the map when its left is out of sight. */
function paintRuler(piece) {
  const unit = view.dpr, top = piece.y - view.y, left = piece.x - view.x;
  const isOver = left < plan.gutter;
  const right = Math.max(left, plan.gutter) - 7 * unit;
  if (isOver && left + piece.w < plan.gutter + 40 * unit) return;
  let step = 1;
  while (step * plan.zoom < 46 * unit) step *= 2;
  const firstRow = piece.first / ROW, rows = [];
  for (let row = Math.ceil(firstRow / step) * step; row < firstRow + piece.rows; row += step) rows.push(row);
  // A column that begins between two marks gets one of its own, if there is room.
  if (!rows.length || (rows[0] - firstRow) * plan.zoom >= 34 * unit) rows.unshift(firstRow);
  for (const row of rows) {
    const y = top + Math.round((row - firstRow) * plan.zoom);
    if (y < -20 * unit || y > view.height || piece.h < 8 * unit) continue;
    if (isOver) {
      context.fillStyle = ink.plate;
      context.fillRect(0, y, plan.gutter - 2 * unit, 29 * unit);
    }
    context.fillStyle = ink.muted;
    context.fillRect(right + 2 * unit, y, 5 * unit, Math.max(1, Math.round(unit)));
    const address = addressOf(row * ROW), text = row % step ? size(address) : mark(address, addressOf(step * ROW));
    write(text, right, y + 7 * unit, 'right', ink.text);
    if (piece.h >= 24 * unit) write(hex(pfnOf(row * ROW)), right, y + 20 * unit, 'right', ink.muted);
  }
}

/** A line round the cells of the selection. */
function paintSelection() {
  const [from, to] = chosen.selection.map(cellOf), step = Math.max(1, 1 / plan.zoom), side = Math.max(1, plan.zoom);
  const thick = Math.max(1, Math.round(1.5 * view.dpr));
  context.fillStyle = ink.text;
  for (const piece of plan.pieces) {
    if (piece.gap || !isVisible(piece) || piece.first > to || piece.first + piece.rows * ROW <= from) continue;
    const { left, top, x0, y0, x1, y1 } = visiblePart(piece);
    const across = Math.floor(ROW / step), down = Math.ceil(piece.rows / step);
    const has = (x, y) => {
      if (x < 0 || y < 0 || x >= across || y >= down) return false;
      const cell = cellIn(piece, x * step, y * step);
      return cell <= to && (step > 1 && piece.place === 'row' ? cell + step > from : cell >= from);
    };
    const lastX = Math.ceil((x1 - left) / side), lastY = Math.ceil((y1 - top) / side);
    for (let y = Math.floor((y0 - top) / side); y < lastY; y++) {
      for (let x = Math.floor((x0 - left) / side); x < lastX; x++) {
        if (!has(x, y)) continue;
        const px = left + x * side, py = top + y * side;
        if (!has(x - 1, y)) context.fillRect(px - thick, py - thick, thick, side + 2 * thick);
        if (!has(x + 1, y)) context.fillRect(px + side, py - thick, thick, side + 2 * thick);
        if (!has(x, y - 1)) context.fillRect(px, py - thick, side, thick);
        if (!has(x, y + 1)) context.fillRect(px, py + side, side, thick);
      }
    }
  }
}

/** A frame round one cell, no smaller than `least`, that is seen on any colour. */
function paintMark(cell, least) {
  const at = worldOf(cell);
  if (!at) return;
  const side = Math.max(plan.zoom, least), thick = Math.max(1, Math.round(view.dpr));
  const x = Math.round(at.x - view.x - side / 2), y = Math.round(at.y - view.y - side / 2);
  context.lineWidth = thick;
  for (const [out, colour] of [[1.5, ink.backCss], [0.5, ink.text]]) {
    context.strokeStyle = colour;
    context.strokeRect(x - out * thick, y - out * thick, side + 2 * out * thick, side + 2 * out * thick);
  }
}

// ---- Moving ----

/** What fits stays where it is. The rest may be moved so far that its corner is in the middle, for a zoom at a corner;
 *  but a jump leaves no room empty. */
function within(at, whole, seen, isJump) {
  const spare = isJump ? 0 : seen / 2;
  return whole <= seen ? 0 : Math.round(clamp(at, -spare, whole - seen + spare));
}

function show(x, y, isJump = false) {
  view.x = within(x, plan.width, view.width, isJump);
  view.y = within(y, plan.height, view.height, isJump);
  repaint(true);
  keepLink();
}

const panBy = (dx, dy) => show(view.x + dx, view.y + dy);

/** The cell at a point of the canvas, or the nearest to it. */
function nearestCell(px, py) {
  let best = null, least = Infinity;
  for (const piece of plan.pieces) {
    const x = clamp(view.x + px, piece.x, piece.x + piece.w - 1), y = clamp(view.y + py, piece.y, piece.y + piece.h - 1);
    const far = Math.hypot(x - view.x - px, y - view.y - py);
    if (far < least) { least = far; best = { piece, x, y }; }
  }
  return best.piece.gap ? best.piece.first : cellAtWorld(best.x, best.y) ?? data.cells - 1;
}

/** Runs a change of the plan and keeps the cell at this point of the canvas where it is. */
function keeping(px, py, change) {
  const cell = plan.pieces.length ? nearestCell(px, py) : 0;
  change();
  makePlan();
  bring(cell, px, py);
}

/** Moves the view so that a cell comes to this point of the canvas. */
function bring(cell, px, py) {
  const at = worldOf(cell) ?? view;
  show(at.x - px, at.y - py);
}

/** Moves the view so that a cell comes to its middle, or as near as can be. */
function centre(cell) {
  const at = worldOf(cell) ?? view;
  show(at.x - view.width / 2, at.y - view.height / 2, true);
}

/** The level at which the whole map is in sight: further out there is nothing to see. */
let fitLevel = LEVELS.least;

function setLevel(level, px = view.width / 2, py = view.height / 2) {
  level = clamp(level, Math.min(fitLevel, 0, view.level), LEVELS.most);
  if (level === view.level) return;
  keeping(px, py, () => { view.level = level; });
  showScale();
}

/** Finds the largest zoom that shows the whole of memory. */
function findFit() {
  const before = view.level;
  fitLevel = LEVELS.least;
  for (let level = LEVELS.most; level >= LEVELS.least; level--) {
    view.level = level;
    makePlan();
    if (plan.width <= view.width && plan.height <= view.height) { fitLevel = level; break; }
  }
  view.level = before;
  makePlan();
}

function isInSight(cell, margin) {
  const at = worldOf(cell), w = view.width - 2 * margin, h = view.height - 2 * margin;
  return at !== null && isInside({ x: view.x + margin, y: view.y + margin, w, h }, at.x, at.y);
}

/** Pins a page; moves the map only as far as it takes to see it. */
function goTo(pfn, always = false) {
  pfn = clamp(Math.floor(pfn), 0, lastPfn());
  chosen.pin = pfn;
  if (always || !isInSight(cellOf(pfn), 24 * view.dpr)) centre(cellOf(pfn));
  chosen.hover = null;   // the pointer may rest on the map: what was gone to is of more interest
  showDetails();
  repaint(false);
  keepLink();
}

function setLayout(layout) {
  if (layout !== 'rows' && layout !== 'hilbert' || layout === view.layout) return;
  const cell = nearestCell(view.width / 2, view.height / 2);
  view.layout = layout;
  findFit();
  centre(cell);
  el.layout.value = layout;
  showScale();
}

function resize() {
  const box = el.canvas;
  const ratio = window.devicePixelRatio || 1;
  const width = Math.max(1, Math.round(box.clientWidth * ratio)), height = Math.max(1, Math.round(box.clientHeight * ratio));
  if (width === view.width && height === view.height) return;
  keeping(view.width / 2, view.height / 2, () => {
    Object.assign(view, { width, height, dpr: ratio });
    box.width = width;
    box.height = height;
  });
  findFit();
  paint();   // at once: a canvas that was resized is empty
}

// ---- Words beside the map ----

const cellWord = () => data.pages_per_cell === 1 ? 'page' : 'cell';

function scaleText() {
  const word = cellWord(), step = 2 ** Math.abs(view.level);
  const cell = `${word}${data.pages_per_cell > 1 ? ` of ${data.pages_per_cell} pages` : ''} (${sizeOf(1)})`;
  if (view.level === 0) return `1 pixel = 1 ${cell}.`;
  if (view.level > 0) return `${step} × ${step} pixels = 1 ${cell}.`;
  return `1 pixel = ${step} × ${step} ${word}s and shows ` + (chosen.isolated.size
    ? 'a picked class wherever there is one of it: nothing is lost, areas look larger.'
    : `one of them by a fixed rule: shares of colours are right, single ${word}s may be missing.`);
}

const layoutText = () => view.layout === 'rows'
  ? `1 row = ${sizeOf(ROW)}, column by column.` : `1 tile = ${sizeOf(TILE)}, along a Hilbert curve.`;

function showScale() {
  const text = `${scaleText()} ${layoutText()}`, existing = sizeOf(data.cells - counts[kindClass[HOLE]]);
  el.zoom.textContent = view.level >= 0 ? `${2 ** view.level}:1` : `1:${2 ** -view.level}`;
  el.zoomIn.disabled = view.level >= LEVELS.most;
  el.zoomOut.disabled = view.level <= Math.min(fitLevel, 0);
  el.status.textContent = text;
  el.canvas.setAttribute('aria-label', `Map of ${existing} of physical memory, each ${cellWord()} in the colour of its class. ` +
    `${text} The tables of the report have the numbers; press ? for the keys.`);
}

function note(text, isWrong = false) {
  el.searchNote.textContent = text;
  el.searchNote.classList.toggle('is-wrong', isWrong);
}

function blockText({ free, movable, unmovable, hole }) {
  const parts = [`${free} free`, `${movable} movable`, `${unmovable} unmovable`];
  if (hole) parts.push(`${hole} hole`);
  return parts.join(', ');
}

function unitText({ first, pages, order }) {
  const what = order === null ? plural(pages, 'page') : `order ${order}`;
  return `${what}, ${sizeOf(pages)}${pages > 1 ? `, from ${hex(first)}` : ''}`;
}

function rowsOf({ pfn, flags, unit, zone, node, block }) {
  const last = pfn + data.pages_per_cell - 1, address = pfn * data.page_bytes;
  const rows = [
    ['PFN', last > pfn ? `${hex(pfn)} to ${hex(last)}` : `${hex(pfn)} = ${grouped(pfn)}`],
    ['address', `${hex(address)} = ${size(address)}`],
  ];
  if (typeof flags === 'string') rows.push(['flags', flags.split(',').join(', ') || 'none']);
  if (unit) rows.push([unit.free ? 'block' : 'folio', unitText(unit)]);
  rows.push(['zone', zone === null ? 'none' : `${zone}, node ${node}`]);
  if (block) rows.push([`its ${size(data.pmd_pages * data.page_bytes)}`, blockText(block)]);
  return rows;
}

/** The page under the pointer, or else the pinned one. */
function showDetails() {
  const fact = chosen.hover ?? (chosen.pin === null ? null : describe(cellOf(chosen.pin)));
  if (!fact) {
    el.details.replaceChildren(make('p', '', `Point at a ${cellWord()} to see what it is; click to pin it.`));
    return;
  }
  const title = make('h3');
  const whence = chosen.hover ? 'under the pointer' : 'pinned';
  title.append(swatch(fact.classIndex), make('span', '', fact.class), make('span', '', whence));
  const list = make('dl');
  for (const [name, text] of rowsOf(fact)) list.append(make('dt', '', name), make('dd', `is-${name}`, text));
  el.details.replaceChildren(title, list);
}

function showSelection() {
  el.selection.hidden = !chosen.selection;
  if (!chosen.selection) return;
  const [from, to] = chosen.selection, found = new Float64Array(data.classes.length);
  for (let cell = cellOf(from); cell <= cellOf(to); cell++) found[classAt(cell)]++;
  const whole = cellOf(to) - cellOf(from) + 1;
  const title = make('h3', '', `${hex(from)} to ${hex(to)}`), clear = make('button', '', 'Clear');
  clear.type = 'button';
  clear.addEventListener('click', () => select(null));
  title.append(clear);
  const table = make('table');
  const addRow = (first, count) => {
    const row = table.insertRow();
    row.insertCell().append(...first);
    for (const text of [grouped(pagesOf(count)), sizeOf(count), share(count, whole)]) row.insertCell().textContent = text;
  };
  found.forEach((count, index) => { if (count) addRow([swatch(index), data.classes[index].name], count); });
  addRow(['all pages'], whole);
  el.selection.replaceChildren(title, table);
}

function select(range) {
  chosen.selection = range && range.map(pfn => clamp(pfn, 0, lastPfn())).sort((a, b) => a - b);
  showSelection();
  repaint(false);
  keepLink();
}

// ---- Legend ----

const legendButtons = new Map();   // by class

function makeLegend() {
  const used = new Set(kindClass);
  let family = null;
  data.classes.forEach((one, index) => {
    if (!used.has(index)) return;
    const button = make('button', family !== null && family !== one.family ? 'is-new-family' : '');
    family = one.family;
    button.type = 'button';
    button.append(swatch(index), ...['is-name', 'is-pages', 'is-size', 'is-share'].map(name => make('span', name)));
    button.querySelector('.is-name').textContent = button.title = one.name;
    button.addEventListener('click', event => isolate(index, event.ctrlKey || event.metaKey || event.shiftKey));
    legendButtons.set(index, button);
    el.legend.append(button);
  });
  const unit = data.pages_per_cell > 1 ? `Counted by cells of ${data.pages_per_cell} pages. ` : '';
  el.legend.append(make('p', '', `${unit}Click a class to see it alone, with Ctrl or Shift several.`));
}

function showLegend() {
  const existing = data.cells - counts[kindClass[HOLE]];
  for (const [index, button] of legendButtons) {
    const count = counts[index], isHole = index === kindClass[HOLE];
    button.querySelector('.map-swatch').style.backgroundColor = swatchColour(index);
    button.querySelector('.is-pages').textContent = grouped(pagesOf(count));
    button.querySelector('.is-size').textContent = sizeOf(count);
    button.querySelector('.is-share').textContent = isHole ? '' : share(count, existing);
    button.classList.toggle('is-none', count === 0);
    button.setAttribute('aria-pressed', String(chosen.isolated.has(index)));
  }
  el.legend.classList.toggle('is-isolating', chosen.isolated.size > 0);
}

/** Shows a class alone, or beside those that are; once more releases it. */
function isolate(index, isMore) {
  const was = chosen.isolated.has(index), set = chosen.isolated;
  if (isMore) was ? set.delete(index) : set.add(index);
  else { const alone = was && set.size === 1; set.clear(); if (!alone) set.add(index); }
  isolationChanged();
}

function isolationChanged() {
  mixInk();
  showLegend();
  showScale();
  repaint(true);
  keepLink();
}

function setPalette(index, byReader) {
  chosen.palette = index;
  chosen.paletteByReader ||= byReader;
  el.palette.value = String(index);
  mixInk();
  showLegend();
  showDetails();
  showSelection();
  repaint(true);
  keepLink();
}

const darkness = window.matchMedia('(prefers-color-scheme: dark)');

/** The first palette that suits the theme of the page. */
function suitingPalette() {
  const theme = document.documentElement.dataset.theme;
  const dark = theme ? theme === 'dark' : darkness.matches;
  return Math.max(0, data.palettes.findIndex(palette => Boolean(palette.dark) === dark));
}

const followTheme = () => { if (!chosen.paletteByReader) setPalette(suitingPalette(), false); };

// ---- Search ----

const UNITS = { b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };   // 12.5G is 12.5GiB
const NUMBER = '(0x[0-9a-f]+|[0-9][0-9,_]*)';
const numberOf = text => Number(text.replace(/[,_]/g, ''));

/** What was asked for: {pfn}, {range}, {classIndex}, or {wrong} with a reason. */
function parseQuery(text) {
  const asked = text.trim().toLowerCase();
  const match = pattern => new RegExp(`^${pattern}$`).exec(asked);
  let found;
  if (!asked) return { wrong: 'Enter a PFN, an @address, a size as 12.5GiB, or the name of a class.' };
  if ((found = match(`(?:pfn:\\s*)?${NUMBER}\\s*-\\s*${NUMBER}`))) return inMemory(numberOf(found[1]), numberOf(found[2]));
  if ((found = match(`(?:pfn:\\s*)?${NUMBER}`))) return inMemory(numberOf(found[1]));
  if ((found = match(`(?:@|addr:)\\s*${NUMBER}`))) return inMemory(Math.floor(numberOf(found[1]) / data.page_bytes));
  if ((found = match('(?:@|addr:)?\\s*([0-9]+(?:\\.[0-9]+)?)\\s*([kmgt]i?b?|b)'))) {
    return inMemory(Math.floor(Number(found[1]) * UNITS[found[2][0]] / data.page_bytes));
  }
  const name = asked.replace(/\s+/g, '-');
  const classIndex = data.classes.findIndex(one => one.name.toLowerCase() === name || one.name.toLowerCase() === asked);
  if (classIndex >= 0) return { classIndex };
  if (match('[0-9a-f]+')) return { wrong: `“${text.trim()}” is no number here; hexadecimal begins with 0x.` };
  return { wrong: `“${text.trim()}” is no PFN, @address, size or class.` };
}

function inMemory(first, last = first) {
  const wrong = Math.max(first, last) > lastPfn();
  if (wrong) return { wrong: `PFN ${hex(Math.max(first, last))} is past the end of memory; the last is ${hex(lastPfn())}.` };
  return first === last ? { pfn: first } : { range: [first, last] };
}

function search() {
  const asked = parseQuery(el.search.value);
  if (asked.wrong) return note(asked.wrong, true);
  if (asked.classIndex !== undefined) return goToClass(asked.classIndex);
  if (asked.range) select(asked.range);
  const pfn = asked.range ? Math.min(...asked.range) : asked.pfn;
  goTo(pfn);
  if (!asked.range) return note(pinText());
  note(`Selected ${plural(chosen.selection[1] - chosen.selection[0] + 1, 'page')}.`);
}

const pinText = () => `${hex(chosen.pin)}: ${data.classes[classAt(cursorCell())].name}.`;
const cursorCell = () => chosen.pin === null ? -1 : cellOf(chosen.pin);

function goToClass(index) {
  const name = data.classes[index].name, total = data.cells, from = cursorCell();
  for (let step = 1; step <= total; step++) {
    const at = (from + step) % total;
    if (classAt(at) !== index || (at > 0 && classAt(at - 1) === index)) continue;
    let end = at + 1;
    while (end < total && classAt(end) === index) end++;
    goTo(pfnOf(at));
    const again = at <= from ? ', from the start again' : '';
    return note(`${name}: run of ${plural(pagesOf(end - at), 'page')} at ${hex(pfnOf(at))}${again}.`);
  }
  note(`No page is ${name} at this moment.`, true);
}

/** The next block that a few unmovable pages keep from being one huge page. */
function goToObstacle() {
  const span = data.pmd_pages / data.pages_per_cell;
  if (span < 2) return note('Cells of this map are as large as blocks: single obstacles cannot be seen.', true);
  const blocks = Math.ceil(data.cells / span), from = chosen.pin === null ? -1 : Math.floor(cursorCell() / span);
  for (let step = 1; step <= blocks; step++) {
    const block = (from + step) % blocks, end = Math.min(data.cells, (block + 1) * span);
    let first = -1, bad = 0;
    for (let at = block * span; at < end; at++) {
      if (isObstacle[classAt(at)]) { bad++; if (first < 0) first = at; }
    }
    if (!bad || bad * 2 >= span) continue;
    goTo(pfnOf(first));
    const what = `${plural(pagesOf(bad), 'unmovable page')} of ${data.pmd_pages} in the block at ${hex(pfnOf(block * span))}`;
    const again = block <= from ? ', from the start again' : '';
    return note(`${what}; the first is ${data.classes[classAt(first)].name}${again}.`);
  }
  note('No block is for less than half unmovable.', true);
}

function goToFreeRun() {
  let best = { start: 0, end: 0 };
  for (const zone of data.zones.length ? data.zones : [{ start: 0, end: pfnOf(data.cells) }]) {
    const most = Math.min(data.cells, Math.ceil(zone.end / data.pages_per_cell));
    for (let at = cellOf(zone.start); at < most; at++) {
      if (!isFree[classAt(at)]) continue;
      const start = at;
      while (at < most && isFree[classAt(at)]) at++;
      if (at - start > best.end - best.start) best = { start, end: at, zone };
    }
  }
  const count = best.end - best.start;
  if (!count) return note('No page is free at this moment.', true);
  select([pfnOf(best.start), pfnOf(best.end) - 1]);
  goTo(pfnOf(best.start));
  const where = best.zone.name === undefined ? '' : ` in zone ${best.zone.name}, node ${best.zone.node}`;
  note(`Largest free run: ${sizeOf(count)}, ${plural(pagesOf(count), 'page')} from ${hex(pfnOf(best.start))}${where}.`);
}

// ---- Time ----

const SNAPSHOT_EVERY = 16, SNAPSHOT_BYTES = 2 ** 28;
const snapshots = new Map();   // so that a step back is short
let latestWish = 0, playing = null;

function snapshot(number) {
  const fits = cells.byteLength * data.frames.length / SNAPSHOT_EVERY <= SNAPSHOT_BYTES;
  if (number && number % SNAPSHOT_EVERY === 0 && fits && !snapshots.has(number)) snapshots.set(number, cells.slice());
}

async function showMoment(number) {
  number = clamp(number, 0, data.frames.length - 1);
  const wish = ++latestWish;
  el.slider.value = String(number);
  const ready = await Promise.all(data.frames.slice(0, number + 1).map((_, at) => momentOf(at)));
  if (wish !== latestWish || number === chosen.frame) return;   // the reader went on meanwhile
  let at = chosen.frame;
  if (number < at) {
    at = Math.max(-1, ...[...snapshots.keys()].filter(key => key <= number));
    if (at >= 0) cells.set(snapshots.get(at));
  }
  while (at < number) { apply(ready[++at], at === 0); snapshot(at); }
  chosen.frame = number;
  momentChanged();
}

function momentChanged() {
  if (takeStock()) keeping(view.width / 2, view.height / 2, () => {});
  chosen.hover = chosen.hover && describe(chosen.hover.cell);
  showMomentText();
  showLegend();
  showDetails();
  showSelection();
  repaint(true);
  keepLink();
}

function showMomentText() {
  const { label, elapsed } = data.frames[chosen.frame];
  el.moment.textContent = `${chosen.frame + 1} of ${data.frames.length} · ${label} · ${elapsed}`;
  el.slider.setAttribute('aria-valuetext', `${label}, ${elapsed}`);
}

const step = by => showMoment(chosen.frame + by).catch(fail);

function play(on) {
  clearTimeout(playing);
  playing = null;
  el.play.textContent = on ? 'Pause' : 'Play';
  el.play.setAttribute('aria-pressed', String(on));
  if (!on) return;
  // Whoever wants little motion gets it slowly.
  const pause = window.matchMedia('(prefers-reduced-motion: reduce)').matches ? 2000 : 500;
  const next = () => {
    if (chosen.frame === data.frames.length - 1) return play(false);
    playing = setTimeout(() => showMoment(chosen.frame + 1).then(() => playing && next(), fail), pause);
  };
  if (chosen.frame < data.frames.length - 1) return next();
  playing = setTimeout(() => {}, 0);
  showMoment(0).then(() => playing && next(), fail);
}

// ---- Link: the view in the address ----

let linkTimer = null, isReady = false;

const isolatedNames = () => [...chosen.isolated].map(index => data.classes[index].name);

function linkText() {
  const parts = [], middle = hex(pfnOf(nearestCell(view.width / 2, view.height / 2)));
  const add = (key, value) => parts.push(`${key}=${value}`);
  if (chosen.pin !== null) add('pfn', hex(chosen.pin));
  if (chosen.pin === null || hex(chosen.pin) !== middle) add('at', middle);   // the middle of the view
  add('z', view.level >= 0 ? 2 ** view.level : `1/${2 ** -view.level}`);
  add('l', view.layout);
  if (data.frames.length > 1) add('t', chosen.frame);
  if (chosen.isolated.size) add('c', isolatedNames().map(encodeURIComponent).join(','));
  if (chosen.selection) add('sel', chosen.selection.map(hex).join('-'));
  if (chosen.paletteByReader) add('p', encodeURIComponent(data.palettes[chosen.palette].name));
  return '#' + parts.join('&');
}

function keepLink() {
  if (!isReady) return;
  clearTimeout(linkTimer);   // browsers refuse hundreds of changes a minute
  linkTimer = setTimeout(writeLink, 300);
}

function writeLink() {
  clearTimeout(linkTimer);
  try { history.replaceState(null, '', linkText()); } catch { /* some viewers of local files forbid it */ }
}

function plain(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

function levelOf(text) {
  const [whole, part = '1'] = plain(text).split('/');
  const level = Math.round(Math.log2(Number(whole) / Number(part)));
  return Number.isFinite(level) ? clamp(level, LEVELS.least, LEVELS.most) : null;
}

const pfnIn = text => { const found = parseQuery(text ?? ''); return found.pfn ?? null; };

/** Takes from the address what it says and leaves the rest as it is. */
async function readLink() {
  const said = Object.fromEntries(location.hash.slice(1).split('&').map(part => part.split(/=(.*)/s, 2)));
  const palette = said.p === undefined ? -1 : data.palettes.findIndex(one => one.name === plain(said.p));
  if (palette >= 0) setPalette(palette, true);
  if (said.t !== undefined && Number.isInteger(Number(said.t))) await showMoment(Number(said.t));
  if (said.l) setLayout(said.l);
  const level = said.z === undefined ? null : levelOf(said.z);
  if (level !== null) { keeping(0, 0, () => { view.level = level; }); showScale(); }
  if (said.c !== undefined) {
    const names = said.c.split(',').map(plain);
    chosen.isolated = new Set(data.classes.flatMap((one, index) => names.includes(one.name) ? [index] : []));
    isolationChanged();
  }
  if (said.sel !== undefined) {
    const { range, pfn } = parseQuery(plain(said.sel));
    if (range || pfn !== undefined) select(range ?? [pfn, pfn]);
  }
  const pinned = pfnIn(said.pfn), middle = pfnIn(said.at);
  if (pinned !== null) goTo(pinned, true);
  if (middle !== null) centre(cellOf(middle));
  if (pinned !== null || middle !== null) scrollToMap();
}

/** A link in a table of the report leads to the map, which may be out of sight. */
function scrollToMap() {
  const { top, bottom } = el.canvas.getBoundingClientRect();
  if (top < 0 || bottom > window.innerHeight) el.bar.scrollIntoView();
}

async function copyLink() {
  writeLink();
  try {
    await navigator.clipboard.writeText(location.href);
    note('The link is copied.');
  } catch {
    note(`The browser does not let a page copy; the address bar has the link: ${linkText()}`);
  }
}

// ---- Save ----

/** What of the canvas is map. */
function mapOnCanvas() {
  const x = Math.max(0, plan.left - view.x), y = Math.max(0, -view.y);
  const right = Math.min(view.width, plan.width - view.x), bottom = Math.min(view.height, plan.height - view.y);
  return { x, y, width: right - x, height: bottom - y };
}

/** The view with a legend and its scale below it, for it travels without this page. */
function pictureOfView() {
  const unit = view.dpr, line = Math.round(19 * unit), pad = Math.round(10 * unit), seen = mapOnCanvas();
  const canvas = document.createElement('canvas'), to = canvas.getContext('2d');
  const listed = [...legendButtons.keys()].filter(index => counts[index] > 0 && index !== kindClass[HOLE]);
  canvas.width = Math.max(seen.width, Math.round(320 * unit));
  const across = Math.max(1, Math.floor((canvas.width - 2 * pad) / (170 * unit)));
  const down = Math.ceil(listed.length / across), column = Math.floor((canvas.width - 2 * pad) / across);
  canvas.height = seen.height + (down + 1) * line + 2 * pad;
  to.fillStyle = ink.backCss;
  to.fillRect(0, 0, canvas.width, canvas.height);
  to.drawImage(el.canvas, seen.x, seen.y, seen.width, seen.height, 0, 0, seen.width, seen.height);
  to.font = context.font;
  to.textBaseline = 'middle';
  listed.forEach((index, number) => {
    const x = pad + Math.floor(number / down) * column, y = seen.height + pad + (number % down + 0.5) * line;
    drawEntry(to, index, x, y, column - 20 * unit);
  });
  to.fillStyle = ink.muted;
  to.fillText(el.status.textContent, pad, canvas.height - pad - line / 2, canvas.width - 2 * pad);
  return canvas;
}

function drawEntry(to, index, x, y, width) {
  const unit = view.dpr, box = Math.round(11 * unit), top = Math.round(y - box / 2);
  to.fillStyle = ink.muted;
  to.fillRect(x, top, box, box);
  to.fillStyle = swatchColour(index);
  to.fillRect(x + unit, top + unit, box - 2 * unit, box - 2 * unit);
  to.fillStyle = ink.text;
  to.fillText(data.classes[index].name, x + 18 * unit, y, width - 68 * unit);
  to.textAlign = 'right';
  to.fillStyle = ink.muted;
  to.fillText(share(counts[index], data.cells - counts[kindClass[HOLE]]), x + width, y);
  to.textAlign = 'left';
}

function savePicture() {
  paint();
  pictureOfView().toBlob(blob => {
    if (!blob) return note('The browser could not make a picture of this size.', true);
    const link = make('a');
    link.href = URL.createObjectURL(blob);
    link.download = `memory-${hex(pfnOf(nearestCell(0, 0)))}-${view.layout}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }, 'image/png');
}

// ---- Pointer ----

const fingers = new Map();   // pointers that are down, with where they are
let gesture = null;

/** Device pixels of the canvas. */
function pointOfEvent(event) {
  const box = el.canvas.getBoundingClientRect();
  const x = event.clientX - box.left - el.canvas.clientLeft, y = event.clientY - box.top - el.canvas.clientTop;
  return { x: x * view.dpr, y: y * view.dpr };
}
const cellAtPoint = ({ x, y }) => cellAtWorld(view.x + x, view.y + y);

function hover(cell) {
  if (cell === (chosen.hover ? chosen.hover.cell : null)) return;
  chosen.hover = cell === null ? null : describe(cell);
  showDetails();
  repaint(false);
}

function onDown(event) {
  if (event.button > 0) return;
  const at = pointOfEvent(event);
  fingers.set(event.pointerId, at);
  el.canvas.setPointerCapture(event.pointerId);
  el.canvas.focus({ preventScroll: true });
  if (fingers.size === 2) {
    const [one, two] = fingers.values();
    gesture = { name: 'pinch', spread: Math.hypot(one.x - two.x, one.y - two.y), level: view.level };
  } else if (event.shiftKey) {
    gesture = { name: 'select', from: cellAtPoint(at), start: at, moved: false };
  } else {
    gesture = { name: 'drag', start: at, last: at, moved: false };
  }
}

function onMove(event) {
  const at = pointOfEvent(event);
  if (!fingers.has(event.pointerId)) return hover(cellAtPoint(at));
  fingers.set(event.pointerId, at);
  if (!gesture) return;
  if (gesture.name === 'pinch') return pinch();
  // A click may shake a little.
  gesture.moved ||= Math.hypot(at.x - gesture.start.x, at.y - gesture.start.y) > 4 * view.dpr;
  if (!gesture.moved) return;
  if (gesture.name === 'drag') {
    el.canvas.classList.add('is-dragging');
    panBy(gesture.last.x - at.x, gesture.last.y - at.y);
    gesture.last = at;
  } else if (gesture.from !== null) {
    const to = cellAtPoint(at);
    if (to !== null) selectCells(gesture.from, to);
  }
}

const selectCells = (one, two) => select([pfnOf(Math.min(one, two)), pfnOf(Math.max(one, two) + 1) - 1]);

function pinch() {
  const [one, two] = fingers.values(), spread = Math.hypot(one.x - two.x, one.y - two.y);
  const middle = { x: (one.x + two.x) / 2, y: (one.y + two.y) / 2 };
  if (gesture.middle) panBy(gesture.middle.x - middle.x, gesture.middle.y - middle.y);
  gesture.middle = middle;
  setLevel(gesture.level + Math.round(Math.log2(spread / gesture.spread)), middle.x, middle.y);
}

function onUp(event) {
  if (!fingers.delete(event.pointerId) || !gesture) return;
  el.canvas.classList.remove('is-dragging');
  const cell = cellAtPoint(pointOfEvent(event)), { name, moved: wasDrag } = gesture;
  gesture = null;
  if (event.type === 'pointercancel' || wasDrag || name === 'pinch' || cell === null) return;
  if (name === 'select' && chosen.pin !== null) return selectCells(cursorCell(), cell);
  chosen.pin = pfnOf(cell);
  if (event.pointerType === 'touch') chosen.hover = null;
  showDetails();
  repaint(false);
  keepLink();
}

let turned = 0;     // trackpads send many small turns of the wheel
let lastTurn = 0;   // when the wheel last was the map's

function onWheel(event) {
  const at = pointOfEvent(event), scale = event.deltaMode === 1 ? 33 : event.deltaMode === 2 ? 400 : 1;
  turned += event.deltaY * scale;
  const direction = Math.sign(turned), needed = event.ctrlKey ? 12 : 60;
  // Where the whole map is in sight, a turn that begins here scrolls the page past it.
  const isPages = direction > 0 && view.level <= Math.min(fitLevel, 0) && event.timeStamp - lastTurn > 400;
  if (isPages && !event.ctrlKey) { turned = 0; return; }
  event.preventDefault();
  lastTurn = event.timeStamp;
  if (Math.abs(turned) < needed) return;
  turned = 0;
  setLevel(view.level - direction, at.x, at.y);
  hover(cellAtPoint(at));
}

// ---- Keys ----

function moveCursor(dx, dy) {
  let cell = nearestCell(view.width / 2, view.height / 2);   // where a cursor begins
  if (chosen.pin !== null) {
    const at = worldOf(cursorCell()), side = Math.max(1, plan.zoom);
    cell = cellAtWorld(at.x + dx * side, at.y + dy * side) ?? cursorCell() + dx + dy * ROW;
  }
  goTo(pfnOf(clamp(cell, 0, data.cells - 1)));
  note(pinText());
}

function arrow(dx, dy) {
  return event => event.shiftKey ? moveCursor(dx, dy) : panBy(dx * view.width / 8, dy * view.height / 8);
}

const toggleLayout = () => setLayout(view.layout === 'rows' ? 'hilbert' : 'rows');
const showHelp = () => el.helpBox.showModal();

const KEYS = {
  ArrowLeft: arrow(-1, 0), ArrowRight: arrow(1, 0), ArrowUp: arrow(0, -1), ArrowDown: arrow(0, 1),
  '+': () => setLevel(view.level + 1), '=': () => setLevel(view.level + 1), '-': () => setLevel(view.level - 1),
  Home: () => show(0, 0), End: () => show(plan.width - view.width, plan.height - view.height),
  '[': () => step(-1), ']': () => step(1), '/': () => { el.search.focus(); el.search.select(); },
  n: goToObstacle, f: goToFreeRun, l: toggleLayout, '?': showHelp,
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
  event.preventDefault();
  hover(null);   // the map may move below a pointer that rests
  KEYS[event.key](event);
}

function release() {
  chosen.pin = null;
  chosen.isolated.clear();
  note('');
  select(null);
  showDetails();
  isolationChanged();
}

// ---- Start ----

function listen() {
  const on = (target, name, act, options) => target.addEventListener(name, act, options);
  on(el.canvas, 'pointerdown', onDown);
  on(el.canvas, 'pointermove', onMove);
  on(el.canvas, 'pointerup', onUp);
  on(el.canvas, 'pointercancel', onUp);
  on(el.canvas, 'pointerleave', () => hover(null));
  on(el.canvas, 'wheel', onWheel, { passive: false });
  on(el.canvas, 'keydown', onKey);
  on(el.body, 'keydown', event => { if (event.key === 'Escape') release(); });
  on(el.bar, 'keydown', event => { if (event.key === 'Escape') el.canvas.focus(); });
  on(el.find, 'submit', event => { event.preventDefault(); search(); });
  on(el.obstacle, 'click', goToObstacle);
  on(el.freeRun, 'click', goToFreeRun);
  on(el.layout, 'change', () => setLayout(el.layout.value));
  on(el.palette, 'change', () => setPalette(Number(el.palette.value), true));
  on(el.zoomIn, 'click', () => setLevel(view.level + 1));
  on(el.zoomOut, 'click', () => setLevel(view.level - 1));
  on(el.copy, 'click', copyLink);
  on(el.save, 'click', savePicture);
  on(el.help, 'click', showHelp);
  on(el.helpClose, 'click', () => el.helpBox.close());
  on(el.slider, 'input', () => { play(false); showMoment(Number(el.slider.value)).catch(fail); });
  on(el.play, 'click', () => play(!playing));
  on(window, 'hashchange', () => readLink().catch(fail));
  on(darkness, 'change', followTheme);
  new MutationObserver(followTheme).observe(document.documentElement, { attributeFilter: ['data-theme'] });
  new ResizeObserver(resize).observe(el.canvas);
}

function fillChoices() {
  data.palettes.forEach((palette, index) => {
    const option = make('option', '', palette.name);
    option.value = String(index);
    el.palette.append(option);
  });
  el.time.hidden = data.frames.length < 2;
  el.slider.max = String(data.frames.length - 1);
}

function fail(error) {
  console.error(error);
  play(false);
  const isOld = typeof DecompressionStream === 'undefined';
  const why = isOld ? 'this browser is too old, it lacks DecompressionStream' : 'its data is damaged';
  el.message.textContent = `The map cannot be drawn: ${why}. The tables of this report do not need it.`;
  el.message.hidden = false;
  el.bar.hidden = el.body.hidden = true;
  return false;
}

async function start() {
  data = JSON.parse(byId('map-data').textContent);
  const first = await momentOf(0);
  cells = new (data.kinds.length <= 256 ? Uint8Array : Uint16Array)(data.cells);
  readKinds();
  apply(first, true);
  traceCurve();
  takeStock();
  fillChoices();
  makeLegend();
  setPalette(suitingPalette(), false);
  resize();
  view.level = ROW * 2 ** fitLevel / view.dpr >= LEAST_SIDE ? fitLevel : 0;
  makePlan();
  show(0, 0);
  showMomentText();
  showScale();
  paint();
  listen();
  await readLink();
  isReady = true;
  return true;
}

window.pagemapViz = {
  ready: start().catch(fail),
  state: () => ({
    pfn: chosen.pin, zoom: 2 ** view.level, layout: view.layout, frame: chosen.frame,
    isolated: isolatedNames(),
    palette: data.palettes[chosen.palette].name, selection: chosen.selection, hover: chosen.hover,
  }),
  goTo,
  /** What is drawn at a point of the canvas, in CSS pixels; null beside the map. */
  cellAt(x, y) {
    const cell = cellAtPoint({ x: x * view.dpr, y: y * view.dpr });
    return cell === null ? null : describe(cell);
  },
  /** Where a page is on the canvas, in CSS pixels; null when out of sight or left out. */
  pointOf(pfn) {
    const at = pfn >= 0 && pfn <= lastPfn() ? worldOf(cellOf(pfn)) : null;
    if (!at || at.gap) return null;
    const x = at.x - view.x, y = at.y - view.y;
    return x < 0 || y < 0 || x >= view.width || y >= view.height ? null : { x: x / view.dpr, y: y / view.dpr };
  },
};
})();
