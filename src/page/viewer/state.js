// The interactive map of the report: every cell of physical memory, at any zoom, in one canvas.
// Nothing is fetched, and text of the data enters the page by textContent alone.
(() => {
'use strict';

const ROW = 512;                 // cells of a row, and side of a Hilbert tile
const TILE = ROW * ROW;
const KEPT_HOLE_ROWS = 8;        // shorter holes are drawn, as in the pictures of the command line
const LEVELS = { least: -6, most: 4 };   // the zoom is 2^level device pixels a cell
const LEAST_SIDE = 64;           // CSS pixels of a row for the map to open as a whole, and not in part
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

