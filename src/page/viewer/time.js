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

