// ---- Words beside the map ----

/** What the report is of decides what the rest is. */
const holeWord = () => data.is_part ? 'hole, or not selected,' : 'hole';
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

function blockText({ free, movable, unmovable, unmarked, hole }) {
  const parts = [`${free} free`, `${movable} movable`, `${unmovable} unmovable`];
  if (unmarked) parts.push(`${unmarked} without a mark`);
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
    const name = index === kindClass[HOLE] && data.is_part ? 'hole, not selected' : one.name;
    button.querySelector('.is-name').textContent = button.title = name;
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

